"""Filing what came back, whatever it is called, packed or damaged."""

import io
import json
import os
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from course_kit.classroom.collect import (
    Collected,
    Due,
    collect,
    parse_due,
    read_extensions,
    read_late,
)
from tests.course_kit.grading.tiny_assignment import Raw, filled, tiny_course

STUDENTS = ["anna", "anna-2", "bo", "carl", "dana"]
PLAIN: Raw = {**filled("x"), "metadata": {}}
RETURNED = {
    "Anna Smith_1_assignsubmission_file_/whatever.ipynb": filled("anna"),
    "x_tiny_anna-2 (3).ipynb": PLAIN,
    "bo_late/tiny.IPYNB": PLAIN,
    "tiny_carl.ipynb": filled("dana"),
    "dana.ipynb.txt": filled("dana"),
    ".ipynb_checkpoints/tiny_carl.ipynb": filled("carl"),
    "nobody.ipynb": PLAIN,
    "other_carl.ipynb": {**PLAIN, "metadata": {"ada_tucker": {"assignment": "a2"}}},
    "readme.txt": PLAIN,
}


def pack(notebooks: dict[str, Raw | bytes], day: int = 7) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in notebooks.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            archive.writestr(zipfile.ZipInfo(name, (2027, 3, day, 12, 0, 0)), data)
    return stream.getvalue()


def check_collected(found: Collected, out: Path) -> None:
    assert set(found.filed) == {"anna", "anna-2", "bo", "dana"}
    assert found.missing == ["carl"]
    assert sorted(path.parts[-3] for path in out.rglob("*.ipynb")) == sorted(found.filed)
    notes = "\n".join(found.notes)
    assert "nobody.ipynb: neither" in notes
    assert "other_carl.ipynb: left out, it is assignment a2" in notes
    (conflict,) = found.conflicts
    assert "tiny_carl.ipynb: made for dana, but named for carl; not filed" in conflict


def test_collect_files_a_folder_by_student(tmp_path: Path) -> None:
    for name, notebook in RETURNED.items():
        path = tmp_path / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook))
    found = collect(tiny_course(STUDENTS), tmp_path / "inbox", tmp_path / "out")
    check_collected(found, tmp_path / "out")
    again = collect(tiny_course(STUDENTS), tmp_path / "inbox", tmp_path / "out")
    assert again.filed == found.filed
    assert not any("replaces" in note for note in again.notes)


def test_collect_files_zips_in_a_zip(tmp_path: Path) -> None:
    inner = pack({"deep/tiny_anna.ipynb": filled("anna")})
    outer: dict[str, Raw | bytes] = {**RETURNED, "Anna.zip": pack({"again.ZIP": inner})}
    (tmp_path / "inbox.zip").write_bytes(pack(outer))
    found = collect(tiny_course(STUDENTS), tmp_path / "inbox.zip", tmp_path / "out")
    check_collected(found, tmp_path / "out")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "bo.zip").write_bytes(inner)
    found = collect(tiny_course(["anna"]), tmp_path / "folder", tmp_path / "other")
    assert found.filed == {"anna": "bo.zip/deep/tiny_anna.ipynb"}


def test_a_contradiction_is_decided_by_a_person(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "tiny_carl.ipynb").write_text(json.dumps(filled("dana")))
    places = (tiny_course(STUDENTS), tmp_path / "inbox", tmp_path / "out")
    assert collect(*places).filed == {}
    assert collect(*places, decided={"tiny_carl.ipynb": "carl"}).filed == {
        "carl": "tiny_carl.ipynb"
    }
    assert collect(*places, decided={"tiny_carl.ipynb": ""}).conflicts == []
    with pytest.raises(ValueError, match="eve: not in the class list"):
        collect(*places, decided={"tiny_carl.ipynb": "eve"})


@pytest.mark.parametrize("notebook", [filled("anna"), PLAIN], ids=["labelled", "plain"])
def test_a_folder_may_contradict_too(notebook: Raw, tmp_path: Path) -> None:
    (tmp_path / "inbox" / "bo_102_file").mkdir(parents=True)
    (tmp_path / "inbox" / "tiny_anna.ipynb").write_text(json.dumps(filled("anna", first="a = 1")))
    path = tmp_path / "inbox" / "bo_102_file" / "tiny_anna.ipynb"  # as a friend sent it
    path.write_text(json.dumps(notebook))
    found = collect(tiny_course(STUDENTS), tmp_path / "inbox", tmp_path / "out")
    assert found.filed == {"anna": "tiny_anna.ipynb"}
    (conflict,) = found.conflicts
    assert "for anna, but named for bo; not filed: say whose it is" in conflict


def damaged(content: bytes, what: bytes, by: bytes) -> bytes:
    place = content.rindex(what)
    return content[:place] + by + content[place + len(what) :]


def zero_dates(content: bytes) -> bytes:
    """The same zip with the date 0, which no calendar has."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 10), (b"PK\x01\x02", 12)):
        place = content.index(mark) + offset
        changed[place : place + 4] = bytes(4)
    return bytes(changed)


def test_damaged_members_stop_nobody(tmp_path: Path) -> None:
    good = json.dumps(filled("anna")).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny_bo.ipynb", json.dumps(filled("bo")))
    squeezed = bytearray(stream.getvalue())
    squeezed[60:90] = bytes(30)
    (tmp_path / "inbox").mkdir()
    files = {
        "bo.zip": bytes(squeezed),
        "dates.zip": zero_dates(pack({"tiny_anna.ipynb": good})),
        "cut.zip": pack({"tiny_carl.ipynb": filled("carl")})[:-30],
        "no.zip": b"PK no zip",
        "carl_\udcff.ipynb": b'{"worksheets": [{"cells": 5}]}',
        "tiny_dana.ipynb": b'{"nbformat": 4, "cells": 3, "metadata": {"ada_tucker": {"student": [1]}}}',
    }
    for name, content in files.items():
        (tmp_path / "inbox" / name).write_bytes(content)
    (tmp_path / "inbox" / "loop.ipynb").symlink_to("loop.ipynb")
    due = Due(datetime(2027, 3, 1, tzinfo=UTC))
    found = collect(tiny_course(STUDENTS), tmp_path / "inbox", tmp_path / "out", due)
    assert set(found.filed) == {"anna", "carl", "dana"}
    notes = "\n".join(found.notes)
    for name in (
        "bo.zip/tiny_bo.ipynb: cannot",
        "cut.zip: cannot",
        "no.zip: cannot",
        "has no date",
    ):
        assert name in notes
    notes.encode()


def test_who_is_late_and_who_has_more_time(tmp_path: Path) -> None:
    (tmp_path / "inbox.zip").write_bytes(pack({f"tiny_{s}.ipynb": filled(s) for s in STUDENTS[2:]}))
    (tmp_path / "more.csv").write_text("student,due\nbo,2027-03-08\ncarl,2027-03-06T12:00+00:00\n")
    course = tiny_course(STUDENTS)
    noon = datetime(2027, 3, 7, 12).astimezone()
    due = Due(noon - timedelta(hours=26), read_extensions(tmp_path / "more.csv", course))
    found = collect(course, tmp_path / "inbox.zip", tmp_path / "out", due)
    assert set(found.late) == {"carl", "dana"}
    assert found.late["dana"] == 26 * 3600
    assert read_late(tmp_path / "out", "tiny") == found.late
    assert read_late(tmp_path, "tiny") == {}


@pytest.mark.parametrize(
    ("table", "message"),
    [("student\nbo", "one must be named due"),
     ("student,due\neve,2027-01-01", "'eve' is not in the class"),
     ("student,due\nbo,soon", "bo: Invalid")],
)  # fmt: skip
def test_bad_extensions_are_refused(table: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text(table)
    with pytest.raises(ValueError, match=message):
        read_extensions(tmp_path / "more.csv", tiny_course(STUDENTS))


def test_times_with_and_without_a_zone() -> None:
    assert parse_due("2027-03-01T12:00+01:00") == datetime(2027, 3, 1, 11, tzinfo=UTC)
    assert parse_due("2027-03-01") == datetime(2027, 3, 1, 23, 59, 59).astimezone()
    assert parse_due("2027-03-01T08:00").tzinfo is not None


def test_of_two_the_newest_counts_and_what_is_replaced_is_said(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for age, name in ((0, "tiny_anna (1).ipynb"), (100, "tiny_anna.ipynb")):
        (inbox / name).write_text(json.dumps(filled("anna", first=f"age = {age}")))
        os.utime(inbox / name, (time.time() - age, time.time() - age))
    found = collect(tiny_course(["anna"]), inbox, tmp_path / "out")
    assert "age = 0" in (tmp_path / "out" / "anna" / "tiny" / "tiny.ipynb").read_text()
    assert found.notes == ["anna: tiny_anna (1).ipynb counts, it is newer than tiny_anna.ipynb"]
    (inbox / "tiny_anna (1).ipynb").write_text(json.dumps(filled("anna", first="age = -1")))
    assert any("replaces what was filed" in n for n in collect(
        tiny_course(["anna"]), inbox, tmp_path / "out").notes)  # fmt: skip


def test_a_zip_cannot_write_outside(tmp_path: Path) -> None:
    (tmp_path / "inbox.zip").write_bytes(pack({"../../escaped_anna.ipynb": filled("anna")}))
    found = collect(tiny_course(["anna"]), tmp_path / "inbox.zip", tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("*escaped*"))
    assert found.missing == ["anna"]


def test_inbox_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        collect(tiny_course(["anna"]), tmp_path / "none", tmp_path / "out")

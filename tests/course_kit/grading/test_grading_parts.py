"""Reading, assembling, handing out and collecting notebooks, without running any."""

import json
import os
import time
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from course_kit.grading.assemble import STUDENT, TEST, assemble
from course_kit.grading.assignment import INSTRUCTOR, load_assignment
from course_kit.grading.cells import UnreadableNotebook, read_submission
from course_kit.grading.collect import Collected, collect
from course_kit.grading.course import load_course, read_roster, release
from tests.course_kit.grading.tiny_assignment import (
    POINTS,
    SEED,
    Raw,
    filled,
    find,
    handed_out,
    raw_cell,
    tiny_assignment,
    tiny_course,
)  # fmt: skip

TINY = tiny_assignment()


def assembled(notebook: Raw) -> tuple[list[str], list[str], dict[str, str]]:
    cells = read_submission(json.dumps(notebook).encode()).cells
    result = assemble(cells, TINY.cells, TINY.cells_of("who", SEED))
    return [step.name for step in result.steps], result.notes, result.forfeited


def test_points_are_those_of_the_test_cells() -> None:
    assert TINY.points == POINTS


def test_what_is_handed_out_holds_no_solution() -> None:
    text = TINY.for_student("anna", 3)
    assert "NotImplementedError" in text
    assert "return 2 * x" not in text
    assert "negative" not in text
    assert json.loads(text)["metadata"]["ada_tucker"] == {
        "assignment": "tiny", "student": "anna", "course_seed": 3,
    }  # fmt: skip


def test_untouched_notebook_is_the_instructors_with_stubs() -> None:
    steps, notes, forfeited = assembled(handed_out("who"))
    assert steps == ["setup", "double", "double_test", "rows", "rows_test"]
    assert notes == []
    assert forfeited == {}


def test_hidden_tests_come_back() -> None:
    cells = read_submission(json.dumps(filled("who")).encode()).cells
    steps = assemble(cells, TINY.cells, TINY.cells_of("who", SEED)).steps
    (test,) = (step for step in steps if step.grade_id == "double_test")
    assert test.role == TEST
    assert "negative" in test.source
    assert [step.name for step in steps if step.role == STUDENT] == ["double", "rows"]


@pytest.mark.parametrize("change", ["\r\n", " \n", "\n\n"])
def test_white_space_is_no_tampering(change: str) -> None:
    notebook = filled("who")
    cell = find(notebook, "double_test")
    cell["source"] = cell["source"].replace("\n", "\r\n") + change
    assert assembled(notebook)[2] == {}


@pytest.mark.parametrize(
    ("grade_id", "order", "forfeited", "note"),
    [
        (
            "rows_test",
            ["setup", "double", "double_test", "rows", "rows_test"],
            {"rows_test": "the test cell was deleted"},
            "earns nothing",
        ),
        # Behind all that the student wrote before the instructor's next cell.
        (
            "double_test",
            ["setup", "double", "rows", "double_test", "rows_test"],
            {"double_test": "the test cell was deleted"},
            "earns nothing",
        ),
        (
            "setup",
            ["setup", "double", "double_test", "rows", "rows_test"],
            {},
            "the read-only cell was deleted; the original was run",
        ),
    ],
)
def test_deleted_cells_come_back_to_their_place(
    grade_id: str, order: list[str], forfeited: dict[str, str], note: str
) -> None:
    notebook = filled("who")
    notebook["cells"].remove(find(notebook, grade_id))
    steps, notes, lost = assembled(notebook)
    assert steps == order
    assert lost == forfeited
    assert note in notes[0]


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_a_test_turned_into_text_is_tampered_with(kind: str) -> None:
    notebook = filled("who")
    find(notebook, "rows_test")["cell_type"] = kind
    assert assembled(notebook)[2] == {"rows_test": "the test cell was changed"}


def test_everything_deleted_but_ones_own_cell() -> None:
    steps, notes, forfeited = assembled({"nbformat": 4, "cells": [raw_cell("x = 1")]})
    assert set(steps) == {"setup", "cell 2", "double_test", "rows_test"}
    assert set(forfeited) == set(POINTS)
    assert len(notes) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"{", "broken JSON in line 1, column 2"),
        (b"3", "a JSON int, no notebook"),
        (b"{}", "no list of cells"),
        (b'{"worksheets": 3}', "no list of cells"),
        (b"[" * 100_000, "broken JSON"),
        (b"PK\x03\x04", "broken JSON"),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_reason(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableNotebook, match=message):
        read_submission(content)


@pytest.mark.parametrize(
    "cell", [{}, {"source": None}, {"source": [1]}, {"metadata": 3}, {"metadata": {"nbgrader": "x"}},
             {"metadata": {"nbgrader": {"points": "many", "grade": 1}}}],
)  # fmt: skip
def test_odd_cells_are_read_as_far_as_they_go(cell: Raw) -> None:
    content = json.dumps({"nbformat": 4, "cells": [cell, 3, None]}).encode()
    assert len(read_submission(content).cells) == 1


def test_roster_with_semicolons_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("Name;ID number\nAnna Größe;anna-1\n;\nBo, Li;bo\n", encoding="utf-8-sig")
    assert read_roster(path) == {"anna-1": "Anna Größe", "bo": "Bo, Li"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mail\na@b", "one must be named student or"),
        ("student\n../../etc", "line 2: '../../etc' is no id"),
        ("student\nanna\nANNA", "line 3: ANNA comes twice"),
        ("student\n", "names no students"),
        ("", "has the columns"),
    ],
)
def test_bad_roster_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_roster(path)


def test_release_never_overwrites_and_adds_who_comes_late(tmp_path: Path) -> None:
    (first,) = release(TINY, {"anna": ""}, SEED, tmp_path)
    first.write_text("mine")
    (second,) = release(TINY, {"anna": "", "bo": "Bo"}, SEED, tmp_path)
    assert (first.name, second.name) == ("tiny_anna.ipynb", "tiny_bo.ipynb")
    assert first.read_text() == "mine"
    assert load_course(tmp_path, "tiny").students == {"anna": "", "bo": "Bo"}
    with pytest.raises(ValueError, match=f"was released with seed {SEED}"):
        release(TINY, {"anna": ""}, SEED + 1, tmp_path)


def test_unknown_assignment_is_named_with_those_there_are() -> None:
    assert INSTRUCTOR.is_dir()
    with pytest.raises(ValueError, match=r"'a9' is not in .* choose of a1, a2"):
        load_assignment("a9")


STUDENTS = ["anna", "anna-2", "bo", "carl", "dana"]
RETURNED = {
    "Anna Smith_1_assignsubmission_file_/whatever.ipynb": filled("anna"),
    "x_tiny_anna-2 (3).ipynb": {**filled("x"), "metadata": {}},
    "bo_late/tiny.ipynb": {**filled("x"), "metadata": {}},
    "tiny_carl.ipynb": filled("dana"),
    ".ipynb_checkpoints/tiny_carl.ipynb": filled("carl"),
    "nobody.ipynb": {**filled("x"), "metadata": {}},
    "other_carl.ipynb": {**filled("carl"), "metadata": {"ada_tucker": {"assignment": "a2"}}},
}


def check_collected(found: Collected, out: Path) -> None:
    assert set(found.filed) == {"anna", "anna-2", "bo", "dana"}
    assert found.missing == ["carl"]
    assert sorted(path.parts[-3] for path in out.rglob("*.ipynb")) == sorted(found.filed)
    notes = "\n".join(found.notes)
    assert "tiny_carl.ipynb: filed as dana, as it says inside, not as carl" in notes
    assert "nobody.ipynb: neither" in notes
    assert "other_carl.ipynb: left out, it is assignment a2" in notes


def test_collect_files_a_folder_by_student(tmp_path: Path) -> None:
    for name, notebook in RETURNED.items():
        path = tmp_path / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook))
    found = collect(tiny_course(STUDENTS), tmp_path / "inbox", tmp_path / "out")
    check_collected(found, tmp_path / "out")
    again = collect(tiny_course(STUDENTS), tmp_path / "inbox", tmp_path / "out")
    assert again.filed == found.filed


def test_collect_files_a_zip_and_names_the_late(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "inbox.zip", "w") as archive:
        for name, notebook in RETURNED.items():
            day = 9 if "bo" in name.split("_")[0] else 7
            member = zipfile.ZipInfo(name, (2027, 3, day, 12, 0, 0))
            archive.writestr(member, json.dumps(notebook))
    due = datetime(2027, 3, 8)
    found = collect(tiny_course(STUDENTS), tmp_path / "inbox.zip", tmp_path / "out", due)
    check_collected(found, tmp_path / "out")
    assert found.late == ["bo"]


def test_of_two_the_newest_counts(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for age, name in ((0, "tiny_anna (1).ipynb"), (100, "tiny_anna.ipynb")):
        (inbox / name).write_text(json.dumps(filled("anna", first=f"age = {age}")))
        os.utime(inbox / name, (time.time() - age, time.time() - age))
    found = collect(tiny_course(["anna"]), inbox, tmp_path / "out")
    assert "age = 0" in (tmp_path / "out" / "anna" / "tiny" / "tiny.ipynb").read_text()
    assert found.notes == ["anna: tiny_anna (1).ipynb counts, it is newer than tiny_anna.ipynb"]


def test_a_zip_cannot_write_outside(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "inbox.zip", "w") as archive:
        archive.writestr("../../escaped_anna.ipynb", json.dumps(filled("anna")))
    found = collect(tiny_course(["anna"]), tmp_path / "inbox.zip", tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("*escaped*"))
    assert found.missing == ["anna"]


def test_inbox_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        collect(tiny_course(["anna"]), tmp_path / "none", tmp_path / "out")

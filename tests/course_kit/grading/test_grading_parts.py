"""Reading and assembling notebooks, without running any."""

import json
from typing import Any

import pytest

from course_kit.grading.assemble import STUDENT, TEST, Step, assemble
from course_kit.grading.assignment import INSTRUCTOR, load_assignment
from course_kit.grading.cells import UnreadableNotebook, read_submission
from course_kit.grading.names import bound, giver, needed
from tests.course_kit.grading.tiny_assignment import (
    POINTS,
    SEED,
    Raw,
    filled,
    find,
    handed_out,
    raw_cell,
    tiny_assignment,
)  # fmt: skip

TINY = tiny_assignment()


def assembled(notebook: Raw) -> tuple[list[Step], list[str]]:
    cells = read_submission(json.dumps(notebook).encode()).cells
    result = assemble(cells, TINY.cells, TINY.cells_of("who", SEED))
    return result.steps, result.notes


def names(steps: list[Step]) -> list[str]:
    return [step.name for step in steps]


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
    steps, notes = assembled(handed_out("who"))
    assert names(steps) == ["setup", "double", "double_test", "rows", "rows_test"]
    assert notes == []


def test_no_text_of_a_test_is_run_in_the_kernel() -> None:
    steps, _ = assembled(filled("who"))
    assert [step.source for step in steps if step.role == TEST] == ["", ""]
    assert not any("assert" in step.source for step in steps)
    assert [step.name for step in steps if step.role == STUDENT] == ["double", "rows"]


@pytest.mark.parametrize("change", ["\r\n", " \n", "\n\n"])
def test_white_space_is_no_change(change: str) -> None:
    notebook = filled("who")
    cell = find(notebook, "double_test")
    cell["source"] = cell["source"].replace("\n", "\r\n") + change
    assert assembled(notebook)[1] == []


@pytest.mark.parametrize(
    ("grade_id", "order"),
    [
        ("rows_test", ["setup", "double", "double_test", "rows", "rows_test"]),
        # Behind all that the student wrote before the instructor's next cell.
        ("double_test", ["setup", "double", "rows", "double_test", "rows_test"]),
        ("setup", ["setup", "double", "double_test", "rows", "rows_test"]),
    ],
)
def test_deleted_cells_come_back_to_their_place(grade_id: str, order: list[str]) -> None:
    notebook = filled("who")
    notebook["cells"].remove(find(notebook, grade_id))
    steps, notes = assembled(notebook)
    assert names(steps) == order
    assert notes == [f"{grade_id}: was deleted; the original was run"]


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_a_test_turned_into_text_comes_back(kind: str) -> None:
    notebook = filled("who")
    find(notebook, "rows_test")["cell_type"] = kind
    steps, notes = assembled(notebook)
    assert names(steps) == ["setup", "double", "double_test", "rows", "rows_test"]
    assert notes == ["rows_test: was changed; the original was run"]


def test_what_was_added_below_a_test_runs_as_the_students_own() -> None:
    notebook = filled("who")
    find(notebook, "double_test")["source"] += "\nprint(double(3))"
    steps, notes = assembled(notebook)
    assert [step.role for step in steps][1:4] == [STUDENT, TEST, STUDENT]
    assert steps[3].source.endswith("print(double(3))")
    assert notes == ["double_test: was changed; the original was run"]


@pytest.mark.parametrize(
    ("change", "source", "note"),
    [
        (lambda source: source + "\nimport math", "import math", "has lines of the student's own"),
        (lambda source: "data = 0", "me.tensor", "was changed; the original was run"),
        (lambda source: "", "me.tensor", "was changed; the original was run"),
    ],
)
def test_lines_added_to_a_read_only_cell_run_and_what_replaces_it_does_not(
    change: Any, source: str, note: str
) -> None:
    notebook = filled("who")
    cell = find(notebook, "setup")
    cell["source"] = change(cell["source"])
    steps, notes = assembled(notebook)
    assert names(steps) == ["setup", "double", "double_test", "rows", "rows_test"]
    assert source in steps[0].source
    assert "me.tensor" in steps[0].source
    assert note in notes[0]


def test_everything_deleted_but_ones_own_cell() -> None:
    steps, notes = assembled({"nbformat": 4, "cells": [raw_cell("x = 1")]})
    assert set(names(steps)) == {"setup", "cell 1", "double_test", "rows_test"}
    assert len(notes) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"{", "broken JSON in line 1, column 2"),
        (b"3", "a JSON int, no notebook"),
        (b"{}", "no list of cells"),
        (b'{"worksheets": 3}', "no list of cells"),
        (b'{"worksheets": [{"cells": 5}]}', "no list of cells"),
        (b'{"cells": [], "x": ' + b"9" * 5_000 + b"}", "broken JSON"),
        (b"[" * 100_000, "broken JSON"),
        (b"PK\x03\x04", "broken JSON"),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_reason(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableNotebook, match=message):
        read_submission(content)


@pytest.mark.parametrize(
    "cell", [{}, {"source": None}, {"source": [1]}, {"metadata": 3}, {"metadata": {"nbgrader": "x"}},
             {"metadata": {"nbgrader": {"points": "many", "grade": 1}}},
             {"metadata": {"nbgrader": {"points": 10**400, "grade": 1, "grade_id": ["\udfff"]}}},
             {"metadata": {"nbgrader": {"points": -1e308, "grade": 1, "grade_id": None}}},
             {"cell_type": {"a": 1}, "source": {"b": "\ud800"}, "metadata": {"ada_tucker": [1]}}],
)  # fmt: skip
def test_odd_cells_are_read_as_far_as_they_go(cell: Raw) -> None:
    content = json.dumps({"nbformat": 4, "cells": [cell, 3, None]}).encode()
    (found,) = read_submission(content).cells
    assert 0 <= found.points < 1e6
    f"{found}".encode()  # whole characters only


def test_a_label_of_anything_is_text() -> None:
    label: Any = {"student": ["\ud800\x1b[2J"], "course_seed": 10**300, "assignment": None}
    content = json.dumps({"nbformat": 4, "cells": [], "metadata": {"ada_tucker": label}}).encode()
    found = read_submission(content).label
    assert "\\x1b" in found["student"]
    assert len(found["course_seed"]) <= 120


def test_names_of_a_cell() -> None:
    source = "%matplotlib inline\nimport numpy as np\ndef f(a, b=k):\n    return a + outer\n"
    source += "y = [f(z) for z in x]"
    assert needed(source) >= {"k", "outer", "x"}
    assert not needed(source) & {"a", "b", "z"}
    assert bound(source) == {"np", "f", "y"}


def test_who_gives_a_name() -> None:
    cells = TINY.cells
    at = len(cells) - 1
    given = {name: giver(name, cells, at) for name in ("me", "data", "rows", "double", "np", "abs")}
    assert given == {"me": 1, "data": 1, "np": 1, "rows": None, "double": None, "abs": None}


def test_unknown_assignment_is_named_with_those_there_are() -> None:
    assert INSTRUCTOR.is_dir()
    with pytest.raises(ValueError, match=r"'a9' is not in .* choose of a1, a2"):
        load_assignment("a9")

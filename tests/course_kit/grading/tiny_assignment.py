"""A tiny assignment in nbgrader's format, and submissions to it: right, wrong and hostile."""

import json
import textwrap
from pathlib import Path
from typing import Any

from course_kit.grading.assignment import Assignment
from course_kit.grading.course import Course

SEED = 7
SETUP = """
import numpy as np
from course_kit.checks.variants import this_student
me = this_student()
data = me.tensor("tiny", (3, 4))
"""
DOUBLE = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
DOUBLE_TEST = """
assert np.allclose(double(data), 2 * data), "double is wrong"
### BEGIN HIDDEN TESTS
assert abs(double(-3.0) + 6.0) < 1e-9, "double is wrong for negative numbers"
### END HIDDEN TESTS
"""
ROWS = "def rows(x):\n    ### BEGIN SOLUTION\n    return x.sum(axis=1)\n    ### END SOLUTION"
ROWS_TEST = """
error = float(np.abs(rows(data) - [sum(row) for row in data]).max())
assert error < 1e-9, f"rows: first wrong index 0, error {error}"
print(f"LEADERBOARD {me.student_id} error={error:.6f} bytes=12")
"""
FULL, POINTS = 5.0, {"double_test": 2.0, "rows_test": 3.0}
RIGHT = {
    "double": "def double(x):\n    return x + x",
    "rows": "def rows(x):\n    return x @ np.ones(4)",
}

Raw = dict[str, Any]


def raw_cell(source: str, grade_id: str = "", kind: str = "code", **about: Any) -> Raw:
    marks = {"grade": False, "solution": False, "locked": False, "schema_version": 3, **about}
    metadata = {"nbgrader": {"grade_id": grade_id, **marks}} if grade_id else {}
    cell: Raw = {"cell_type": kind, "metadata": metadata, "source": source.strip("\n")}
    if kind == "code":
        cell |= {"outputs": [], "execution_count": None}
    return cell


def tiny_assignment() -> Assignment:
    cells = [
        raw_cell("# Tiny", "title", "markdown", locked=True),
        raw_cell(SETUP, "setup", locked=True),
        raw_cell(DOUBLE, "double", solution=True),
        raw_cell(DOUBLE_TEST, "double_test", grade=True, locked=True, points=2),
        raw_cell(ROWS, "rows", solution=True),
        raw_cell(ROWS_TEST, "rows_test", grade=True, locked=True, points=3),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return Assignment("tiny", json.dumps(notebook))


def handed_out(student: str, seed: int = SEED) -> Raw:
    notebook: Raw = json.loads(tiny_assignment().for_student(student, seed))
    return notebook


def find(notebook: Raw, grade_id: str) -> Raw:
    cells: list[Raw] = notebook["cells"]
    return next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def filled(student: str, answers: dict[str, str] | None = None, first: str = "") -> Raw:
    """A student's notebook with the cells of that name replaced, and a cell of theirs put first."""
    notebook = handed_out(student)
    for grade_id, source in {**RIGHT, **(answers or {})}.items():
        find(notebook, grade_id)["source"] = textwrap.dedent(source).strip("\n")
    if first:
        notebook["cells"].insert(2, raw_cell(textwrap.dedent(first)))
    return notebook


def file(folder: Path, student: str, notebook: Raw | bytes) -> None:
    """Put a submission where `collect` would."""
    path = folder / student / "tiny" / "tiny.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode())


def tiny_course(students: list[str]) -> Course:
    return Course("tiny", SEED, dict.fromkeys(students, ""))

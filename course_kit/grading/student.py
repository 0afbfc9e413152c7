"""From an instructor's notebook to a student's: solutions become stubs, hidden tests disappear.

The marks in the cells are nbgrader's own (`### BEGIN SOLUTION`, `### BEGIN HIDDEN TESTS`), and so is
the metadata, so that a course which runs nbgrader uses the same notebooks.
"""

import copy
import re
import textwrap
from typing import Any

STUB = "# your code here\nraise NotImplementedError\n"
SOLUTION, HIDDEN = "SOLUTION", "HIDDEN TESTS"
SETUP_CALL = "this_student()"
METADATA_KEY = "ada_tucker"

Notebook = Any  # nbformat's NotebookNode: a dict with attributes, untyped by its library


def student_copy(notebook: Notebook) -> Notebook:
    """Copy an instructor's notebook as a student gets it; what the copy is made from stays as it is.

    A region between the solution marks becomes a stub of the same indentation, a solution cell without
    marks becomes a stub as a whole, hidden tests and all outputs are dropped.

    Raises
    ------
    ValueError
        If the marks of a cell do not come in pairs, or stand in a cell that is not for them.
    """
    student = copy.deepcopy(notebook)
    for cell in student.cells:
        about = cell.metadata.get("nbgrader", {})
        place = f"cell {about.get('grade_id') or cell.source.splitlines()[:1]}"
        source, solutions = _replace(cell.source, SOLUTION, STUB, place)
        source, hidden = _replace(source, HIDDEN, "", place)
        if solutions and not about.get("solution"):
            raise ValueError(f"{place}: a solution outside a solution cell would be handed out")
        if hidden and not about.get("grade"):
            raise ValueError(f"{place}: hidden tests outside a test cell would never be run")
        untouched = STUB.strip().splitlines()[-1] in source
        if about.get("solution") and cell.cell_type == "code" and not (solutions or untouched):
            source = STUB
        cell.source = source.strip("\n")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if about.get("solution") or about.get("grade") or about.get("locked"):
            cell.metadata["deletable"] = False  # as nbgrader's own: Jupyter keeps students from it
            if not about.get("solution"):
                cell.metadata["editable"] = False
    student.metadata.pop("widgets", None)
    return student


def personal_copy(
    notebook: Notebook, assignment: str, student_id: str, course_seed: int
) -> Notebook:
    """Copy an instructor's notebook for one student, who then sees their own variant at home.

    The notebook's metadata say whom it is for, and its set-up cell asks for that student's variant.
    """
    student = student_copy(notebook)
    student.metadata[METADATA_KEY] = {
        "assignment": assignment,
        "student": student_id,
        "course_seed": course_seed,
    }
    own = f"this_student({student_id!r}, {course_seed})"
    for cell in student.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("locked"):
            cell.source = cell.source.replace(SETUP_CALL, own)
    return student


def _replace(source: str, kind: str, stub: str, place: str) -> tuple[str, int]:
    """The source with a stub for every region of a kind, as deep as its mark, and how many there were."""
    region = rf"^([ \t]*)### BEGIN {kind}[ \t]*\n.*?^[ \t]*### END {kind}[ \t]*(?:\n|\Z)"
    pattern = re.compile(region, re.MULTILINE | re.DOTALL)
    changed, count = pattern.subn(lambda found: textwrap.indent(stub, found[1]), source)
    for mark in (f"### BEGIN {kind}", f"### END {kind}"):
        if source.count(mark) != count:
            raise ValueError(
                f"{place}: {mark!r} comes {source.count(mark)} times in {count} regions"
            )
    return changed, count

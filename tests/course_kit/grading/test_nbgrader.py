"""nbgrader itself takes assignment 1 as it is: generates, autogrades, and comes to the same marks.

nbgrader is no dependency of the course. To run this, install it somewhere and say where:

    python -m venv /tmp/nbgrader && /tmp/nbgrader/bin/pip install nbgrader==0.9.6
    ADA_NBGRADER=/tmp/nbgrader/bin/python pytest -m slow tests/course_kit/grading/test_nbgrader.py
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_kit.grading.assignment import load_assignment
from course_kit.grading.course import Course
from course_kit.grading.grade import grade_folder
from course_kit.grading.student import STUB, student_copy
from tests.course_kit.grading.assignment_runs import ROOT, code_cells, read

NBGRADER_PYTHON = os.environ.get("ADA_NBGRADER", "")
CONFIG = f"""
c = get_config()
c.CourseDirectory.course_id = "ada"
c.ClearSolutions.code_stub = {{"python": {STUB.strip()!r}}}
c.ExecutePreprocessor.timeout = 120
"""
MARKS = """
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    marks = {
        submission.student.id: {grade.name: grade.auto_score for grade in notebook.grades}
        for submission in book.assignment_submissions("a1")
        for notebook in submission.notebooks
    }
print(json.dumps(marks))
"""
WRONG = {
    "unfold": "def my_unfold(tensor, mode):\n    return tensor.reshape(tensor.shape[mode], -1)",
    "fold": "def my_fold(matrix, mode, shape):\n    return matrix.reshape(shape)",
    "column": "def my_column(index, mode, shape):\n    return 0",
    "mode-dot": "def my_mode_dot(tensor, matrix, mode):\n    return tensor",
    "multi": "def my_multi_mode_dot(tensor, matrices):\n    raise ValueError('no idea')",
    "numbers": "answers = {'columns': 1, 'column': None}",
}
# What students do to cells that are not theirs; the points are for the answers.
TAMPERED = {
    "test_emptied": {"test-unfold": ""},
    "test_true": {"test-unfold": "assert True", "test-fold": "1"},
    "test_printed": {"test-mode-dot": "checks.mode_dot(my_mode_dot, me)\nprint('done')"},
    "test_broken": {"test-column": "def ("},
    "test_own_function": {"test-multi": "my_multi_mode_dot = checks.multi_mode_dot"},
    "setup_changed": {"setup": "me = None"},
    "question_changed": {"question": "shape, mode, rows, entry = (2, 2, 2, 2), 1, 1, (0, 0, 0, 0)"},
    "picture_emptied": {"picture-unfold": "", "picture": ""},
}

Notebook = Any

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NBGRADER_PYTHON, reason="ADA_NBGRADER names no Python with nbgrader"),
]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course folder of nbgrader's with assignment 1 in it, and a kernel that has our packages."""
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    write(read("a1"), tmp_path / "source" / "a1" / "a1.ipynb")
    kernel = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "env": {"PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"},
    }
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(kernel))
    return tmp_path


def write(notebook: Notebook, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def nbgrader(course: Path, *arguments: str) -> str:
    """Run nbgrader's Python in the course folder; give what it prints."""
    programs = (
        f"{Path(NBGRADER_PYTHON).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls some
    )
    own = {"JUPYTER_PATH": str(course / "jupyter"), "HOME": str(course), "PATH": programs}
    environment = os.environ | own
    for name in ("ADA_STUDENT", "ADA_COURSE_SEED", "PYTHONPATH"):
        environment.pop(name, None)
    done = subprocess.run(
        [NBGRADER_PYTHON, *arguments],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def answered(released: Notebook, answers: dict[str, str]) -> Notebook:
    """A released notebook with some cells filled in."""
    notebook = nbformat.from_dict(json.loads(json.dumps(released)))
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
    return notebook


def submissions(released: Notebook) -> dict[str, Notebook]:
    """Thirty of them: untouched, right, wrong in parts, and each kind of tampering on top of some."""
    solution = code_cells(read("a1"))
    found = {"untouched": released, "right": answered(released, solution)}
    for number, names in enumerate(itertools.chain(WRONG, itertools.combinations(WRONG, 2))):
        wrong = {name: WRONG[name] for name in ([names] if isinstance(names, str) else names)}
        if number < 20:
            found[f"wrong{number}"] = answered(released, solution | wrong)
    for number, (name, changes) in enumerate(TAMPERED.items()):
        partly = {"fold": WRONG["fold"]} if number % 2 else {}
        found[name] = answered(released, solution | partly | changes)
    return found


def ours(notebooks: dict[str, Notebook], folder: Path) -> dict[str, dict[str, float]]:
    """Marks of the same submissions by this course's grader."""
    for student, notebook in notebooks.items():
        write(notebook, folder / "in" / student / "a1" / "a1.ipynb")
    course = Course("a1", 0, dict.fromkeys(notebooks, ""))
    results = grade_folder(load_assignment("a1"), course, folder / "in", folder / "out", jobs=2)
    return {
        result["student"]: {p["grade_id"]: p["earned"] for p in result["problems"]}
        for result in results
    }


def test_nbgrader_comes_to_the_same_marks(course: Path, tmp_path: Path) -> None:
    nbgrader(course, "-m", "nbgrader", "generate_assignment", "a1", "--create")
    released = nbformat.read(course / "release" / "a1" / "a1.ipynb", as_version=4)
    assert code_cells(released) == code_cells(student_copy(read("a1")))
    locked = [cell.metadata.get("editable") for cell in released.cells]
    assert locked == [cell.metadata.get("editable") for cell in student_copy(read("a1")).cells]

    notebooks = submissions(released)
    assert len(notebooks) == 30
    for student, notebook in notebooks.items():
        write(notebook, course / "submitted" / student / "a1" / "a1.ipynb")
    nbgrader(course, "-m", "nbgrader", "autograde", "a1", "--create")
    theirs = json.loads(nbgrader(course, "-c", MARKS))
    own = ours(notebooks, tmp_path)
    assert {s: own[s] for s in notebooks if own[s] != theirs[s]} == {}, theirs
    assert sum(own["right"].values()) == 20
    assert sum(own["untouched"].values()) == 0
    assert 0 < sum(own["wrong0"].values()) < 20
    assert sum(own["test_emptied"].values()) == 20

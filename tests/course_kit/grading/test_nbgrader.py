"""nbgrader itself takes assignment 1 as it is: generates, autogrades, and comes to the same marks.

nbgrader is no dependency of the course. To run this, install it somewhere and say where:

    python -m venv /tmp/nbgrader && /tmp/nbgrader/bin/pip install nbgrader==0.9.6
    ADA_NBGRADER=/tmp/nbgrader/bin/python pytest -m slow tests/course_kit/grading/test_nbgrader.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_kit.grading.student import STUB, student_copy
from tests.course_kit.grading.assignment_runs import ROOT, code_cells, points, read, run

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
    "column": "def my_column(index, mode, shape):\n    return 0",
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


def test_nbgrader_comes_to_the_same_marks(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbgrader(course, "-m", "nbgrader", "generate_assignment", "a1", "--create")
    released = nbformat.read(course / "release" / "a1" / "a1.ipynb", as_version=4)
    assert code_cells(released) == code_cells(student_copy(read("a1")))

    solution = code_cells(read("a1"))
    submissions = {
        "right": answered(released, solution),
        "wrong": answered(released, solution | WRONG),
        "untouched": released,
        "tampered": answered(released, {"test-unfold": "pass"}),
    }
    for student, notebook in submissions.items():
        write(notebook, course / "submitted" / student / "a1" / "a1.ipynb")
    nbgrader(course, "-m", "nbgrader", "autograde", "a1", "--create")
    marks = json.loads(nbgrader(course, "-c", MARKS))

    worth = points(read("a1"))
    restored = {name: solution[name] for name in worth}  # graders bring tests back
    for student, notebook in submissions.items():
        monkeypatch.chdir(course)
        said = run(answered(notebook, restored), monkeypatch, student="practice")[1]
        ours = {name: 0 if said[name] else worth[name] for name in worth}
        assert marks[student] == ours, student
    assert sum(marks["right"].values()) == 20
    assert 0 < sum(marks["wrong"].values()) < 20
    assert sum(marks["untouched"].values()) == sum(marks["tampered"].values()) == 0

"""What students get: generated, without solutions or hidden tests, and in nbgrader's own format."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_kit.grading.student import personal_copy, student_copy
from tests.course_kit.grading.assignment_runs import FOLDER, NAMES, code_cells, read, run
from tools.notebooks import assignments as assign
from tools.notebooks.source import NotebookError

SOURCE = '''\
# %% [markdown]
# # Tiny

# %% nbgrader={"grade_id": "setup"}
from course_kit.checks.variants import this_student

me = this_student()

# %% nbgrader={"grade_id": "double", "solution": true}
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% nbgrader={"grade_id": "test-double", "points": 2}
assert double(2) == 4
### BEGIN HIDDEN TESTS
assert double(7) == 14
### END HIDDEN TESTS
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a0_tiny.py").write_text(SOURCE)
    return tmp_path


def tiny(folder: Path, change: tuple[str, str] = ("", "")) -> Any:
    source = folder / "src" / "a0_tiny.py"
    source.write_text(SOURCE.replace(*change) if change[0] else SOURCE)
    return assign.instructor_notebook(source)


def test_solutions_become_stubs_and_hidden_tests_disappear(folder: Path) -> None:
    instructor = tiny(folder)
    before = nbformat.writes(instructor)
    cells = code_cells(student_copy(instructor))
    assert cells["double"].endswith(
        '"""Twice x."""\n    # your code here\n    raise NotImplementedError'
    )
    assert cells["test-double"] == "assert double(2) == 4"
    assert nbformat.writes(instructor) == before, "the instructor's notebook was changed"


def test_a_copy_of_a_copy_is_the_same(folder: Path) -> None:
    once = student_copy(tiny(folder))
    assert nbformat.writes(student_copy(once)) == nbformat.writes(once)


def test_outputs_are_cleared(folder: Path) -> None:
    instructor = tiny(folder)
    instructor.cells[1].outputs = [nbformat.v4.new_output("stream", text="a secret")]
    instructor.cells[1].execution_count = 3
    assert "secret" not in nbformat.writes(student_copy(instructor))


def test_a_solution_cell_without_marks_becomes_a_stub_as_a_whole(folder: Path) -> None:
    instructor = tiny(
        folder,
        ("    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION\n", "    return 2 * x\n"),
    )
    assert (
        code_cells(student_copy(instructor))["double"]
        == "# your code here\nraise NotImplementedError"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("    ### END SOLUTION\n", ""), "BEGIN SOLUTION' comes 1 times in 0 regions"),
        (("    ### BEGIN SOLUTION\n", ""), "END SOLUTION' comes 1 times in 0 regions"),
        (
            ("    return 2 * x\n", "    ### BEGIN SOLUTION\n    return 2 * x\n"),
            "comes 2 times in 1",
        ),
        (('"solution": true', '"solution": false'), "outside a solution cell"),
        ((', "points": 2', ""), "outside a test cell"),
    ],
)
def test_marks_that_would_leak_a_solution_are_refused(
    folder: Path, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        student_copy(tiny(folder, change))


def test_a_personal_copy_knows_its_student_at_home(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = personal_copy(tiny(folder), "a0", 'o\'neil "x"', 7)
    assert copy.metadata.ada_tucker == {
        "assignment": "a0",
        "student": 'o\'neil "x"',
        "course_seed": 7,
    }
    monkeypatch.delenv("ADA_STUDENT", raising=False)
    namespace: dict[str, Any] = {}
    exec(code_cells(copy)["setup"], namespace)
    assert namespace["me"].student_id == 'o\'neil "x"'
    assert namespace["me"].course_seed == 7


@pytest.mark.parametrize("assignment", NAMES)
def test_released_copies_show_the_students_own_variant(assignment: str) -> None:
    setup = code_cells(personal_copy(read(assignment), assignment, "anna", 7))["setup"]
    assert "me = this_student('anna', 7)" in setup


def test_committed_notebooks_are_what_their_sources_give(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = assign.main(["check"])
    assert code == 0, capsys.readouterr().err
    assert sorted(path.stem for path in (FOLDER / "student").glob("*.ipynb")) == sorted(
        NAMES.values()
    )


@pytest.mark.parametrize("assignment", NAMES)
def test_the_committed_student_copy_is_the_generated_one(assignment: str) -> None:
    assert student_copy(read(assignment)) == read(assignment, "student")


@pytest.mark.parametrize("assignment", NAMES)
def test_no_line_of_a_solution_or_a_hidden_test_is_handed_out(assignment: str) -> None:
    student = nbformat.writes(read(assignment, "student"))
    handed_out = {
        line.strip()
        for cell in code_cells(read(assignment, "student")).values()
        for line in cell.splitlines()
    }
    secret = [line for cell in code_cells(read(assignment)).values() for line in secret_lines(cell)]
    assert len(secret) > 10
    trivial = {"", "]", ")", "(", "else:", "}"}
    assert not (set(secret) - trivial) & handed_out
    assert "BEGIN" not in student
    assert "hard=True" not in student


def secret_lines(source: str) -> list[str]:
    """The lines between the marks of one cell."""
    lines, inside = [], False
    for line in source.splitlines():
        if line.strip().startswith("### "):
            inside = "BEGIN" in line
        elif inside:
            lines.append(line.strip())
    return lines


@pytest.mark.parametrize("assignment", NAMES)
@pytest.mark.parametrize("kind", ["instructor", "student"])
def test_metadata_are_nbgraders_own(assignment: str, kind: str) -> None:
    notebook = read(assignment, kind)
    nbformat.validate(notebook)
    ids = [cell.metadata.nbgrader.grade_id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell in notebook.cells:
        about = cell.metadata.nbgrader
        assert about.schema_version == 3
        assert about.locked != about.solution
        assert about.grade == ("points" in about)
        assert not (about.grade and about.solution)
        assert about.cell_type == cell.cell_type
        assert cell.cell_type == "markdown" or cell.outputs == []


def test_build_then_check_then_every_fault(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assign.main(["build", "--folder", str(folder)]) == 0
    assert assign.main(["check", "--folder", str(folder)]) == 0
    student = folder / "student" / "a0_tiny.ipynb"
    student.write_text(student.read_text().replace("Twice", "Thrice"))
    assert assign.main(["check", "--folder", str(folder)]) == 1
    assert f"{student}: differs from a0_tiny.py: run 'make notebooks'" in capsys.readouterr().err
    student.unlink()
    shutil.copy(folder / "instructor" / "a0_tiny.ipynb", folder / "instructor" / "a9_gone.ipynb")
    assert assign.main(["check", "--folder", str(folder)]) == 1
    message = capsys.readouterr().err
    assert "missing" in message
    assert "a9_gone.ipynb: has no source" in message


def test_one_id_for_two_cells_is_refused(folder: Path) -> None:
    with pytest.raises(NotebookError, match=r"\['double'\] comes twice"):
        tiny(folder, ("test-double", "double"))


def test_the_tiny_assignment_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tiny(folder), monkeypatch, student="anna")[1] == {"test-double": ""}
    marks = run(student_copy(tiny(folder)), monkeypatch, student="anna")[1]
    assert marks == {"test-double": "NotImplementedError: "}

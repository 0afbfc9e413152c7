"""Assignment 4: what a file is worth, quickly with a file that is there, slowly with real training."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from course_kit.checks import network
from tests.course_kit.grading.assignment_runs import (
    Namespace,
    Wrong,
    code_cells,
    outcome,
    points,
    read,
    run,
    tried,
)
from tests.course_kit.grading.planted_a4 import FILES, FUNCTIONS, GOOD

TESTS = code_cells(read("a4"))
SMALLER = network.MOST_BYTES  # before a fixture changes it
WRONG_FUNCTIONS = [
    pytest.param(test, wrong, id=f"{test}-{wrong.answer.__name__}")
    for test, planted in FUNCTIONS.items()
    for wrong in planted.wrong
]
RIGHT_FUNCTIONS = [
    pytest.param(test, answer, id=f"{test}-{answer.__name__}")
    for test, planted in FUNCTIONS.items()
    for answer in planted.right
]
WRONG_FILES = [(test, wrong) for test, planted in FILES.items() for wrong in planted.wrong]
RIGHT_FILES = [(test, content) for test, planted in FILES.items() for content in planted.right]
WRITES_A_FILE = (
    "from tests.course_kit.grading.planted_a4 import GOOD\n"
    "my_compress = lambda path, _: path.write_bytes(GOOD)"
)


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook with a network that is there already, under a budget that it keeps."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(tmp_path_factory.mktemp("a4"))
        monkeypatch.setenv("ADA_BUDGET", "smoke")
        monkeypatch.setattr(network, "LEAST_BYTES", 1_900)
        monkeypatch.setattr(network, "MOST_BYTES", 2_000)
        notebook = read("a4")
        namespace, marks = run(
            notebook, monkeypatch, student="anna", given={"compress": WRITES_A_FILE}
        )
        assert marks == dict.fromkeys(points(notebook), "")
        yield namespace


def test_points_add_up_and_every_problem_has_planted_answers() -> None:
    assert sum(points(read("a4")).values()) == 20
    assert set(points(read("a4"))) == set(FUNCTIONS) | set(FILES)


@pytest.mark.parametrize(("test", "wrong"), WRONG_FUNCTIONS)
def test_a_wrong_function_scores_nothing_and_is_told_why(
    solved: Namespace, test: str, wrong: Wrong
) -> None:
    Path("lenet300.ada").write_bytes(GOOD)
    said = tried(TESTS[test], solved, FUNCTIONS[test].name, wrong.answer)
    assert said.startswith("CheckFailed: "), said
    assert wrong.says in said


@pytest.mark.parametrize(("test", "answer"), RIGHT_FUNCTIONS)
def test_a_right_function_in_another_style_scores_full(
    solved: Namespace, test: str, answer: Any
) -> None:
    Path("lenet300.ada").write_bytes(GOOD)
    assert tried(TESTS[test], solved, FUNCTIONS[test].name, answer) == ""


@pytest.mark.parametrize(("test", "wrong"), WRONG_FILES)
def test_a_wrong_file_scores_nothing_and_is_told_why(
    solved: Namespace, test: str, wrong: Wrong
) -> None:
    path = Path("lenet300.ada")
    path.unlink(missing_ok=True)
    if wrong.answer is not None:
        path.write_bytes(wrong.answer)
    said = outcome(TESTS[test], solved)
    assert said.startswith("CheckFailed: "), said
    assert wrong.says in said


@pytest.mark.parametrize(("test", "content"), RIGHT_FILES)
def test_a_good_file_scores_full(solved: Namespace, test: str, content: bytes) -> None:
    Path("lenet300.ada").write_bytes(content)
    assert outcome(TESTS[test], solved) == ""


def test_the_leaderboard_line_says_error_and_bytes(
    solved: Namespace, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("lenet300.ada").write_bytes(GOOD)
    assert outcome(TESTS["test-file"], solved) == ""
    line = capsys.readouterr().out.strip()
    assert re.fullmatch(rf"LEADERBOARD anna error=\d+\.\d\d bytes={len(GOOD)}", line)


def test_no_file_that_comes_with_the_course_keeps_the_budget() -> None:
    assert len(GOOD) > SMALLER


def test_an_untouched_copy_scores_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADA_BUDGET", "smoke")
    (tmp_path / "lenet300.ada").write_bytes(GOOD)  # a file handed in beside the notebook
    notebook = read("a4", "student")
    _, marks = run(notebook, monkeypatch, student="anna")
    assert list(marks) == list(points(notebook))
    assert all(marks.values()), marks


def test_the_instructors_training_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps on a few digits: a file within the budget, whatever it reads."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADA_BUDGET", "smoke")
    few = TESTS["data"] + "\nimages, labels, pool = images[:256], labels[:256], [images[:256]]"
    _, marks = run(read("a4"), monkeypatch, student="bob", given={"data": few})
    assert {test for test, said in marks.items() if not said} >= {
        "test-plan",
        "test-file",
        "test-error",
    }


@pytest.mark.slow
@pytest.mark.parametrize("student", ["practice", "anna", "bob"])
def test_the_instructors_copy_scores_full(
    student: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = read("a4")
    _, marks = run(notebook, monkeypatch, student=student)
    assert marks == dict.fromkeys(points(notebook), "")

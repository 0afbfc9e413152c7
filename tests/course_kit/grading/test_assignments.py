"""The assignments bite: right answers of any style score full, wrong and untouched ones nothing."""

from __future__ import annotations

import itertools
import re
import sys
from typing import Any

import pytest

from course_kit.grading.bench import Bench
from course_kit.grading.cells import to_cell
from tests.course_kit.grading import planted_a1, planted_a2, planted_a3
from tests.course_kit.grading.assignment_runs import (
    NAMES,
    ROOT,
    Namespace,
    Planted,
    Wrong,
    code_cells,
    outcome,
    points,
    read,
    run,
    tried,
)
from tests.course_kit.grading.local_border import LocalSession

PLANTED: dict[str, dict[str, Planted]] = {
    "a1": planted_a1.PLANTED,
    "a2": planted_a2.PLANTED,
    "a3": planted_a3.PLANTED,
}
STUDENTS = ("practice", "anna", "Ö. Ünlü 17")
WRONG = [
    pytest.param(assignment, test, wrong, id=f"{test}-{getattr(wrong.answer, '__name__', '')}")
    for assignment, problems in PLANTED.items()
    for test, planted in problems.items()
    for wrong in planted.wrong
]
RIGHT = [
    pytest.param(assignment, test, answer, id=f"{test}-{answer.__name__}")
    for assignment, problems in PLANTED.items()
    for test, planted in problems.items()
    for answer in planted.right
]

Solved = dict[str, Namespace]


@pytest.fixture(scope="module")
def solved() -> Any:
    """The namespaces of the instructor's notebooks, each run once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield {
            assignment: run(read(assignment), monkeypatch, student="anna")[0]
            for assignment in PLANTED
        }


@pytest.mark.parametrize(("assignment", "student"), list(itertools.product(PLANTED, STUDENTS)))
def test_the_instructors_copy_scores_full(
    assignment: str, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = read(assignment)
    _, marks = run(notebook, monkeypatch, student=student)
    assert marks == dict.fromkeys(points(notebook), "")
    assert sum(points(notebook).values()) == 20


@pytest.mark.parametrize("assignment", PLANTED)
def test_an_untouched_student_copy_scores_nothing(
    assignment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = read(assignment, "student")
    _, marks = run(notebook, monkeypatch, student="anna")
    assert list(marks) == list(points(notebook))
    assert all(marks.values()), marks
    assert not [
        said for said in marks.values() if said.startswith("CheckFailed") and "yet" not in said
    ]


def test_the_teaching_page_names_every_test_with_its_points() -> None:
    page = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    rubric = re.findall(r"^\| (a\d) \| [^|]+ \| `([\w-]+)` \| (\d+) \|$", page, re.MULTILINE)
    found = [(name, *pair) for name in NAMES for pair in points(read(name)).items()]
    assert [(name, test, int(worth)) for name, test, worth in rubric] == found
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert links
    assert all((ROOT / "docs" / link).exists() for link in links)


@pytest.mark.parametrize("assignment", PLANTED)
def test_every_problem_has_planted_answers(assignment: str) -> None:
    numbers = {"test-numbers"}  # its answers are planted below
    assert set(points(read(assignment))) == set(PLANTED[assignment]) | numbers
    for planted in PLANTED[assignment].values():
        assert len(planted.wrong) >= 2
        assert len(planted.right) >= 2


@pytest.mark.parametrize(("assignment", "test", "wrong"), WRONG)
def test_a_planted_wrong_answer_scores_nothing_and_is_told_why(
    solved: Solved, assignment: str, test: str, wrong: Wrong
) -> None:
    cell = code_cells(read(assignment))[test]
    said = tried(cell, solved[assignment], PLANTED[assignment][test].name, wrong.answer)
    assert said.startswith("CheckFailed: "), said
    assert wrong.says in said


@pytest.mark.parametrize(("assignment", "test", "answer"), RIGHT)
def test_a_right_answer_in_another_style_scores_full(
    solved: Solved, assignment: str, test: str, answer: Any
) -> None:
    cell = code_cells(read(assignment))[test]
    assert tried(cell, solved[assignment], PLANTED[assignment][test].name, answer) == ""


@pytest.mark.parametrize(("assignment", "test", "answer"), RIGHT)
def test_a_right_answer_in_another_style_scores_full_across_the_border(
    solved: Solved, assignment: str, test: str, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert across(solved, assignment, test, answer, monkeypatch) == ""


@pytest.mark.parametrize(("assignment", "test", "wrong"), WRONG)
def test_a_planted_wrong_answer_scores_nothing_across_the_border(
    solved: Solved, assignment: str, test: str, wrong: Wrong, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wrong.says in across(solved, assignment, test, wrong.answer, monkeypatch)


def across(
    solved: Solved, assignment: str, test: str, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> str:
    """What a test on the grader's side says of an answer on the student's."""
    monkeypatch.setenv("ADA_STUDENT", "anna")
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    cells = [to_cell(cell) for cell in read(assignment).cells]
    place = next(k for k, cell in enumerate(cells) if cell.grade_id == test)
    names = {**solved[assignment], PLANTED[assignment][test].name: answer}
    verdict = Bench(cells, 60.0).judge(place, LocalSession(names))
    assert verdict.earned == (0 if verdict.message else cells[place].points)
    return verdict.message


@pytest.mark.parametrize("assignment", PLANTED)
def test_numbers_of_a_neighbour_are_wrong(
    solved: Solved, assignment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbour, _ = run(read(assignment), monkeypatch, student="bob")
    test = code_cells(read(assignment))["test-numbers"]
    said = tried(test, solved[assignment], "answers", neighbour["answers"])
    assert "which is not right" in said


@pytest.mark.parametrize("assignment", PLANTED)
def test_each_number_counts_and_is_not_given_away(solved: Solved, assignment: str) -> None:
    test = code_cells(read(assignment))["test-numbers"]
    answers = solved[assignment]["answers"]
    for name, number in answers.items():
        for wrong in (number + 1, str(number) + "?", [number], float("nan")):
            said = tried(test, solved[assignment], "answers", {**answers, name: wrong})
            assert said.startswith(f"CheckFailed: answers['{name}']"), said
        said = tried(test, solved[assignment], "answers", {**answers, name: None})
        assert "not filled in yet" in said
        said = tried(test, solved[assignment], "answers", {**answers, name: -1})
        assert f" {number}" not in said
    assert "a dict is needed" in tried(test, solved[assignment], "answers", list(answers))


@pytest.mark.parametrize("assignment", PLANTED)
def test_numbers_may_be_numpys_or_floats(solved: Solved, assignment: str) -> None:
    import numpy as np

    test = code_cells(read(assignment))["test-numbers"]
    for kind in (float, np.int64, np.float64):
        answers = {name: kind(n) for name, n in solved[assignment]["answers"].items()}
        assert outcome(test, {**solved[assignment], "answers": answers}) == ""

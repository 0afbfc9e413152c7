"""What every notebook of the course has: questions before and after, links that lead somewhere."""

import ast
import re

import pytest

from tools.notebooks.source import FOLDER, Notebook, Pair, find_pairs, read_source

COURSE, SOLUTIONS = find_pairs(FOLDER, []), find_pairs(FOLDER / "solutions", [])
EVERY = [*COURSE, *SOLUTIONS]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
FOLD = re.compile(r"<details><summary>(.+?)</summary>\n\n(.+?)\n\n</details>", re.DOTALL)
QUESTION = re.compile(r"^\*\*\d\.\*\* ", re.MULTILINE)
EXERCISE = re.compile(r"^(\d)\. ", re.MULTILINE)


def name(pair: Pair) -> str:
    return str(pair.built.relative_to(FOLDER))


def text_of(notebook: Notebook, start: str) -> str:
    """The one markdown cell with these words in it."""
    (cell,) = [c for c in notebook.cells if c.cell_type == "markdown" and start in c.source]
    return str(cell.source)


@pytest.mark.parametrize("pair", COURSE, ids=name)
def test_three_questions_come_before_and_each_has_an_answer(pair: Pair) -> None:
    folds = FOLD.findall(text_of(read_source(pair.source), "**Before you start.**"))
    assert len(folds) == 3
    assert all(question.endswith("?") and len(answer) > 5 for question, answer in folds)


@pytest.mark.parametrize("pair", COURSE, ids=name)
def test_at_least_three_questions_come_at_the_end_each_with_one_right_answer(pair: Pair) -> None:
    _, *questions = QUESTION.split(text_of(read_source(pair.source), "## Check yourself"))
    assert len(questions) >= 3
    for question in questions:
        reasons = [reason for _, reason in FOLD.findall(question)]
        assert len(reasons) >= 2, question
        assert [reason.startswith("Yes.") for reason in reasons].count(True) == 1, question
        assert all(reason.startswith(("Yes.", "No.")) for reason in reasons), question
        wrong = [reason for reason in reasons if reason.startswith("No.")]
        assert all(len(reason) > 10 for reason in wrong), (
            f"a wrong answer needs its reason: {question}"
        )


@pytest.mark.parametrize("pair", EVERY, ids=name)
def test_links_lead_to_files(pair: Pair) -> None:
    text = "\n".join(c.source for c in read_source(pair.source).cells if c.cell_type == "markdown")
    links = LINK.findall(text)
    assert links
    known = {each.built.resolve() for each in EVERY}  # built or about to be
    targets = [(pair.built.parent / link).resolve() for link in links]
    assert [str(path) for path in targets if path not in known and not path.exists()] == []


@pytest.mark.parametrize("pair", COURSE, ids=name)
def test_who_names_the_paper_says_which(pair: Pair) -> None:
    text = "\n".join(c.source for c in read_source(pair.source).cells if c.cell_type == "markdown")
    if re.search(r"\b(the|this) paper\b", text):
        assert "references.md" in text


@pytest.mark.parametrize("pair", COURSE, ids=name)
def test_no_silent_assert_stands_downstream_of_what_a_student_edits(pair: Pair) -> None:
    edited = False
    for cell in read_source(pair.source).cells:
        if cell.cell_type == "code" and edited:
            code = "\n".join(line for line in cell.source.splitlines() if line[:1] != "%")
            asserts = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Assert)]
            assert all(node.msg for node in asserts), f"say what was expected and why: {code}"
        edited = edited or "# change me" in cell.source


@pytest.mark.parametrize("pair", SOLUTIONS, ids=name)
def test_every_exercise_of_a_notebook_with_solutions_has_one(pair: Pair) -> None:
    asked = text_of(read_source(FOLDER / "src" / pair.source.name), "**Exercises.**")
    asked = asked.partition("**Exercises.**")[2]
    assert f"](solutions/{pair.name}.ipynb)" in asked
    solved = "\n".join(c.source for c in read_source(pair.source).cells)
    for number in EXERCISE.findall(asked):
        assert re.search(rf"^## {number}\. ", solved, re.MULTILINE), f"exercise {number}"

"""The cells that are run for a submission: the student's own, and the instructor's own tests.

Whatever is locked comes from the instructor's notebook. A test that the student changed or deleted is
restored and run, so that the feedback can tell what it would have said, but it earns nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from course_kit.grading.cells import Cell

STUDENT, LOCKED, TEST = "student", "locked", "test"


@dataclass(frozen=True)
class Step:
    """One code cell to run.

    Attributes
    ----------
    role : STUDENT, LOCKED (the instructor's, no points) or TEST
    source : what is run
    name : how messages call it
    grade_id : of a test, else ""
    """

    role: str
    source: str
    name: str
    grade_id: str = ""


@dataclass(frozen=True)
class Assembly:
    """What to run, what the teacher should know, and which tests earn nothing, with the reason."""

    steps: list[Step]
    notes: list[str]
    forfeited: dict[str, str]


def assemble(
    submitted: Sequence[Cell], instructor: Sequence[Cell], handed_out: Sequence[Cell]
) -> Assembly:
    """Put the instructor's locked cells and tests into a submission.

    Parameters
    ----------
    submitted : cells of the submission
    instructor : cells of the instructor's notebook, with hidden tests
    handed_out : the same cells as the student got them

    Examples
    --------
    >>> test = Cell("code", "assert x == 1", "t", locked=True, graded=True, points=1)
    >>> cheat = Cell("code", "pass", "t", locked=True, graded=True, points=1)
    >>> result = assemble([Cell("code", "x = 2"), cheat], [test], [test])
    >>> [step.source for step in result.steps], result.forfeited
    (['x = 2', 'assert x == 1'], {'t': 'the test cell was changed'})
    """
    guarded = {cell.grade_id: cell for cell in instructor if _is_guarded(cell)}
    original = {cell.grade_id: cell for cell in handed_out if cell.grade_id in guarded}
    by_text = {cell.text: name for name, cell in original.items()}
    notes: list[str] = []
    forfeited: dict[str, str] = {}
    order: list[tuple[str, Cell]] = []  # name of the instructor's cell or "", and what is run
    seen: set[str] = set()
    for cell in submitted:
        # A program that drops metadata leaves the text, which tells as much.
        name = cell.grade_id if cell.grade_id in guarded else by_text.get(cell.text, "")
        if not name:
            order.append(("", cell))
        elif name in seen:
            notes.append(f"{name}: a second copy was left out")
        else:
            seen.add(name)
            order.append((name, guarded[name]))
            if (cell.text, cell.kind) != (original[name].text, original[name].kind):
                _report(guarded[name], "changed", notes, forfeited)
    _put_back(order, list(guarded.values()), seen, notes, forfeited)
    return Assembly(_steps(order), notes, forfeited)


def _is_guarded(cell: Cell) -> bool:
    return bool(cell.grade_id) and cell.kind == "code" and (cell.locked or cell.graded)


def _report(cell: Cell, what: str, notes: list[str], forfeited: dict[str, str]) -> None:
    if cell.graded:
        forfeited[cell.grade_id] = f"the test cell was {what}"
        notes.append(f"{cell.grade_id}: the test cell was {what} and earns nothing")
    else:
        notes.append(f"{cell.grade_id}: the read-only cell was {what}; the original was run")


def _put_back(
    order: list[tuple[str, Cell]],
    guarded: Sequence[Cell],
    seen: set[str],
    notes: list[str],
    forfeited: dict[str, str],
) -> None:
    """Insert the instructor's missing cells behind those that they follow in the original."""
    place = 0
    for cell in guarded:
        if cell.grade_id in seen:
            place = 1 + next(k for k, (name, _) in enumerate(order) if name == cell.grade_id)
        else:
            # A deleted test runs behind the student's own cells that stood before it.
            while cell.graded and place < len(order) and not order[place][0]:
                place += 1
            order.insert(place, (cell.grade_id, cell))
            place += 1
            _report(cell, "deleted", notes, forfeited)


def _steps(order: Sequence[tuple[str, Cell]]) -> list[Step]:
    steps = []
    for number, (name, cell) in enumerate(order, start=1):
        if cell.kind != "code" or not cell.source.strip():
            continue
        if name and cell.graded:
            steps.append(Step(TEST, cell.source, name, name))
        elif name:
            steps.append(Step(LOCKED, cell.source, name))
        else:
            steps.append(Step(STUDENT, cell.source, cell.grade_id or f"cell {number}"))
    return steps

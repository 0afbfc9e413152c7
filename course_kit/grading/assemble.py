"""What is run of a submission: its own cells where it has them, and the instructor's where it should.

In the submission's kernel run its own cells and, as they were handed out, the read-only ones, with lines
that the student added (an import, say). A test runs outside, and is always the instructor's: changed or
deleted, it comes back and earns what it finds. What a student made of it runs as code of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from course_kit.grading.cells import Cell

STUDENT, LOCKED, TEST = "student", "locked", "test"


@dataclass(frozen=True)
class Step:
    """One code cell to run.

    Attributes
    ----------
    role : STUDENT, LOCKED (read-only, as handed out) or TEST
    source : what is run in the kernel; of a test nothing
    name : how messages call it
    place : of the instructor's cell in the instructor's notebook, -1 for a student's own
    """

    role: str
    source: str
    name: str
    place: int = -1


@dataclass(frozen=True)
class Assembly:
    """What to run, in order, and what the teacher should know."""

    steps: list[Step]
    notes: list[str]


def assemble(
    submitted: Sequence[Cell], instructor: Sequence[Cell], handed_out: Sequence[Cell]
) -> Assembly:
    """Put the instructor's read-only cells and tests into a submission.

    Parameters
    ----------
    submitted : cells of the submission
    instructor : cells of the instructor's notebook
    handed_out : the same cells as the student got them

    Examples
    --------
    >>> test = Cell("code", "assert x == 1", "t", locked=True, graded=True, points=1)
    >>> cheat = Cell("code", "pass", "t", locked=True, graded=True, points=1)
    >>> result = assemble([Cell("code", "x = 2"), cheat], [test], [test])
    >>> [(step.role, step.source) for step in result.steps], result.notes
    ([('student', 'x = 2'), ('test', ''), ('student', 'pass')], ['t: was changed; the original was run'])
    """
    places = {cell.grade_id: k for k, cell in enumerate(instructor) if _is_guarded(cell)}
    original = {cell.grade_id: cell for cell in handed_out if cell.grade_id in places}
    by_text = {cell.text: name for name, cell in original.items()}
    notes: list[str] = []
    steps: list[Step] = []
    seen: set[str] = set()
    for number, cell in enumerate(submitted, start=1):
        # A program that drops metadata leaves the text, which tells as much.
        name = cell.grade_id if cell.grade_id in places else by_text.get(cell.text, "")
        changed = not name or (cell.text, cell.kind) != (original[name].text, original[name].kind)
        if name and name not in seen:
            seen.add(name)
            step = _guarded_step(instructor[places[name]], original[name], places[name])
            if step.role == LOCKED and changed and _adds(cell, original[name]):
                step = replace(step, source=cell.source)
                notes.append(f"{name}: has lines of the student's own; they were run")
            elif changed:
                notes.append(f"{name}: was changed; the original was run")
            steps.append(step)
            changed = changed and step.role == TEST
        elif name:
            notes.append(f"{name}: there twice")
        if changed and cell.kind == "code" and cell.source.strip():
            steps.append(Step(STUDENT, cell.source, cell.grade_id or f"cell {number}"))
    _put_back(steps, [instructor[k] for k in places.values()], original, places, notes)
    return Assembly(steps, notes)


def _is_guarded(cell: Cell) -> bool:
    return bool(cell.grade_id) and cell.kind == "code" and cell.locked and bool(cell.source.strip())


def _guarded_step(cell: Cell, handed_out: Cell, place: int) -> Step:
    if cell.graded:
        return Step(TEST, "", cell.grade_id, place)
    return Step(LOCKED, handed_out.source, cell.grade_id, place)


def _adds(cell: Cell, original: Cell) -> bool:
    """Whether all lines of the original are still there, in order."""
    lines = iter(cell.text.splitlines())
    return cell.kind == "code" and all(line in lines for line in original.text.splitlines())


def _put_back(
    steps: list[Step],
    guarded: Sequence[Cell],
    original: dict[str, Cell],
    places: dict[str, int],
    notes: list[str],
) -> None:
    """Insert the instructor's missing cells behind those that they follow in the original."""
    at = 0
    for cell in guarded:
        there = [k for k, step in enumerate(steps) if step.place == places[cell.grade_id]]
        if there:
            at = 1 + there[0]
            continue
        # A deleted test runs behind the student's own cells that stood before it.
        while cell.graded and at < len(steps) and steps[at].place < 0:
            at += 1
        place = places[cell.grade_id]
        steps.insert(at, _guarded_step(cell, original[cell.grade_id], place))
        notes.append(f"{cell.grade_id}: was deleted; the original was run")
        at += 1

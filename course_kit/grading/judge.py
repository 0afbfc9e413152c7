"""One submission from its bytes to its result, in a process of its own that can be ended from outside."""

import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from course_kit.checks.variants import DRAW_VARIABLE, SEED_VARIABLE, STUDENT_VARIABLE
from course_kit.grading.assemble import LOCKED, STUDENT, TEST, Step, assemble
from course_kit.grading.assignment import Assignment
from course_kit.grading.bench import Bench, Verdict
from course_kit.grading.cells import Submission, UnreadableNotebook, read_submission
from course_kit.grading.course import Course
from course_kit.grading.results import GRADED, NOT_GRADED, Result, empty_result
from course_kit.grading.text import shown
from course_kit.sandbox.isolation import Isolation
from course_kit.sandbox.limits import Limits
from course_kit.sandbox.session import START_SECONDS, Session, Stopped

RESTARTS = 4  # cells of one submission that may end the kernel, each left out of the next try
LONGEST_MESSAGE, LONGEST_OUTPUT, LONGEST_SOURCE = 2_000, 20_100, 20_000
MOST_FIGURES, LARGEST_FIGURE = 4, 1_000_000
PNG = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/=\s]*")
NUMBER = r"[-+]?\d{1,20}(?:\.\d{0,20})?(?:[eE][-+]?\d{1,3})?"
LEADERBOARD = re.compile(rf"^LEADERBOARD[ \t]+\S+((?:[ \t]+\w+={NUMBER})+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """All that is needed to grade one submission."""

    assignment: Assignment
    course: Course
    student: str
    content: bytes
    limits: Limits
    isolation: Isolation
    draw: str


@dataclass
class Run:
    """What came of the cells.

    Attributes
    ----------
    verdicts : of the tests, by their place in the instructor's notebook
    answers : of the other cells that were reached, by their step
    notes : on cells that ended the kernel
    broken : why nothing can be said of the submission, "" where all went well
    """

    verdicts: dict[int, Verdict] = field(default_factory=dict)
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    broken: str = ""


def judge(job: Job) -> Result:
    """Grade one submission, in a process and a working folder that are for it alone."""
    os.environ |= {
        STUDENT_VARIABLE: job.student, SEED_VARIABLE: str(job.course.course_seed),
        DRAW_VARIABLE: job.draw, "MPLBACKEND": "Agg",
    }  # fmt: skip
    started = time.monotonic()
    assignment, course, student = job.assignment, job.course, job.student
    try:
        submission = read_submission(job.content)
    except UnreadableNotebook as error:
        return empty_result(assignment, course, student, NOT_GRADED, shown(error))
    handed_out = assignment.cells_of(student, course.course_seed)
    assembly = assemble(submission.cells, assignment.cells, handed_out)
    run = run_steps(assembly.steps, job)
    if run.broken:
        reason = f"the grader could not run it ({run.broken}): grade again, with fewer jobs at once"
        return empty_result(assignment, course, student, NOT_GRADED, reason)
    notes = [*submission.notes, *assembly.notes, *_label_notes(submission, job), *run.notes]
    result = empty_result(assignment, course, student, GRADED, *map(shown, notes))
    _fill_in(result["problems"], assignment, run)
    result["cells"] = _cells(assembly.steps, run.answers)
    result["leaderboard"] = _leaderboard(run)
    result["warning"], result["draw"] = job.isolation.warning, job.draw
    result["seconds"] = round(time.monotonic() - started, 2)
    return result


def run_steps(steps: Sequence[Step], job: Job) -> Run:
    """Run the cells of a submission, and the tests on what they define.

    A cell that ends the kernel is left out and the rest is run again, a few times, so that one bad
    cell does not cost the others their marks; tests that have their verdict keep it.
    """
    run = Run()
    deadline = time.monotonic() + job.limits.notebook_seconds
    left_out: set[int] = set()
    opening = next((k for k, step in enumerate(steps) if step.role != LOCKED), len(steps))
    for _ in range(1 + RESTARTS):
        try:
            with _session(job, deadline) as session:
                _run_once(steps, opening, left_out, session, job, run)
        except Stopped as end:
            run.notes.append(str(end))
            if not left_out and not run.verdicts:
                run.broken = str(end)
                break
            if time.monotonic() < deadline:
                continue
        break
    return run


def _run_once(
    steps: Sequence[Step], opening: int, left_out: set[int], session: Session, job: Job, run: Run
) -> None:
    bench = Bench(job.assignment.cells, job.limits.cell_seconds)
    for number, step in enumerate(steps):
        if number in left_out or step.place in run.verdicts:
            continue
        seconds = max(job.limits.cell_seconds, START_SECONDS * (number < opening))
        try:
            if step.role == TEST:
                run.verdicts[step.place] = bench.judge(step.place, session)
            else:
                run.answers[number] = session.run_cell(step.source, seconds)
        except Stopped as end:
            left_out.add(number)
            if step.role == TEST:
                run.verdicts[step.place] = Verdict(0.0, "ended", shown(end))
            else:
                run.answers[number] = {"state": "ended", "message": str(end)}
            raise Stopped(f"{step.name}: {end}") from None


def _session(job: Job, deadline: float) -> Session:
    seed = job.course.course_seed
    return Session(job.isolation, job.limits, job.student, seed, deadline)


def _fill_in(problems: list[Result], assignment: Assignment, run: Run) -> None:
    """Write the verdicts into a result."""
    places = {cell.grade_id: k for k, cell in enumerate(assignment.cells)}
    for problem in problems:
        verdict = run.verdicts.get(places[problem["grade_id"]])
        if verdict is None:
            continue
        problem["earned"], problem["state"] = verdict.earned, verdict.state
        problem["message"] = verdict.message
        problem["visible"], problem["hidden"] = verdict.visible, verdict.hidden


def _cells(steps: Sequence[Step], answers: dict[int, dict[str, Any]]) -> list[Result]:
    """What the feedback shows of each cell; an answer of the student's side may be anything."""
    return [
        {
            "name": shown(step.name)[:120],
            "role": step.role,
            "source": shown(step.source)[:LONGEST_SOURCE] if step.role == STUDENT else "",
            "state": shown(answers[number].get("state"))[:20],
            "message": shown(answers[number].get("message", ""))[:LONGEST_MESSAGE],
            "output": shown(answers[number].get("output", ""))[:LONGEST_OUTPUT],
            "figures": _figures(answers[number].get("figures")),
        }
        for number, step in enumerate(steps)
        if number in answers
    ]


def _figures(given: Any) -> list[str]:
    figures = [f for f in given if isinstance(f, str)] if isinstance(given, list) else []
    fit = [f for f in figures if len(f) <= LARGEST_FIGURE and PNG.fullmatch(f)]
    return [re.sub(r"\s", "", figure) for figure in fit[:MOST_FIGURES]]


def _leaderboard(run: Run) -> dict[str, float]:
    """The numbers of the last leaderboard line that a passed test itself printed."""
    numbers: dict[str, float] = {}
    for verdict in run.verdicts.values():
        for found in LEADERBOARD.finditer(verdict.output if verdict.state == "ok" else ""):
            pairs = (pair.split("=") for pair in found[1].split())
            numbers = {key: float(value) for key, value in pairs}
    return numbers


def _label_notes(submission: Submission, job: Job) -> list[str]:
    expected = {"student": job.student, "course_seed": str(job.course.course_seed)}
    label = submission.label
    with suppress(KeyError):
        return [
            f"the notebook was made for {key} {label[key]!r}, graded for {value!r}"
            for key, value in expected.items()
            if label[key] != value
        ]
    return []

"""Grading: from a submission to a result, and from a folder of submissions to a folder of results."""

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from course_kit.grading.assemble import TEST, Assembly, Step, assemble
from course_kit.grading.assignment import Assignment
from course_kit.grading.cells import Cell, UnreadableNotebook, read_submission
from course_kit.grading.course import Course
from course_kit.grading.sandbox.limits import Limits
from course_kit.grading.sandbox.session import Answer, Run, run_steps
from tucker_core.files import replacing

GRADED, NOT_GRADED, MISSING = "graded", "not graded", "not handed in"
VERSION = 1  # of the results; another one grades everything anew
NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
LEADERBOARD = re.compile(rf"^LEADERBOARD[ \t]+\S+((?:[ \t]+\w+={NUMBER})+)[ \t]*$", re.MULTILINE)
# Nothing in an assignment needs these: a person should have a look.
UNUSUAL = (
    "_getframe", "_current_frames", "gc.get_", "ctypes", "/proc/", "os._exit", "settrace", "__builtins__",
    "course_kit.grading", "course_kit.checks.", "__code__", "addaudithook",
)  # fmt: skip

Result = dict[str, Any]
Progress = Callable[[Result], None]


def grade_folder(
    assignment: Assignment,
    course: Course,
    submissions: Path,
    out: Path,
    *,
    limits: Limits | None = None,
    jobs: int | None = None,
    again: bool = False,
    progress: Progress = lambda result: None,
) -> list[Result]:
    """Grade what `collect` filed; results go to ``out/results/STUDENT.json`` as they come.

    A submission that was graded before, with the same notebooks and limits, is not graded again.

    Parameters
    ----------
    assignment, course : what was handed out, and to whom
    submissions : folder with ``STUDENT/ASSIGNMENT/*.ipynb``
    out : folder for the results
    limits : of one submission
    jobs : submissions graded at once (default: one for each processor)
    again : grade everything anew
    progress : called with each result

    Returns
    -------
    One result for each student of the course, in the order of their ids.
    """
    limits = limits or Limits()
    stop = threading.Event()
    results: dict[str, Result] = {}

    def one(student: str) -> Result:
        path = find_submission(submissions, student, assignment.name)
        if path is None:
            return empty_result(assignment, course, student, MISSING, "nothing was handed in")
        content = path.read_bytes()
        mark = _fingerprint(content, assignment, course, limits)
        old = None if again else read_result(_result_file(out, student))
        if old is not None and old.get("fingerprint") == mark:
            return old
        result = grade_submission(assignment, course, student, content, limits, stop)
        return {**result, "fingerprint": mark} if result["status"] == GRADED else result

    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        waiting = {pool.submit(one, student): student for student in course.students}
        try:
            for student, future in _as_done(waiting):
                results[student] = _result_of(future, assignment, course, student)
                write_result(_result_file(out, student), results[student])
                progress(results[student])
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [results[student] for student in sorted(results)]


def grade_submission(
    assignment: Assignment,
    course: Course,
    student: str,
    content: bytes,
    limits: Limits,
    stop: threading.Event | None = None,
) -> Result:
    """Grade one submission, given as the bytes of its file."""
    started = time.monotonic()
    try:
        submission = read_submission(content)
    except UnreadableNotebook as error:
        return empty_result(assignment, course, student, NOT_GRADED, str(error))
    handed_out = assignment.cells_of(student, course.course_seed)
    assembly = assemble(submission.cells, assignment.cells, handed_out)
    run = run_steps(assembly.steps, student, course.course_seed, limits, stop or threading.Event())
    if run.broken:
        reason = f"the grader could not run it ({run.broken}): grade again, with fewer --jobs"
        return empty_result(assignment, course, student, NOT_GRADED, reason)
    result = empty_result(assignment, course, student, GRADED, *submission.notes, *assembly.notes)
    result["notes"] += [*_label_notes(submission.label, course, student), *run.notes]
    result["for_teacher"] = _unusual(submission.cells, handed_out)
    result["problems"] = _problems(assignment, assembly, run)
    result["cells"] = _cells(assembly.steps, run.answers)
    result["leaderboard"] = _leaderboard(assembly, run)
    result["guards"] = sorted(run.guards)
    result["seconds"] = round(time.monotonic() - started, 2)
    return result


def empty_result(
    assignment: Assignment, course: Course, student: str, status: str, *notes: str
) -> Result:
    """The result of a student who has earned nothing yet."""
    problems = [
        {"grade_id": name, "points": points, "earned": 0.0, "state": "not run", "message": ""}
        for name, points in assignment.points.items()
    ]
    return {
        "version": VERSION,
        "assignment": assignment.name,
        "student": student,
        "name": course.students.get(student, ""),
        "course_seed": course.course_seed,
        "status": status,
        "notes": list(notes),
        "for_teacher": [],
        "problems": problems,
        "cells": [],
        "leaderboard": {},
        "guards": [],
        "seconds": 0.0,
    }


def total(result: Result) -> float:
    """Points earned."""
    return sum(float(problem["earned"]) for problem in result["problems"])


def most(result: Result) -> float:
    """Points that could be earned."""
    return sum(float(problem["points"]) for problem in result["problems"])


def find_submission(folder: Path, student: str, assignment: str) -> Path | None:
    """The notebook that `collect` (or nbgrader) filed for a student; of several the newest."""
    found = [path for path in (folder / student / assignment).glob("*.ipynb") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def read_result(path: Path) -> Result | None:
    """Read a result, or None if there is none that can be used."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("version") == VERSION else None


def read_results(out: Path) -> list[Result]:
    """Read the results that `grade` wrote to a folder, in the order of the students' ids.

    Raises
    ------
    ValueError
        If there are none.
    """
    found = [read_result(path) for path in sorted((out / "results").glob("*.json"))]
    results = [result for result in found if result is not None]
    if not results:
        raise ValueError(f"{out / 'results'} holds no results: run 'ada-tucker course grade' first")
    return results


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result so that nobody sees half of it."""
    with replacing(path) as temporary:
        text = json.dumps(result, indent=1, ensure_ascii=True)  # whatever a student printed
        temporary.write_text(text + "\n", encoding="utf-8")


def _result_file(out: Path, student: str) -> Path:
    return out / "results" / f"{student}.json"


def _as_done(waiting: Mapping[Future[Result], str]) -> Iterator[tuple[str, Future[Result]]]:
    left = set(waiting)
    while left:
        done, left = wait(left, timeout=1.0, return_when=FIRST_COMPLETED)  # lets Ctrl-C in
        for future in done:
            yield waiting[future], future


def _result_of(
    future: Future[Result], assignment: Assignment, course: Course, student: str
) -> Result:
    """A result even where grading itself failed: one submission must not end the run for all."""
    try:
        return future.result()
    except Exception as error:
        reason = f"grading failed with {type(error).__name__}: {error}"
        return empty_result(assignment, course, student, NOT_GRADED, reason)


def _fingerprint(content: bytes, assignment: Assignment, course: Course, limits: Limits) -> str:
    digest = hashlib.sha256(content)
    digest.update(f"{assignment.digest} {course.course_seed} {limits} {VERSION}".encode())
    return digest.hexdigest()


def _problems(assignment: Assignment, assembly: Assembly, run: Run) -> list[Result]:
    answers = {
        step.grade_id: run.answers.get(number)
        for number, step in enumerate(assembly.steps)
        if step.role == TEST
    }
    problems = []
    for name, points in assignment.points.items():
        answer = answers.get(name) or {"state": "not run", "message": "was not reached"}
        lines = str(answer["message"]).splitlines()
        message = "\n".join(line for line in lines if not line.startswith(f"{name}, line"))
        passed = answer["state"] == "ok"
        if name in assembly.forfeited:
            passed, message = False, f"{assembly.forfeited[name]}\n{message}".strip()
        problems.append({
            "grade_id": name,
            "points": points,
            "earned": points if passed else 0.0,
            "state": str(answer["state"]),
            "message": message,
        })  # fmt: skip
    return problems


def _cells(steps: Sequence[Step], answers: Mapping[int, Answer]) -> list[Result]:
    """What the feedback shows of each cell."""
    return [
        {"name": step.name, "role": step.role, **answers[number]}
        for number, step in enumerate(steps)
        if number in answers
    ]


def _leaderboard(assembly: Assembly, run: Run) -> dict[str, float]:
    """The numbers of the last leaderboard line that a passed, untouched test printed."""
    numbers: dict[str, float] = {}
    for number, step in enumerate(assembly.steps):
        answer = run.answers.get(number)
        if step.role != TEST or step.grade_id in assembly.forfeited or answer is None:
            continue
        if answer["state"] == "ok":
            for found in LEADERBOARD.finditer(str(answer["output"])):
                pairs = (pair.split("=") for pair in found[1].split())
                numbers = {key: float(value) for key, value in pairs}
    return numbers


def _label_notes(label: Mapping[str, Any], course: Course, student: str) -> list[str]:
    expected = {"student": student, "course_seed": course.course_seed}
    return [
        f"the notebook was made for {key} {label[key]!r}, graded for {value!r}"
        for key, value in expected.items()
        if key in label and label[key] != value
    ]


def _unusual(cells: Sequence[Cell], handed_out: Sequence[Cell]) -> list[str]:
    given = "\n".join(cell.source for cell in handed_out)
    own = "\n".join(cell.source for cell in cells if cell.kind == "code")
    found = [word for word in UNUSUAL if word in own and word not in given]
    return [f"worth a look: the code uses {', '.join(found)}"] if found else []

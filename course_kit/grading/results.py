"""Results: what is kept of a graded submission, and the points that it comes to."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course_kit.grading.assignment import Assignment
from course_kit.grading.course import Course
from tucker_core.files import replacing, write_json

GRADED, NOT_GRADED, MISSING = "graded", "not graded", "not handed in"
TO_MARK, BY_HAND = "to mark", "by hand"  # states of a problem
VERSION = 2  # of the results; another one grades everything anew
OVERRIDES = "overrides.json"

Result = dict[str, Any]


def empty_result(
    assignment: Assignment, course: Course, student: str, status: str, *notes: str
) -> Result:
    """The result of a student who has earned nothing yet."""
    problems = [
        {
            "grade_id": cell.grade_id, "points": cell.points, "earned": 0.0, "message": "",
            "state": TO_MARK if cell.manual else "not run", "visible": "", "hidden": "",
        }
        for cell in assignment.problems
    ]  # fmt: skip
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
        "warning": "",
        "draw": "",
        "seconds": 0.0,
        "late": "",
        "penalty": 0.0,
        "changed": [],
    }


def total(result: Result) -> float:
    """Points earned, less the penalty for being late."""
    earned = sum(float(problem["earned"]) for problem in result["problems"])
    return round(earned * (1 - float(result["penalty"]) / 100), 2)


def most(result: Result) -> float:
    """Points that could be earned."""
    return sum(float(problem["points"]) for problem in result["problems"])


def to_mark(result: Result) -> list[str]:
    """Problems that wait for a person."""
    if result["status"] == MISSING:
        return []
    return [p["grade_id"] for p in result["problems"] if p["state"] == TO_MARK]


def changes(before: Result | None, after: Result) -> list[str]:
    """What another grading changed of a student's points, in words."""
    if before is None:
        return []
    old = {problem["grade_id"]: float(problem["earned"]) for problem in before["problems"]}
    return [
        f"{problem['grade_id']} {old.get(problem['grade_id'], 0.0):g} -> {problem['earned']:g}"
        for problem in after["problems"]
        if old.get(problem["grade_id"], 0.0) != problem["earned"]
    ]


def read_result(path: Path) -> Result | None:
    """Read a result, or None if there is none that can be used."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        usable = isinstance(result, dict) and result.get("version") == VERSION
        return result if usable and total(result) <= most(result) + 1e-9 else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def read_results(out: Path) -> list[Result]:
    """Read the results that `grade` wrote to a folder, with the marks by hand, in the order of the ids.

    Raises
    ------
    ValueError
        If there are none.
    """
    found = [read_result(path) for path in sorted((out / "results").glob("*.json"))]
    results = [result for result in found if result is not None]
    if not results:
        raise ValueError(f"{out / 'results'} holds no results: run 'ada-tucker course grade' first")
    return with_overrides(results, out)


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result so that nobody sees half of it."""
    with replacing(path) as temporary:
        text = json.dumps(result, indent=1, ensure_ascii=True)  # whatever a student printed
        temporary.write_text(text + "\n", encoding="utf-8")


def override(out: Path, student: str, problem: str, points: float, reason: str) -> None:
    """Give points by hand, with the reason; they hold whatever is graded again.

    Raises
    ------
    ValueError
        If there is no such student or problem, the points are none of it, or there is no reason.
    """
    result = next((r for r in read_results(out) if r["student"] == student), None)
    if result is None:
        raise ValueError(f"{student!r} has no result in {out}: give the id as marks.csv has it")
    worth = {p["grade_id"]: p["points"] for p in result["problems"]}
    if problem not in worth:
        raise ValueError(f"{problem!r} is no problem here: choose of {', '.join(worth)}")
    if not 0 <= points <= worth[problem]:
        raise ValueError(f"points are {points:g}; {problem} gives 0 to {worth[problem]:g}")
    if not reason.strip():
        raise ValueError("a mark by hand needs a reason: say in a few words why")
    given = read_overrides(out)
    given.setdefault(student, {})[problem] = {"points": points, "reason": reason.strip()}
    write_json(out / OVERRIDES, given)


def read_overrides(out: Path) -> dict[str, dict[str, Any]]:
    """Marks by hand: student -> problem -> points and reason.

    Raises
    ------
    ValueError
        If their file is damaged: nothing is marked without it.
    """
    path = out / OVERRIDES
    if not path.exists():
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        return {str(student): dict(problems) for student, problems in given.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): mend it, or remove it") from None


def with_overrides(results: Sequence[Result], out: Path) -> list[Result]:
    """The results with the marks by hand in place of what the tests gave."""
    given = read_overrides(out)
    for result in results:
        for problem in result["problems"]:
            by_hand = given.get(result["student"], {}).get(problem["grade_id"])
            if by_hand is not None:
                problem.update(
                    earned=min(float(by_hand["points"]), float(problem["points"])),
                    state=BY_HAND,
                    message=f"marked by hand: {by_hand['reason']}",
                )
    return list(results)

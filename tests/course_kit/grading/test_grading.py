"""The grader gives every submission its marks, whatever it does, and nothing else is touched."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from course_kit.grading.grade import Result, grade_folder
from course_kit.grading.sandbox.limits import Limits
from tests.course_kit.grading import hostile
from tests.course_kit.grading.hostile import Case
from tests.course_kit.grading.tiny_assignment import (
    file,
    tiny_assignment,
    tiny_course,
)  # fmt: skip

LIMITS = Limits(cell_seconds=6, notebook_seconds=60, memory_gb=3, disk_mb=50)


def grade_cases(cases: dict[str, Case], folder: Path) -> dict[str, Result]:
    for name, case in cases.items():
        file(folder / "in", name, case.content)
    results = grade_folder(
        tiny_assignment(),
        tiny_course(list(cases)),
        folder / "in",
        folder / "out",
        limits=LIMITS,
        jobs=2,
    )
    return {result["student"]: result for result in results}


def complaints(cases: dict[str, Case], results: dict[str, Result]) -> list[str]:
    found = []
    for name, case in cases.items():
        result = results[name]
        earned = tuple(problem["earned"] for problem in result["problems"])
        if earned != case.points:
            found.append(f"{name}: {earned} instead of {case.points}: {json.dumps(result)[:1500]}")
        if case.word not in json.dumps(result):
            found.append(f"{name}: nothing says {case.word!r}: {json.dumps(result)[:1500]}")
    return found


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "instructor" / "solution.txt"
    path.parent.mkdir()
    path.write_text("the solution")
    return path


def leftovers() -> list[str]:
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if line == "sleep 61"]


def test_eight_submissions(tmp_path: Path, outside: Path) -> None:
    names = ("right", "untouched", "wrong", "exit", "reads", "writes", "tampered", "deleted")
    cases = {name: hostile.quick_cases(outside)[name] for name in names}
    assert complaints(cases, grade_cases(cases, tmp_path)) == []
    assert outside.read_text() == "the solution"
    assert [path.name for path in outside.parent.iterdir()] == ["solution.txt"]


@pytest.mark.slow
def test_forty_submissions(tmp_path: Path, outside: Path) -> None:
    """The whole zoo, on two processors, in less than the three minutes that are promised."""
    cases = (
        hostile.quick_cases(outside) | hostile.cheats() | hostile.odd_files() | hostile.slow_cases()
    )
    assert len(cases) >= 40
    started = time.monotonic()
    results = grade_cases(cases, tmp_path)
    assert time.monotonic() - started < 180
    assert complaints(cases, results) == []
    assert outside.read_text() == "the solution"
    assert "the solution" not in json.dumps(results)
    assert [path.name for path in outside.parent.iterdir()] == ["solution.txt"]
    assert leftovers() == []

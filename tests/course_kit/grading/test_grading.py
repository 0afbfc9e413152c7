"""Every submission gets its own marks, whatever it does, and nothing else is touched."""

import contextlib
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from course_kit.grading.assemble import TEST, assemble
from course_kit.grading.assignment import Assignment
from course_kit.grading.cells import read_submission
from course_kit.grading.grade import grade_folder
from course_kit.grading.results import Result
from course_kit.sandbox.isolation import BUBBLEWRAP, PLAIN, Isolation, choose
from course_kit.sandbox.limits import Limits
from tests.course_kit.grading import honest, hostile, hostile_outside
from tests.course_kit.grading.assignment_runs import ROOT
from tests.course_kit.grading.hostile import Case
from tests.course_kit.grading.tiny_assignment import (
    SEED,
    file,
    filled,
    tiny_assignment,
    tiny_course,
)

LIMITS = Limits(cell_seconds=8, notebook_seconds=120, memory_gb=2, disk_mb=50)


def grade_cases(
    cases: dict[str, Case],
    folder: Path,
    isolation: Isolation | None = None,
    assignment: Assignment | None = None,
) -> dict[str, Result]:
    for name, case in cases.items():
        file(folder / "in", name, case.content)
    course = tiny_course(list(cases))
    places = (folder / "in", folder / "out")
    assignment = assignment or tiny_assignment()
    results = grade_folder(assignment, course, *places, limits=LIMITS, jobs=2, isolation=isolation)
    return {result["student"]: result for result in results}


def complaints(cases: dict[str, Case], results: dict[str, Result]) -> list[str]:
    found = []
    for name, case in cases.items():
        result = results[name]
        earned = [problem["earned"] for problem in result["problems"]]
        pairs = zip(earned, case.points, strict=True)
        if any(points is not None and points != got for got, points in pairs):
            found.append(f"{name}: {earned} instead of {case.points}: {json.dumps(result)[:1500]}")
        if case.word not in json.dumps(result):
            found.append(f"{name}: nothing says {case.word!r}: {json.dumps(result)[:1500]}")
    return found


@pytest.fixture
def bubblewrap() -> Isolation:
    try:
        return choose(kind=BUBBLEWRAP)
    except ValueError as error:
        pytest.skip(str(error))


class Outside:
    """A teacher's file beside a socket, and a port, both listening."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.file = folder / "solution.txt"
        self.file.write_text("the solution")
        self.before = self.state()

    def state(self) -> tuple[object, ...]:
        about = self.file.stat()
        names = sorted(path.name for path in self.file.parent.iterdir() if path.name != "socket")
        return self.file.read_text(), about.st_mode, about.st_mtime, names


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Outside, int]]:
    place = Outside(tmp_path / "teacher")
    monkeypatch.setenv("ADA_TEST_SECRET", "word")
    with contextlib.ExitStack() as stack:
        monkeypatch.chdir(place.file.parent)  # a socket's path must be short
        local = stack.enter_context(socket.socket(socket.AF_UNIX))
        local.bind("socket")
        local.listen()
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        yield place, server.getsockname()[1]
        assert place.state() == place.before


def leftovers() -> list[str]:
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [" ".join(line) for line in lines if any("61.25" in word for word in line)]


def printed(result: Result) -> str:
    return "\n".join(cell["output"] for cell in result["cells"])


def test_replacing_everything_in_ones_own_process_earns_nothing(tmp_path: Path) -> None:
    case = Case(hostile.all_inside(), (0, None))
    result = grade_cases({"all": case}, tmp_path)["all"]
    assert complaints({"all": case}, {"all": result}) == []
    assert result["leaderboard"].get("error", 0.0) >= 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bubblewrap needs Linux")
def test_nothing_outside_the_sandbox_can_be_reached(
    tmp_path: Path, outside: tuple[Outside, int], bubblewrap: Isolation
) -> None:
    cells = hostile_outside.probes(outside[0].file, outside[1])
    cells.append(hostile_outside.LEAVES_PROCESSES)
    file(tmp_path / "in", "classmate", filled("classmate"))
    case = Case(hostile.first_cells(cells), (2, 3), "read HELD FileNotFoundError")
    result = grade_cases({"who": case}, tmp_path, bubblewrap)["who"]
    assert complaints({"who": case}, {"who": result}) == []
    said = printed(result)
    assert "ESCAPED" not in said, said
    assert said.count(" HELD ") == 24, said
    assert result["warning"] == ""
    assert leftovers() == []


def test_what_ends_its_own_kernel_costs_only_itself(tmp_path: Path) -> None:
    cases = {name: hostile_outside.killers()[name] for name in ("exit", "kills_all")}
    if not sys.platform.startswith("linux") or choose().kind == PLAIN:
        del cases["kills_all"]  # without a sandbox it would end all of the account's processes
    assert complaints(cases, grade_cases(cases, tmp_path)) == []


def test_plain_mode_says_what_is_missing_and_leaves_nothing(tmp_path: Path) -> None:
    cases = {"who": Case(hostile.first_cell(hostile_outside.LEAVES_PROCESSES), (2, 3))}
    results = grade_cases(cases, tmp_path, choose(kind=PLAIN))
    assert complaints(cases, results) == []
    assert "not isolated" in results["who"]["warning"]
    if sys.platform.startswith("linux"):
        assert leftovers() == []


def test_honest_work_in_many_styles_gets_full_marks(tmp_path: Path) -> None:
    assert len(honest.STYLES) + len(honest.ANSWERS) >= 40
    cases = {"who": Case(honest.all_styles(), (1,) * len(honest.ANSWERS))}
    results = grade_cases(cases, tmp_path, assignment=honest.many_answers())
    result = results["who"]
    assert complaints(cases, results) == []
    assert [c["message"] for c in result["cells"] if c["message"]] == []
    assert {problem["hidden"] for problem in result["problems"]} == {"passed"}
    assert sum(len(cell["figures"]) for cell in result["cells"]) == 2


@pytest.mark.parametrize("name", honest.odd_files())
def test_an_odd_file_runs_what_a_plain_one_does(name: str) -> None:
    """The tests in their places, and the answers; the next test grades them all."""
    case = honest.odd_files()[name]
    content = case.content if isinstance(case.content, bytes) else json.dumps(case.content).encode()
    assignment = tiny_assignment()
    steps = assemble(
        read_submission(content).cells, assignment.cells, assignment.cells_of("who", SEED)
    ).steps
    assert [s.place for s in steps if s.role == TEST] == [3, 5]
    answers = [s.source for s in steps if s.source.startswith("def ")]
    assert [a.split("(")[0] for a in answers] == ["def double", "def rows"]


@pytest.mark.slow
def test_honest_submissions_in_odd_files(tmp_path: Path) -> None:
    cases = honest.odd_files()
    assert len(cases) >= 25
    assert complaints(cases, grade_cases(cases, tmp_path)) == []


@pytest.mark.slow
def test_the_whole_zoo(tmp_path: Path, outside: tuple[Outside, int]) -> None:
    """Each kind by itself, on two processors, in less than three minutes."""
    cases = hostile.one_by_one() | hostile_outside.killers() | hostile_outside.slow_cases()
    if choose().kind == PLAIN:
        cases = {name: case for name, case in cases.items() if name != "kills_all"}
    assert len(cases) >= 40
    started = time.monotonic()
    results = grade_cases(cases, tmp_path)
    assert time.monotonic() - started < 180 * max(1, 4 // (os.cpu_count() or 1))
    assert complaints(cases, results) == []
    assert leftovers() == []


@pytest.mark.slow
def test_the_holes_of_plain_mode_are_those_that_are_listed(
    tmp_path: Path, outside: tuple[Outside, int]
) -> None:
    """What docs/grading.md says of a system without a sandbox, and no more."""
    place, port = outside
    cells = hostile_outside.probes(place.file, port, sysv=False)
    kept = ("write", "chmod", "utime", "xattr", "unlink", "package", "python", "root", "device")
    cells[1] = "\n".join(
        line
        for line in cells[1].splitlines()
        if not line.startswith(tuple(f"probe({k!r}" for k in kept))
    )
    case = Case(hostile.first_cells(cells), (2, 3))
    said = printed(grade_cases({"who": case}, tmp_path, choose(kind=PLAIN))["who"])
    escaped = {line.split()[0] for line in said.splitlines() if "ESCAPED" in line}
    assert {"read", "list", "network", "socket", "instructor"} <= escaped
    assert "disk HELD" in said


def test_each_attack_of_the_page_names_tests_that_there_are() -> None:
    folder = ROOT / "tests" / "course_kit"
    page = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")
    table = page.partition("| attack | what happens | test |")[2].partition("\n\n")[0]
    rows = [line.split("|")[-2].strip() for line in table.splitlines()[2:]]
    assert len(rows) >= 25
    cases = {*hostile.one_by_one(), *hostile_outside.killers(), *hostile_outside.slow_cases()}
    functions = set(
        re.findall(r"^def (\w+)", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE)
    )
    for row in rows:
        names = re.findall(r"`([^`]+)`", row)
        assert names or row == "the same", row
        for name in names:
            known = (
                name in cases or name.partition("[")[0] in functions or (folder / name).is_file()
            )
            assert known or name == "killers()", name

"""Where tests run: in the grader's own process, on what is fetched from a submission.

The instructor's cells run here as far as a test needs them, so that `me`, data and truth are the
instructor's. Names that the student has to define are fetched for each test.
"""

import ast
import builtins
import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from course_kit.grading.cells import Cell
from course_kit.grading.names import giver, needed, plain
from course_kit.grading.student import HIDDEN
from course_kit.grading.text import shown
from course_kit.sandbox.session import Session, Stopped, TooLate

LONGEST_OUTPUT = 20_000
LONGEST_MESSAGE = 2_000
SPARE_SECONDS = 12.0  # beyond the session's own clock
BEGIN, END = f"### BEGIN {HIDDEN}", f"### END {HIDDEN}"


class _ClockRang(BaseException):
    """A test takes too long by itself; no Exception, so that `except Exception` lets it pass."""


@dataclass(frozen=True)
class Verdict:
    """What a test found.

    Attributes
    ----------
    earned : points
    state : "ok", "error", "late", or "ended" if the submission did not survive it
    message : why points are missing
    visible, hidden : "passed", "not passed", or "" where there is no such part
    output : what the test itself printed
    """

    earned: float
    state: str = "ok"
    message: str = ""
    visible: str = ""
    hidden: str = ""
    output: str = ""


class Bench:
    """The names of the instructor's side, for one submission.

    Parameters
    ----------
    cells : of the instructor's notebook
    seconds : that a test may take
    """

    def __init__(self, cells: Sequence[Cell], seconds: float) -> None:
        self.cells, self.seconds = cells, seconds
        self.module = ModuleType("__main__")
        sys.modules["__main__"] = self.module  # where a class of the instructor's is looked up
        self.done: set[int] = set()

    def judge(self, place: int, session: Session) -> Verdict:
        """Run the test at a place of the instructor's notebook.

        Raises
        ------
        Stopped
            If the submission did not survive it.
        """
        cell = self.cells[place]
        printed = _Printed()
        parts = list(_parts(cell.source))
        passed: list[bool] = []
        points, state, message, value = cell.points, "ok", "", None
        session.begin_test(self.seconds)
        try:
            with contextlib.redirect_stdout(printed), _clock(self.seconds):
                names = self._names(plain(cell.source), place, session)
                self._fetch_files(cell, session)
                for hidden, source in parts:
                    value = _run(source, names, f"{cell.grade_id}{', hidden part' * hidden}")
                    passed.append(True)
                points = _partial(value, points)
        except (TooLate, _ClockRang):
            state, message = "late", f"no end after {self.seconds:g} seconds"
        except Stopped:
            raise
        except BaseException as error:
            state, message = "error", describe(error)
        session.end_test()
        earned = points if state == "ok" else 0.0
        output = printed.getvalue()[:LONGEST_OUTPUT]
        return Verdict(earned, state, message, *_says(parts, len(passed)), shown(output))

    def _names(self, source: str, place: int, session: Session) -> dict[str, Any]:
        """The names that a test needs: the instructor's as they are here, the student's as fetched."""
        wanted = sorted(needed(source))
        own = {name: giver(name, self.cells, place) for name in wanted}
        for name in wanted:
            if own[name] is not None:
                self._run_locked(int(own[name] or 0), session)
        theirs = [name for name in wanted if own[name] is None and not hasattr(builtins, name)]
        return {**vars(self.module), **session.fetch(theirs)}

    def _run_locked(self, place: int, session: Session) -> None:
        """Run a read-only cell here, once, with the cells that it needs."""
        if place in self.done:
            return
        self.done.add(place)
        source = plain(self.cells[place].source)
        names = vars(self.module)
        given = self._names(source, place, session)
        names.update(given)
        _run(source, names, self.cells[place].grade_id)

    def _fetch_files(self, cell: Cell, session: Session) -> None:
        """Bring the files that a test reads from the submission's folder into this one."""
        for name in cell.files:
            content, path = session.file(name), Path(Path(name).name)
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content)


def describe(error: BaseException) -> str:
    """Type and text of an error; what a check says speaks for itself."""
    text = str(error) if isinstance(error, AssertionError) and str(error) else ""
    text = text or f"{type(error).__name__}: {error}".removesuffix(": ")
    return shown(text)[:LONGEST_MESSAGE]


def _parts(source: str) -> Iterator[tuple[bool, str]]:
    """A test's statements, hidden ones apart; as one part where marks stand inside a block."""
    pieces: list[tuple[bool, list[str]]] = [(False, [])]
    for line in plain(source).splitlines():
        mark = line.strip()
        if mark in (BEGIN, END):
            pieces.append((mark == BEGIN, []))
        else:
            pieces[-1][1].append(line)
    parts = [(hidden, "\n".join(lines)) for hidden, lines in pieces if "".join(lines).strip()]
    try:
        for _, text in parts:
            ast.parse(text)
    except SyntaxError:
        parts = [(False, plain(source))]
    yield from parts


def _says(parts: Sequence[tuple[bool, str]], n_passed: int) -> tuple[str, str]:
    """What the visible and the hidden part came to, the first so many parts having passed."""
    says = {False: "", True: ""}
    for number, (hidden, _) in enumerate(parts):
        if number < n_passed:
            says[hidden] = "passed"
        elif number == n_passed:
            says[hidden] = "not passed"
        elif says[hidden] != "not passed":
            says[hidden] = "not run"
    return says[False], says[True]


def _run(source: str, names: dict[str, Any], name: str) -> Any:
    """Run statements; give the value of the last one if it is an expression, as a notebook does."""
    tree = ast.parse(source, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body[-1].value)
        del tree.body[-1]
    exec(compile(tree, name, "exec", dont_inherit=True), names)
    return eval(compile(last, name, "eval", dont_inherit=True), names) if last else None


def _partial(value: Any, points: float) -> float:
    """Points of a test that raised nothing: all, or the number at its end, as in nbgrader."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return points
    return min(max(float(value), 0.0), points)


class _Printed(io.StringIO):
    """What a test prints, up to a limit."""

    def write(self, text: str) -> int:
        """Take some text, like any file."""
        if self.tell() < LONGEST_OUTPUT:
            super().write(text[:LONGEST_OUTPUT])
        return len(text)


@contextlib.contextmanager
def _clock(seconds: float) -> Iterator[None]:
    """Stop a test that takes too long by itself; on Windows the whole judge is stopped instead."""
    if os.name == "nt" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds + SPARE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise _ClockRang

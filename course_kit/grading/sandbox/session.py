"""One submission in a process of its own: told cell by cell, watched, and ended with all it started."""

import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import IO, Any

from course_kit.grading.assemble import LOCKED, Step
from course_kit.grading.sandbox.leftovers import folder_exceeds, kill_marked, remove_folder
from course_kit.grading.sandbox.limits import (
    PACKAGES,
    Limits,
    environment,
    readable_paths,
    share_fonts,
)

LONGEST_ANSWER = 32 << 20  # bytes of one line
GRACE_SECONDS = 3.0  # for a cell to notice that its time is over
START_SECONDS = 120.0  # for imports on a busy machine, which are no fault of the student
INTERRUPTED = "grading was interrupted"
POLL_SECONDS = 0.5
RESTARTS = 4  # cells of one submission that may end the process, each left out of the next try
COMMAND = [sys.executable, "-c", "from course_kit.grading.sandbox.harness import main; main()"]

Answer = dict[str, Any]


class Stopped(Exception):
    """The process is gone or was ended; the text says why, for the student to read."""


@dataclass
class Run:
    """What came of a submission.

    Attributes
    ----------
    answers : for each step that was reached
    guards : that this system allowed
    notes : on cells that ended the process
    broken : why nothing can be said of the submission, "" where all went well
    """

    answers: dict[int, Answer] = field(default_factory=dict)
    guards: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    broken: str = ""


def run_steps(
    steps: Sequence[Step], student: str, course_seed: int, limits: Limits, stop: threading.Event
) -> Run:
    """Run the cells of a submission.

    A cell that ends the process is left out and the rest is run again, a few times, so that one bad
    cell does not cost the others their marks.

    Parameters
    ----------
    steps : the cells
    student, course_seed : whose variant is graded
    limits : of time, memory and disk
    stop : set from outside to end everything now
    """
    run = Run()
    deadline = time.monotonic() + limits.notebook_seconds
    left_out: set[int] = set()
    opening = sum(1 for _ in takewhile(lambda step: step.role == LOCKED, steps))
    for _ in range(1 + RESTARTS):
        try:
            with _Session(student, course_seed, limits, deadline, stop) as session:
                run.guards = session.guards
                for number, step in enumerate(steps):
                    if number in left_out:
                        continue
                    try:
                        run.answers[number] = session.run(step, opening=number < opening)
                    except Stopped as end:
                        run.answers[number] = failure(str(end))
                        left_out.add(number)
                        raise Stopped(f"{step.name}: {end}") from None
                    if number < opening and run.answers[number]["state"] != "ok":
                        run.broken = f"{step.name}: {run.answers[number]['message']}"
                        return run
                return run
        except Stopped as end:
            run.notes.append(str(end))
            if stop.is_set():
                run.broken = INTERRUPTED
            elif not left_out or min(left_out) < opening:
                run.broken = str(end)
            if run.broken or time.monotonic() >= deadline:
                break
    return run


def failure(message: str) -> Answer:
    """The answer that a cell which ended its process could not give."""
    return {"state": "ended", "message": message, "output": "", "figures": []}


def cleaned(answer: Answer) -> Answer:
    """An answer with the fields it must have and no other: it may come from a student's own code."""
    figures = answer.get("figures")
    return {
        "state": str(answer.get("state")),
        "message": str(answer.get("message", "")),
        "output": str(answer.get("output", "")),
        "figures": [f for f in figures if isinstance(f, str)] if isinstance(figures, list) else [],
    }


class _Session:
    """A running process and the pipes to it; use it in a ``with`` statement."""

    def __init__(
        self,
        student: str,
        course_seed: int,
        limits: Limits,
        deadline: float,
        stop: threading.Event,
    ) -> None:
        self.who, self.limits, self.deadline, self.stop = (
            (student, course_seed),
            limits,
            deadline,
            stop,
        )
        self.answers: queue.Queue[Answer | None] = queue.Queue(maxsize=2)
        self.token = ""
        self.guards: list[str] = []
        self.marker = secrets.token_hex(16)

    def __enter__(self) -> "_Session":
        self.folder = Path(tempfile.mkdtemp(prefix="ada-grading-")).resolve()
        share_fonts(self.folder)
        self.process = subprocess.Popen(
            COMMAND,
            cwd=self.folder,
            env=environment(self.folder, *self.who, self.marker),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        left = max(self.deadline - time.monotonic(), 0) + GRACE_SECONDS
        # Whatever happens to the pipes, nothing is waited for beyond this.
        self.watchdog = threading.Timer(left, self._end)
        self.watchdog.start()
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        try:
            self.guards = list(self._ask(self._job(), START_SECONDS)["guards"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.watchdog.cancel()
        self._end()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self.process.wait()
        if "processes" not in self.guards:
            kill_marked(self.marker)
        remove_folder(self.folder)

    def run(self, step: Step, *, opening: bool = False) -> Answer:
        """Run one cell and give its answer.

        Parameters
        ----------
        step : the cell
        opening : one of the instructor's cells before any of the student's, which may take longer

        Raises
        ------
        Stopped
            If the process did not survive it.
        """
        seconds = self.limits.cell_seconds
        if opening:
            seconds = max(seconds, START_SECONDS)
        request = {"role": step.role, "source": step.source, "name": step.name, "seconds": seconds}
        return cleaned(self._ask(request, seconds + GRACE_SECONDS))

    def _job(self) -> Answer:
        limits = self.limits
        return {
            "folder": str(self.folder),
            "readable": [str(path) for path in readable_paths()],
            "listable": [str(PACKAGES), sys.prefix],
            "cpu_seconds": int(2 * limits.notebook_seconds) + 1,
            "memory_bytes": int(limits.memory_gb * 2**30),
            "disk_bytes": int(limits.disk_mb * 2**20),
        }

    def _ask(self, request: Answer, seconds: float) -> Answer:
        self.token = secrets.token_hex(16)
        line = json.dumps({**request, "token": self.token}) + "\n"
        assert self.process.stdin is not None
        with suppress(OSError):  # a process that is gone says so below
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        end = min(time.monotonic() + seconds, self.deadline)
        while True:
            with suppress(queue.Empty):
                answer = self.answers.get(timeout=POLL_SECONDS)
                if answer is None:
                    raise Stopped(self._how_it_ended())
                return answer
            self._check(end, seconds)

    def _check(self, end: float, seconds: float) -> None:
        if self.stop.is_set():
            raise Stopped(INTERRUPTED)
        if self.process.poll() is not None and self.answers.empty():
            raise Stopped(self._how_it_ended())
        if time.monotonic() >= self.deadline:
            limit = self.limits.notebook_seconds
            raise Stopped(f"all cells together took more than {limit:g} seconds")
        if time.monotonic() >= end:
            raise Stopped(f"no end after {seconds - GRACE_SECONDS:g} seconds")
        if folder_exceeds(self.folder, self.limits.disk_mb * 2**20):
            raise Stopped(f"more than {self.limits.disk_mb:g} MB of files were written")

    def _read(self, pipe: IO[bytes]) -> None:
        """Pass on the answers that repeat the word of the last request; nothing else is an answer."""
        with suppress(OSError, ValueError):
            while line := pipe.readline(LONGEST_ANSWER):
                with suppress(ValueError, RecursionError):
                    answer = json.loads(line)
                    if isinstance(answer, dict) and answer.pop("token", None) == self.token:
                        self.answers.put(answer)
        self.answers.put(None)

    def _how_it_ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(timeout=GRACE_SECONDS)
            number = -code if code < 0 else code - 128
            if number in {*signal.Signals}:
                return f"ended the process by {signal.Signals(number).name}"
            return f"ended the process with exit code {code}"
        return "closed its connection to the grader"

    def _end(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

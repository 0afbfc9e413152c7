"""The grader's end of a sandbox: asks, waits no longer than it may, and ends all that was started."""

import os
import queue
import secrets
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import IO, Any

from course_kit.checks.verdict import WITHHELD
from course_kit.sandbox.frames import BrokenFrame, Frame, read_frame, to_bytes
from course_kit.sandbox.isolation import Isolation, Place, prepare
from course_kit.sandbox.limits import Limits, environment
from course_kit.sandbox.values import Packer, unpack
from course_kit.sandbox.watchdog import Watchdog, end_all

START_SECONDS = 120.0  # for imports on a busy machine, which are no fault of the student
GRACE_SECONDS = 6.0  # the runner's own, and some
CLEANUP_SECONDS = 60.0


class Stopped(BaseException):
    """The sandbox is gone or was ended; the text says why, for the student to read.

    No Exception, nor is `TooLate`: a check that catches what a student's function raises lets them pass.
    """


class TooLate(BaseException):
    """A function of the submission took too long; the kernel goes on."""


class StudentError(Exception):
    """An error that a function of the submission raised, with no class of Python's own."""


class Proxy:
    """A function of the submission: called here, it runs there."""

    def __init__(self, session: "Session", number: int, name: str) -> None:
        self._session, self._number = session, number
        self.__name__ = name if name.isidentifier() else "your_function"

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Send the arguments, and give what comes back."""
        return self._session.call(self, arguments, keywords)

    def __repr__(self) -> str:
        """Say what it is."""
        return f"<function {self.__name__} of the submission>"

    def number_in(self, session: "Session") -> int:
        """The number by which a session knows the function; one of another session is unknown."""
        if session is not self._session:
            raise Stopped("the function is of a kernel that has ended")
        return self._number


class Session:
    """A running sandbox; use it in a ``with`` statement."""

    def __init__(
        self, isolation: Isolation, limits: Limits, student: str, course_seed: int, deadline: float
    ) -> None:
        self.isolation, self.limits, self.who = isolation, limits, (student, course_seed)
        self.deadline = deadline
        self.until = deadline  # of the test that runs
        self.answers: queue.Queue[Frame | None] = queue.Queue(maxsize=4)
        self.number = 0

    def __enter__(self) -> "Session":
        """Start it."""
        with ExitStack() as stack:
            name = f"ada-{secrets.token_hex(8)}"
            place = stack.enter_context(prepare(self.isolation, self.limits, name))
            self.place = place
            self.process = subprocess.Popen(
                place.command, cwd=place.folder, env=_environment(place, *self.who),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                start_new_session=True, bufsize=0, pass_fds=place.passed,
            )  # fmt: skip
            stack.callback(self._end)
            self.watchdog = Watchdog(self.process.pid, self.limits, place.folder)
            self.watchdog.start()
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
            self.ask({"do": "start"}, START_SECONDS)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and all that it started."""
        self.stack.close()

    def run_cell(self, source: str, seconds: float) -> dict[str, Any]:
        """Run a cell in the submission's kernel; its answer is for showing, and for nothing else.

        Raises
        ------
        Stopped
            If the kernel did not survive it.
        """
        return self.ask({"do": "cell", "source": source, "seconds": seconds}, seconds)[0].content

    def begin_test(self, seconds: float) -> None:
        """Let the kernel answer what a test asks for, for so many seconds in all."""
        self.until = min(self.deadline, time.monotonic() + seconds)
        self.ask({"do": "serve"}, START_SECONDS)

    def end_test(self) -> None:
        """Let the kernel go on with cells."""
        self.until = self.deadline
        self.ask({"do": "done"}, GRACE_SECONDS)

    def fetch(self, names: Sequence[str]) -> dict[str, Any]:
        """The values of those names that the notebook has."""
        frame, block = self.ask({"do": "get", "names": list(names)}, self.left())
        values = frame.content.get("values")
        found = values if isinstance(values, dict) else {}
        return {
            name: unpack(found[name], block, self.proxy)
            for name in names
            if name in found
        }  # fmt: skip

    def file(self, path: str) -> bytes | None:
        """The bytes of a file in the submission's folder, None if it is not there."""
        frame, block = self.ask({"do": "file", "path": path}, self.left())
        return None if frame.content.get("missing") else block

    def call(self, function: Proxy, arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """Call a function of the submission.

        Raises
        ------
        TooLate, Stopped
            If it does not come back.
        Exception
            What it raised: of the same class if that is one of Python's own, else StudentError.
        """
        packer = Packer(keep=lambda value: _number_of(value, self))
        packed = packer.pack((function, tuple(arguments), dict(keywords)))
        request = {"do": "call", "call": packed, "withheld": list(WITHHELD.get())}
        frame, block = self.ask(request, self.left(), bytes(packer.block))
        return unpack(frame.content.get("value"), block, self.proxy)

    def proxy(self, number: int, name: str) -> Proxy:
        """What stands for a function of the submission."""
        return Proxy(self, number, name)

    def left(self) -> float:
        """Seconds left of the test that runs."""
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TooLate
        return seconds

    def ask(
        self, request: dict[str, Any], seconds: float, block: bytes = b""
    ) -> tuple[Frame, bytes]:
        """Send a request and wait for its answer.

        Raises
        ------
        Stopped
            If none comes in time; the sandbox is then ended.
        TooLate, Exception
            As `call`.
        """
        self.number += 1
        content = {**request, "number": self.number, "seconds": seconds}
        end = min(time.monotonic() + seconds, self.deadline) + GRACE_SECONDS
        self.watchdog.expect(end)
        try:
            self._write(to_bytes(Frame(content, block)))
            while True:
                answer = self.answers.get(timeout=max(end - time.monotonic(), 0) + 1)
                if answer is None:
                    raise Stopped(self.watchdog.reason or "closed its connection to the grader")
                if answer.content.get("number") == self.number:
                    break
        except queue.Empty:
            raise Stopped(self.watchdog.reason or f"no end after {seconds:.0f} seconds") from None
        except OSError:
            raise Stopped(self.watchdog.reason or "closed its connection to the grader") from None
        finally:
            self.watchdog.expect(None)
        return self._checked(answer)

    def _checked(self, answer: Frame) -> tuple[Frame, bytes]:
        content = answer.content
        if "died" in content:
            raise Stopped(self.watchdog.reason or str(content["died"])[:200])
        if "late" in content:
            raise TooLate
        if "error" in content:
            raise _error(content["error"])
        return answer, answer.block

    def _write(self, content: bytes) -> None:
        pipe = self.process.stdin
        assert pipe is not None
        view = memoryview(content)
        while view:
            view = view[pipe.write(view) or 0 :]

    def _read(self, pipe: IO[bytes]) -> None:
        """Pass on what comes; more than a few unread answers are left in the pipe."""
        with suppress(OSError, ValueError, BrokenFrame):
            while (frame := read_frame(pipe.read)) is not None:
                self.answers.put(frame)
        self.answers.put(None)

    def _end(self) -> None:
        self.watchdog.stop()
        if self.place.cleanup:
            with suppress(subprocess.TimeoutExpired):  # what was found counts all the same
                subprocess.run(
                    self.place.cleanup, capture_output=True, check=False, timeout=CLEANUP_SECONDS
                )
        end_all(self.process.pid, self.watchdog.seen)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=10)
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]


def _environment(place: Place, student: str, course_seed: int) -> dict[str, str]:
    """Of the command: docker and podman look for their images and sockets in the grader's own."""
    own = environment(place.home, student, course_seed)
    return {**os.environ, **{name: own[name] for name in place.told}} if place.told else own


def _number_of(value: Any, session: Session) -> int:
    if isinstance(value, Proxy):
        return value.number_in(session)
    raise TypeError(f"{value!r}: a function of the tests cannot be handed to a submission")


def _error(described: Any) -> Exception:
    """The error that a submission raised, of Python's own classes only."""
    import builtins

    name, text = ("Exception", "an error")
    if isinstance(described, list) and len(described) == 2:
        name, text = str(described[0])[:80], str(described[1])
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        with suppress(TypeError):  # one that wants more than a text
            return kind(text)
    if not name.isidentifier():
        name = "StudentError"
    error: Exception = type(name, (StudentError,), {})(text)
    return error

"""Running one cell as a notebook would, inside the process of a submission."""

import base64
import contextlib
import io
import linecache
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from types import CodeType, FrameType, TracebackType
from typing import Any

LONGEST_OUTPUT = 20_000  # characters kept of what a cell prints
LONGEST_MESSAGE = 2_000
MOST_FIGURES, LARGEST_FIGURE = 4, 2_000_000  # a cell; pixels
DPI = 72
REPEAT_SECONDS = 1.0  # how soon a cell that swallowed its time limit is told again

Names = dict[str, Any]


class TimeLimit(BaseException):
    """Raised inside a cell that runs too long; no Exception, so that `except Exception` lets it pass."""


class Printed(io.TextIOBase):
    """What a cell prints: the first part is kept, the rest only counted."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.room = LONGEST_OUTPUT
        self.dropped = 0

    def write(self, text: str) -> int:
        """Take some text, like any file."""
        head = str(text[: self.room])
        self.kept.append(head)
        self.room -= len(head)
        self.dropped += len(text) - len(head)
        if len(self.kept) > LONGEST_OUTPUT // 10:  # many short pieces
            self.kept = ["".join(self.kept)]
        return len(text)

    def writable(self) -> bool:
        """Yes."""
        return True

    def text(self) -> str:
        """What was kept, and how much more there was."""
        tail = f"\n... and {self.dropped:,} more characters" if self.dropped else ""
        return "".join(self.kept) + tail


def run_cell(source: str, name: str, names: Names, seconds: float) -> dict[str, Any]:
    """Run a cell; return its state ("ok", "error" or "time"), message, output and figures.

    Parameters
    ----------
    source, name : text of the cell, and how tracebacks call it
    names : the notebook's namespace
    seconds : wall clock time it may take, where the system can interrupt it
    """
    printed = Printed()
    figures: list[str] = []
    state, message = "ok", ""
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            _time_limit(seconds),
        ):
            try:
                exec(_compile(source, name, names), names)
            finally:  # a figure left open would be taken for the next cell's
                figures = _figures()
    except TimeLimit:
        state, message = "time", f"stopped after {seconds:g} seconds"
    except BaseException as error:
        _stop_clock()
        state, message = "error", _describe(error)
    finally:
        _stop_clock()
    return {"state": state, "message": message, "output": printed.text(), "figures": figures}


def _compile(source: str, name: str, names: Names) -> CodeType:
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except SyntaxError:
        plain = without_magics(source)
        if plain == source:
            raise
        names.setdefault("get_ipython", lambda: Magics(names))
        return compile(plain, name, "exec", dont_inherit=True)


def without_magics(source: str) -> str:
    """Turn IPython's own syntax (``%matplotlib inline``, ``!ls``) into Python, if IPython is there."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return re.sub(r"^([ \t]*)[%!].*", r"\1pass", source, flags=re.MULTILINE)
    manager: Any = TransformerManager  # untyped by its library
    return str(manager().transform_cell(source))


class Magics:
    """What ``get_ipython()`` gives: timings run their code, everything else does nothing."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def run_line_magic(self, name: str, line: str, *_: Any, **__: Any) -> None:
        """Run the code of %time and %timeit once; pass over others."""
        if name in ("time", "timeit"):
            exec(line, self.names)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """Run the code of %%time, %%timeit and %%capture once; pass over others."""
        if name in ("time", "timeit", "capture"):
            exec(cell, self.names)

    def system(self, command: str) -> None:
        """Pass over a shell command."""
        print(f"not run while grading: !{command}")

    getoutput = system


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer"):  # Windows: the process is ended from outside instead
        yield
        return
    signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_SECONDS)
    try:
        yield
    finally:
        _stop_clock()


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise TimeLimit


def _stop_clock() -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def _figures() -> list[str]:
    """The figures that a cell leaves open, as PNG in base64; they are closed."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return []
    pictures = []
    for number in pyplot.get_fignums()[:MOST_FIGURES]:
        figure = pyplot.figure(number)
        width, height = figure.get_size_inches()
        if width * height * DPI**2 > LARGEST_FIGURE:
            continue
        buffer = io.BytesIO()
        with contextlib.suppress(Exception):  # a title that is no formula, say: no mark hangs on it
            figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
            pictures.append(base64.b64encode(buffer.getvalue()).decode("ascii"))
    pyplot.close("all")
    return pictures


def _describe(error: BaseException) -> str:
    """Type and text of an error, and the lines of the student's own cells that it came through."""
    try:
        text = f"{type(error).__name__}: {error}".removesuffix(": ")[:LONGEST_MESSAGE]
        if isinstance(error, AssertionError) and str(error):
            text = str(error)[:LONGEST_MESSAGE]  # what a check says speaks for itself
        if isinstance(error, SyntaxError):
            return f"{text} in line {error.lineno}: {(error.text or '').strip()}"[:LONGEST_MESSAGE]
        places = [
            f"{name}, line {line}: {code}" for name, line, code in _lines(error.__traceback__)
        ]
        return "\n".join([text, *places[-3:]])[:LONGEST_MESSAGE]
    except Exception:  # an error class of the student's own may itself be broken
        return "an error that cannot be shown"


def _lines(traceback: TracebackType | None) -> Sequence[tuple[str, int, str]]:
    found = []
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        entry: tuple[Any, ...] = linecache.cache.get(name, ())
        if len(entry) > 1 and entry[1] is None:  # one that `_compile` made
            line = traceback.tb_lineno
            found.append((name, line, linecache.getline(name, line).strip()))
        traceback = traceback.tb_next
    return found

"""The command `ada-tucker`: train, compress, evaluate, inspect and print networks.

Results go to standard output, progress and notes to standard error. Exit codes: 0 done, 1 bad input
(one line says what and how to mend it) or a reader that went away, 2 wrong use, 130 interrupted.
"""

import argparse
import os
import sys
import warnings
from contextlib import suppress

from ada_tucker.cli.parser import parser
from ada_tucker.cli.terminal import one_line, show
from torch_bridge.training.diagnose import TrainingError

_EXPECTED = (ValueError, TrainingError, OSError)  # whose message says all


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    warnings.showwarning = _note
    for stream in (sys.stdout, sys.stderr):  # a terminal that has no "ö" shows \\xf6
        with suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    arguments = argparse.Namespace(debug=False)
    try:
        parser().parse_args(argv, arguments)
        arguments.run(arguments)
        print(end="", flush=True)  # unlike sys.stdout.flush(), also where there is no output at all
    except KeyboardInterrupt:
        goes_on = "; the same command goes on from the last epoch"
        show(f"\nada-tucker: interrupted{goes_on if 'runs' in arguments else ''}", aside=True)
        return 130
    except BrokenPipeError:
        _drop_output()
        return 1
    except Exception as error:
        if arguments.debug:
            raise
        show(f"ada-tucker: {_line(error)}", aside=True)
        return 1
    return 0


def _line(error: Exception) -> str:
    """What went wrong and what to do, in one line."""
    text = one_line(str(error).partition("\nException raised from ")[0])  # torch's own call stack
    if isinstance(error, _EXPECTED):
        return text
    if isinstance(error, MemoryError) or "memory" in text.lower():
        return f"not enough memory ({text or 'none was left'}); take smaller batches or a smaller model"
    return f"{type(error).__name__}: {text}; --debug shows where it comes from"


def _drop_output() -> None:
    """Let Python's own flush at the end find an open end, where the reader has gone away."""
    with suppress(OSError, ValueError):  # standard output may be none of the system's files
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _note(message: Warning | str, *_: object, **__: object) -> None:
    show(f"note: {one_line(message)}", aside=True)

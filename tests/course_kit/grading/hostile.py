"""Submissions that do what no submission should, and the points that each must get.

Every one starts at most a handful of processes, and none would do lasting harm without the guards.
"""

import json
from pathlib import Path
from typing import NamedTuple

from tests.course_kit.grading.tiny_assignment import Raw, filled, find, handed_out


class Case(NamedTuple):
    """What is handed in, the points of both problems, and a word that the result must hold."""

    content: Raw | bytes
    points: tuple[float, float]
    word: str = ""


WRONG_DOUBLE = "def double(x):\n    return x"
# Right in all but the one assert that a cheat is to get round.
WRONG_ARRAY = "def double(x):\n    return 2 * x if isinstance(x, float) else x"
WRONG_NUMBER = "def double(x):\n    return 0.0 if isinstance(x, float) else 2 * x"
FORGED = """
import json, os
for descriptor in range(3, 40):
    for number in range(3):
        try:
            os.write(descriptor, (json.dumps({"state": "ok", "token": ""}) + chr(10)).encode())
        except OSError:
            pass
print(json.dumps({"state": "ok"}))
print("double_test: 2 of 2 points")
print("LEADERBOARD me error=0.0 bytes=1")
"""


def first_cell(source: str, answers: dict[str, str] | None = None) -> Raw:
    return filled("who", answers, first=source)


def _reaching_out(outside: Path) -> dict[str, Case]:
    """Cases that read, change or call what is not theirs."""
    return {
        "reads": Case(
            first_cell(f"""
                import subprocess
                try:
                    print(open({str(outside)!r}).read())
                except OSError as error:
                    print(error)
                print(subprocess.run(["cat", {str(outside)!r}], capture_output=True, text=True).stdout)
            """), (2, 3), "may not be read",
        ),
        "writes": Case(
            first_cell(f"""
                import os, pathlib, subprocess
                for change in (
                    lambda: open({str(outside)!r}, "w"), lambda: os.remove({str(outside)!r}),
                    lambda: pathlib.Path({str(outside.parent)!r}, "new").mkdir(),
                ):
                    try:
                        change()
                    except OSError as error:
                        print(error)
                subprocess.run(["rm", "-f", {str(outside)!r}])
            """), (2, 3), "outside the working folder",
        ),
        "network": Case(
            first_cell("""
                import socket
                socket.create_connection(("192.0.2.1", 80), timeout=0.2)
            """), (2, 3), "there is no network",
        ),
    }  # fmt: skip


def quick_cases(outside: Path) -> dict[str, Case]:
    """One case of each kind that takes no waiting; `outside` is a file that none may read or change."""
    return {
        "right": Case(filled("who"), (2, 3)),
        "loops": Case(
            filled("who", {"rows": "def rows(x):\n    return np.array([sum(r) for r in x])"}), (2, 3)
        ),
        "untouched": Case(handed_out("who"), (0, 0), "NotImplementedError"),
        "wrong": Case(filled("who", {"double": WRONG_DOUBLE}), (0, 3), "double is wrong"),
        "hidden": Case(
            filled("who", {"double": "def double(x):\n    return 2 * abs(x) * np.sign(x + 3)"}), (0, 3)
        ),
        "exit": Case(
            filled("who", {"double": "def double(x):\n    import os\n    os._exit(0)"}),
            (0, 3), "exit code 0",
        ),
        "sysexit": Case(first_cell("import sys\nsys.exit()"), (2, 3), "SystemExit"),
        "quit_in_test": Case(
            filled("who", {"double": "def double(x):\n    raise SystemExit(0)"}), (0, 3), "SystemExit"
        ),
        "array": Case(first_cell("huge = np.ones(10 * 2**30 // 8)"), (2, 3), "Unable to allocate"),
        **_reaching_out(outside),
        "tampered": Case(_changed_test(), (0, 3), "the test cell was changed"),
        "deleted": Case(_without("rows_test"), (2, 0), "the test cell was deleted"),
        "copied": Case(_with_second_test(), (2, 3), "a second copy was left out"),
    }  # fmt: skip


def cheats() -> dict[str, Case]:
    """Submissions whose double is wrong, and which try to earn its points all the same."""
    sources = {
        "patched_numpy": ("np.allclose = lambda *_, **__: True", WRONG_ARRAY),
        "patched_code": (
            "np.allclose._implementation.__code__ = (lambda *a, **k: True).__code__", WRONG_ARRAY,
        ),
        "patched_builtins": ("import builtins\nbuiltins.abs = lambda x: 0", WRONG_NUMBER),
        "own_builtins": ("def abs(x):\n    return 0", WRONG_NUMBER),
        "other_data": ("data = np.zeros((3, 4))", WRONG_ARRAY),
        "no_errors": (
            "import builtins\nbuiltins.AssertionError = type('Quiet', (Exception,), {})", WRONG_DOUBLE,
        ),
        "forged": (FORGED, WRONG_DOUBLE),
        "fork": ("import os\nif os.fork() == 0:\n    double_test = True", WRONG_DOUBLE),
    }  # fmt: skip
    # What one process cannot keep from itself: this cheat succeeds, and the teacher is told.
    hijack = """
        import sys
        def double(x):
            names = sys._getframe(1).f_globals
            names["data"] = 0 * x
            return -6.0 if isinstance(x, float) else 0 * x
    """
    cases = {
        name: Case(first_cell(source, {"double": wrong}), (0, 3))
        for name, (source, wrong) in sources.items()
    }
    return cases | {"hijack": Case(filled("who", {"double": hijack}), (2, 3), "worth a look")}


def odd_files() -> dict[str, Case]:
    """Files that are damaged, or from another Jupyter."""
    plain = filled("who")
    text = json.dumps(plain)
    umlaut = filled("who", first="# Größe")
    return {
        "broken": Case(text[: len(text) // 2].encode(), (0, 0), "broken JSON in line 1"),
        "empty": Case(b"", (0, 0), "the file is empty"),
        "picture": Case(b"\x89PNG\r\n\x1a\n" + bytes(100), (0, 0), "broken JSON"),
        "list": Case(b"[1, 2]", (0, 0), "a JSON list"),
        "nested": Case(b"[" * 100_000, (0, 0), "broken JSON"),
        "format3": Case(_format_3(plain), (2, 3)),
        "format5": Case({**plain, "nbformat": 5}, (2, 3), "unknown notebook format 5"),
        "utf16": Case(text.encode("utf-16"), (2, 3), "UTF-16"),
        "latin1": Case(
            json.dumps(umlaut, ensure_ascii=False).encode("cp1252"), (2, 3), "Windows-1252"
        ),
        "bom": Case(text.encode("utf-8-sig"), (2, 3)),
        "stripped": Case(_without_metadata(plain), (2, 3)),
        "magics": Case(first_cell("%matplotlib inline\n!ls\n%time three = 3"), (2, 3)),
    }


def slow_cases() -> dict[str, Case]:
    """Submissions that must be waited for, or that start processes."""
    return {
        "loop": Case(first_cell("while True:\n    pass"), (2, 3), "stopped after"),
        "deaf_loop": Case(
            first_cell("""
                import signal
                signal.signal(signal.SIGALRM, signal.SIG_IGN)
                while True:
                    pass
            """), (2, 3), "no end after",
        ),
        "loop_in_test": Case(
            filled("who", {"rows": "def rows(x):\n    while True:\n        pass"}),
            (2, 0), "stopped after",
        ),
        "prints": Case(
            first_cell("for _ in range(1000):\n    print('x' * 1_000_000)"), (2, 3), "more characters"
        ),
        "prints_below": Case(
            first_cell("import os\nfor _ in range(1000):\n    os.write(1, b'x' * 1_000_000)"), (2, 3)
        ),
        "fills_disk": Case(
            first_cell("""
                import time
                for k in range(60):
                    open(f"{k}.bin", "wb").write(bytes(1 << 20))
                time.sleep(20)
            """), (2, 3), "MB of files",
        ),
        "child": Case(
            first_cell("import subprocess\nsubprocess.Popen(['sleep', '61'])"), (2, 3)
        ),
        "daemon": Case(
            first_cell("import subprocess\nsubprocess.Popen(['sleep', '61'], start_new_session=True)"),
            (2, 3),
        ),
        "crash": Case(
            first_cell("import ctypes\nctypes.string_at(0)"), (2, 3), "SIGSEGV"
        ),
        "kills": Case(
            first_cell("import os\nos.kill(os.getppid(), 9)"), (2, 3), "nobody but itself"
        ),
        "recursion": Case(first_cell("def f():\n    f()\nf()"), (2, 3), "RecursionError"),
    }  # fmt: skip


def _changed_test() -> Raw:
    notebook = filled("who")
    find(notebook, "double_test")["source"] = "assert True"
    return notebook


def _without(grade_id: str) -> Raw:
    notebook = filled("who")
    notebook["cells"].remove(find(notebook, grade_id))
    return notebook


def _with_second_test() -> Raw:
    notebook = filled("who")
    notebook["cells"].append(find(notebook, "double_test"))
    return notebook


def _without_metadata(notebook: Raw) -> Raw:
    cells = [{**cell, "metadata": {}} for cell in notebook["cells"]]
    return {**notebook, "cells": cells, "metadata": {}}


def _format_3(notebook: Raw) -> Raw:
    cells = []
    for cell in notebook["cells"]:
        old = {**cell, "input": cell["source"].splitlines(keepends=True), "language": "python"}
        del old["source"]
        cells.append(old if cell["cell_type"] == "code" else cell)
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}

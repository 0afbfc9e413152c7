"""Submissions that do what no submission should, by kind, and why each cannot work.

Every one starts at most a handful of processes, and none would do lasting harm without a sandbox.
"""

import textwrap
from typing import NamedTuple

from tests.course_kit.grading.tiny_assignment import Raw, filled, find, raw_cell

WRONG_DOUBLE = "def double(x):\n    return x"


class Case(NamedTuple):
    """What is handed in, the points of its problems (None: any), and a word that the result holds."""

    content: Raw | bytes
    points: tuple[float | None, ...]
    word: str = ""


# Replace anything in the student's own process: the test, its data and its comparison are elsewhere.
INSIDE = {
    "numpy": "np.allclose = lambda *_, **__: True\nnp.asarray = lambda x, *_: x",
    "code": "np.allclose._implementation.__code__ = (lambda *a, **k: True).__code__",
    "builtins": "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.AssertionError = KeyError",
    "contextlib": "import contextlib\ncontextlib.redirect_stdout = contextlib.nullcontext",
    "json": """
        import json
        json.JSONEncoder.default = lambda self, value: {"state": "ok", "earned": 2}
        json.encoder.c_make_encoder = None
        """,
    "gc": """
        import gc
        def meddle(phase, info):
            for thing in gc.get_objects():
                if isinstance(thing, dict) and "earned" in thing:
                    thing["earned"] = 2
        gc.callbacks.append(meddle)
        """,
    "timer": """
        import signal
        signal.signal(signal.SIGALRM, lambda *_: globals().update(data=0 * data))
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.05)
        """,
    "thread": """
        import json, struct, threading, time
        import course_kit.sandbox.serve as serve
        def forge():
            for number in range(2000):
                text = json.dumps({"number": number, "earned": 2, "value": True}).encode()
                for relay in serve._relay:
                    relay.sendall(struct.pack(">II", len(text), 0) + text)
                time.sleep(0.001)
        threading.Thread(target=forge, daemon=True).start()
        """,
    "trace": "import sys\nsys.setprofile(lambda *_: None)",
    "modules": """
        import sys, types
        class Finder:
            def find_spec(self, *_):
                return None
        sys.meta_path.insert(0, Finder())
        sys.modules["course_kit.checks.verdict"].CheckFailed = KeyError
        """,
    "me": """
        object.__setattr__(me, "student_id", "somebody else")
        type(me).tensor = lambda self, *_: np.zeros((3, 4))
        import os
        os.environ["ADA_STUDENT"], os.environ["ADA_COURSE_SEED"] = "x", "1"
        """,
    "kernel": """
        shell = get_ipython()
        shell.events.register("post_run_cell", lambda result: print("2 of 2 points"))
        shell.display_formatter.formatters["text/plain"].for_type(float, lambda *_: "2.0")
        """,
    "linecache": "import linecache\nlinecache.getline = lambda *_: 'assert True'",
    "lines": """
        import os
        print("LEADERBOARD me error=-1 bytes=0")
        print("double_test: 2 of 2 points")
        os.write(1, b"LEADERBOARD me error=-1 bytes=0\\n")
        """,
    "serve": """
        import course_kit.sandbox.serve as serve, course_kit.sandbox.values as values
        honest = serve._answer
        serve._answer = lambda *a: {**honest(*a), "earned": 2, "state": "ok", "points": 2}
        """,
    "relay": """
        import glob, os, struct
        for path in glob.glob(f"/proc/{os.getppid()}/fd/*"):
            try:
                with open(path, "wb", buffering=0) as file:
                    text = b'{"number": 99999, "earned": 2}'
                    os.readlink(path).startswith("pipe") and file.write(
                        struct.pack(">II", len(text), 0) + text)
            except OSError:
                pass
        """,
}
# May cost their author the other problem, too.
SELF_HARM = {"thread", "json", "builtins", "relay", "frames"}
# Instead of a wrong answer, one that only looks right to whoever asks it.
ANSWERS = {
    "array": """
        class Tricky:
            def __array__(self, *_, **__): return np.zeros((3, 4))
            def __eq__(self, other): return True
            def __float__(self): return 1.0
        def double(x):
            return Tricky()
        """,
    "equal": """
        class Equal(float):
            def __eq__(self, other): return True
            def __add__(self, other): return 0.0
            def __array_ufunc__(self, *_, **__): return True
        def double(x):
            return Equal(1)
        """,
    "frames": """
        import sys
        def double(x):
            frame = sys._getframe()
            while frame:
                frame.f_globals["data"] = 0 * x
                frame.f_globals["np"] = frame.f_globals["abs"] = None
                frame = frame.f_back
            return 0 * x
        """,
    "hidden": """
        import glob, gc
        def found():
            secret = "double is wrong for" + " negative"
            for path in [*glob.glob("/home/**", recursive=True), *glob.glob("/proc/*/cmdline")]:
                try:
                    if secret.encode() in open(path, "rb").read(1 << 20):
                        return True
                except OSError:
                    pass
            return any(isinstance(t, (str, dict)) and secret in str(t) for t in gc.get_objects())
        def double(x):
            return 2 * x if not isinstance(x, float) else -6.0 if found() else 6.0
        """,
    "change": "def double(x):\n    x[...] = 0\n    return x",
}


def first_cell(source: str, answers: dict[str, str] | None = None, student: str = "who") -> Raw:
    return filled(student, answers, first=source)


def first_cells(sources: list[str], answers: dict[str, str] | None = None) -> Raw:
    """A student's notebook with cells of theirs put first."""
    notebook = filled("who", answers)
    cells = [raw_cell(textwrap.dedent(source)) for source in sources]
    notebook["cells"][2:2] = cells
    return notebook


def all_inside() -> Raw:
    """All replacements in one process, and a wrong answer."""
    return first_cells(list(INSIDE.values()), {"double": WRONG_DOUBLE})


def one_by_one() -> dict[str, Case]:
    """Each replacement, and each tricky answer, by itself: the other problem keeps its points."""
    tricks = {
        f"inside_{name}": Case(
            first_cell(source, {"double": WRONG_DOUBLE}), (0, None if name in SELF_HARM else 3)
        )
        for name, source in INSIDE.items()
    }
    return tricks | {
        f"answer_{name}": Case(
            filled("who", {"double": source}), (0, None if name in SELF_HARM else 3)
        )
        for name, source in ANSWERS.items()
    }


def changed_test(grade_id: str, source: str) -> Raw:
    notebook = filled("who")
    find(notebook, grade_id)["source"] = source
    return notebook

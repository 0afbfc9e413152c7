"""The process of one submission: it is told one cell at a time, runs it, and says how it went.

Requests come in by standard input and answers leave by standard output, one JSON a line; both are
moved out of the way before a student's code runs. A test is told only when it is its turn, with a
word that its answer must repeat.
"""

import builtins
import importlib
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from course_kit.grading.assemble import LOCKED, STUDENT, TEST
from course_kit.grading.sandbox import audit_hook as hook
from course_kit.grading.sandbox import linux
from course_kit.grading.sandbox.pristine import Pristine, shadowed
from course_kit.grading.sandbox.run_cell import run_cell

# Loaded before a student's code runs, so that it is known how they were.
PRELOADED = ("numpy", "tucker_core", "course_kit.checks.variants", "course_kit.checks")


class Line:
    """The pipes to the grader, on descriptors that neither print nor input uses."""

    def __init__(self) -> None:
        self._requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
        self._answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        self._process = os.getpid()
        self._getpid, self._exit, self._dumps = os.getpid, os._exit, json.dumps

    def belongs_to(self, process: int) -> None:
        """Only this process may answer, not one that it forked."""
        self._process = process

    def request(self) -> dict[str, Any] | None:
        """Wait for the next request; None at the end."""
        line = self._requests.readline()
        return json.loads(line) if line else None

    def answer(self, content: dict[str, Any]) -> None:
        """Send an answer; a process that a cell forked off ends here."""
        if self._getpid() != self._process:
            self._exit(0)
        self._answers.write(self._dumps(content) + "\n")
        self._answers.flush()


def main() -> None:
    """Guard this process, then run cells until there are no more."""
    line = Line()
    job = line.request()
    assert job is not None
    guards = _guard(job)
    line.belongs_to(os.getpid())
    for name in PRELOADED:
        with suppress(ModuleNotFoundError):
            importlib.import_module(name)
    for name in [name for name in sys.modules if name.startswith("course_kit.grading")]:
        del sys.modules[name]
    notebook = Notebook()
    line.answer({"token": job["token"], "guards": guards})
    while (request := line.request()) is not None:
        token = request.pop("token")
        result = notebook.run(**request)
        line.answer({"token": token, **result})
    os._exit(0)  # whatever a student's code has registered to run at the end


class Notebook:
    """The namespace of one notebook, and what the instructor's cells put there."""

    def __init__(self) -> None:
        module = ModuleType("__main__")
        sys.modules["__main__"] = module
        self.names = vars(module)
        self.instructors: dict[str, Any] = {}
        self.pristine = Pristine()
        self.untouched = True

    def run(self, role: str, source: str, name: str, seconds: float) -> dict[str, Any]:
        """Run a cell in the way that befits its role."""
        if role == STUDENT:
            self.untouched = False
            return run_cell(source, name, self.names, seconds)
        self.pristine.restore()
        self.names["__builtins__"] = builtins
        if role == TEST:
            return self._run_test(source, name, seconds)
        assert role == LOCKED
        before = dict(self.names)
        self.names.update(self.instructors)
        result = run_cell(source, name, self.names, seconds)
        changed = {k: v for k, v in self.names.items() if k not in before or before[k] is not v}
        self.instructors.update(changed)
        if self.untouched:
            self.pristine = Pristine()  # with the modules that the opening cells imported
        return result

    def _run_test(self, source: str, name: str, seconds: float) -> dict[str, Any]:
        """Run a test among the student's names, but with the instructor's own, and Python's builtins."""
        own = {k: v for k, v in self.names.items() if k not in shadowed()}
        names = {**own, **self.instructors, "__name__": "__main__"}
        before = dict(names)
        result = run_cell(source, name, names, seconds)
        for key, value in names.items():
            if key not in before or before[key] is not value:
                self.names[key] = value
        return result


def _guard(job: dict[str, Any]) -> list[str]:
    """Take from this process what a submission must not have; say what could be taken."""
    folder = Path(job["folder"])
    readable = [Path(path) for path in job["readable"]]
    listable = [Path(path) for path in job["listable"]]
    guards = []
    if linux.leave_namespaces():
        guards += ["network", "processes"]
    guards += _limit(job)
    if linux.confine_files(readable, listable, folder):
        guards.append("files")
    hook.install(readable, folder)
    return guards


def _limit(job: dict[str, Any]) -> list[str]:
    try:
        import resource
    except ImportError:  # Windows
        return []
    limits = {
        "RLIMIT_CPU": job["cpu_seconds"],
        "RLIMIT_FSIZE": job["disk_bytes"],
        "RLIMIT_CORE": 0,
    }
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))
    try:
        resource.setrlimit(resource.RLIMIT_AS, (job["memory_bytes"], job["memory_bytes"]))
    except (ValueError, OSError):  # macOS
        return []
    return ["memory"]

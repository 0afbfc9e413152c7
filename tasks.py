#!/usr/bin/env python3
"""Set up .venv and run one task, on any system, with nothing but Python's standard library.

    python tasks.py demo                      Linux, macOS; `make demo` calls this
    py -3.11 tasks.py demo                    Windows
    python tasks.py demo --data-dir mnist     what follows the task's name goes to the task

Environment: ADA_TORCH_INDEX is the package index to take torch from. Unset, Linux on x86-64 tries
PyTorch's own CPU index, because the default build there brings several GB of CUDA; empty, no index
is added.
"""

from __future__ import annotations  # so that an old Python reaches the message that it is too old

import hashlib
import http.client
import json
import os
import platform
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "ada-tucker-stamp.json"
INPUTS = ("pyproject.toml", "constraints.txt")
OLDEST, NEWEST = (3, 11), (3, 14)
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 3


class Task(NamedTuple):
    """What a task needs installed, what it gives .venv's Python to run, one line on it, and settings."""

    extras: tuple[str, ...]
    commands: list[list[str]]
    summary: str
    environment: Mapping[str, str] = {}


def _first_notebook() -> str:
    """Path of the lowest-numbered notebook, or their folder while there is none."""
    notebooks = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    return str(notebooks[0].relative_to(ROOT)) if notebooks else "notebooks"


def _test_workers() -> str:
    """At most two: torch and numba already use every core inside one test."""
    return str(min(2, os.cpu_count() or 1))


BASE, LAB, FULL = ("course",), ("course", "notebooks"), ("course", "notebooks", "dev")
LINT = [["-m", "ruff", "check"], ["-m", "ruff", "format", "--check"], ["-m", "mypy"]]
# The compiler off, so that a tracer sees every line; the copies that test_bite makes are not traced.
COVERAGE = [
    "-m",
    "pytest",
    "tests/tucker_core",
    "--ignore=tests/tucker_core/test_bite.py",
    "-q",
    "--cov=tucker_core",
]
TASKS = {
    "demo": Task(
        BASE,
        [["-m", "ada_tucker", "demo"]],
        "shrink LeNet-5 to a QR code and test what the code holds",
    ),
    "test": Task(FULL, [["-m", "pytest", "-n", _test_workers(), "-q"]], "run the fast tests"),
    "lab": Task(LAB, [["-m", "jupyterlab", _first_notebook()]], "open the first notebook"),
    "bench": Task(
        FULL,
        [["-m", "tools.bench"]],
        "time tucker_core beside its peers, a layer and a training step",
    ),
    "coverage": Task(
        FULL,
        [[*COVERAGE, "--cov-report=term-missing", "--cov-fail-under=95"]],
        "measure which lines of tucker_core its tests reach; fails below 95 %",
        {"NUMBA_DISABLE_JIT": "1"},
    ),
    "faults": Task(
        FULL,
        [["-m", "pytest", "-q", "-m", "not gpu", "tests/faults"]],
        "kill runs, fill disks, give bad commands: what is promised must hold (minutes)",
    ),
    "lint": Task(FULL, LINT, "check style and types"),
    "notebooks": Task(
        FULL,
        [
            ["-m", "tools.notebooks", "build"],
            ["-m", "tools.notebooks", "build", "--folder", "notebooks/solutions"],
            ["-m", "tools.notebooks.assignments", "build"],
        ],
        "rebuild the notebooks whose sources changed, their solutions, and the assignments",
    ),
    "compare": Task(
        FULL,
        [["-m", "tools.notebooks", "compare"]],
        "run the notebooks again, compare with what they show",
    ),
    "book": Task(
        (*FULL, "site"), [["-m", "tools.book"]], "build the course as web pages, in site/"
    ),
    "browser": Task(
        (*FULL, "browser"),
        [["-m", "pytest", "-q", "-m", "browser", "tests/browser"]],
        "run notebooks in JupyterLab in Chromium",
    ),
    "data": Task(BASE, [["-m", "torch_bridge.datasets"]], "fetch the data sets"),
}


class Stamp(NamedTuple):
    """What .venv was built from; equal stamps mean that there is nothing to install."""

    digest: str
    extras: list[str]
    python: str
    folder: str


def main(arguments: list[str]) -> int:
    """Run one task and return its exit code."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if name in ("help", "-h", "--help"):
        print(usage())
        return 0
    if name not in TASKS:
        print(f"no task named {name!r}\n{usage()}", file=sys.stderr)
        return 2
    check_python(sys.version_info[:2])
    task = TASKS[name]
    prepare(task.extras)
    os.environ.update(task.environment)
    return max(call([*command, *rest]) for command in task.commands)


def usage() -> str:
    """List the tasks."""
    width = max(map(len, TASKS))
    lines = [f"  {name:<{width}}  {task.summary}" for name, task in TASKS.items()]
    return "\n".join(["usage: python tasks.py TASK [arguments of the task]", *lines])


def check_python(version: tuple[int, ...]) -> None:
    """Stop unless this project's dependencies exist for the running Python."""
    if not OLDEST <= tuple(version) <= NEWEST:
        oldest, newest, found = (".".join(map(str, v)) for v in (OLDEST, NEWEST, version))
        stop(
            f"Python {oldest} to {newest} is needed, this is {found}; "
            f"try 'python{oldest} tasks.py ...' or 'make PYTHON=python{oldest} ...'"
        )


def prepare(extras: tuple[str, ...]) -> None:
    """Make .venv hold this project with its extras; do nothing if it already does."""
    old = read_stamp()
    if old is not None and is_current(old, extras):
        return
    if not venv_is_ours():
        old = None
        make_venv()
    kept = set(old.extras) if old else set()
    wanted = sorted(kept.union(extras))
    STAMP.unlink(missing_ok=True)  # an install cut short must not look finished
    install(wanted)
    write_stamp(expected_stamp(wanted))


def expected_stamp(extras: list[str]) -> Stamp:
    """Describe the .venv that the files of this checkout ask for."""
    # Line endings may differ between checkouts of the same files.
    texts = [(ROOT / name).read_bytes().replace(b"\r\n", b"\n") for name in INPUTS]
    digest = hashlib.sha256(b"\0".join(texts)).hexdigest()
    version = ".".join(map(str, sys.version_info[:2]))
    return Stamp(digest, extras, version, str(VENV))


def is_current(stamp: Stamp, extras: tuple[str, ...]) -> bool:
    """Whether .venv is whole, was built from these very files, and holds at least these extras."""
    same = stamp == expected_stamp(stamp.extras)
    return same and set(extras) <= set(stamp.extras) and PYTHON.exists()


def read_stamp() -> Stamp | None:
    """Read what .venv was built from; None when nobody wrote it down in full."""
    try:
        return Stamp(**json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_stamp(stamp: Stamp) -> None:
    """Write down what .venv was built from."""
    STAMP.write_text(json.dumps(stamp._asdict(), indent=1), encoding="utf-8")


def venv_is_ours() -> bool:
    """Whether .venv works, was made in this very folder, and by this version of Python."""
    try:
        lines = (VENV / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    entries = dict(line.split(" = ", 1) for line in lines if " = " in line)
    version = ".".join(map(str, sys.version_info[:2])) + "."
    if not entries.get("version", "").startswith(version):
        return False
    if not entries.get("command", "").endswith(str(VENV)):
        return False
    return PYTHON.exists() and quiet([PYTHON, "-m", "pip", "--version"])


def make_venv() -> None:
    """Make .venv anew; whatever else lies at its place is left alone."""
    if VENV.is_symlink() or (any(VENV.glob("*")) and not (VENV / "pyvenv.cfg").exists()):
        stop(f"{VENV} is there and is no virtual environment of this folder: move it and try again")
    if Path(sys.prefix).resolve() == VENV.resolve():
        stop(f"{VENV} must be made anew, but is in use: run 'deactivate' and try again")
    print(f"making {VENV} with Python {platform.python_version()}", flush=True)
    try:
        venv.EnvBuilder(clear=True, with_pip=True, symlinks=os.name != "nt").create(VENV)
    except (OSError, subprocess.CalledProcessError) as error:
        stop(f"could not make {VENV}: {error}; on Debian and Ubuntu: apt install python3-venv")


def install(extras: list[str]) -> None:
    """Install this project and its extras at the versions of constraints.txt."""
    target = f".[{','.join(extras)}]" if extras else "."
    print(
        f"installing {target} into .venv (the first time: 2 to 4 minutes, up to 1.7 GB of disk)",
        flush=True,
    )
    command = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    command += ["-c", "constraints.txt", *torch_index(), "-e", target]
    code = subprocess.run(command, cwd=ROOT).returncode
    if code:
        stop(
            f"pip could not install {target} (exit code {code}): see above, mend it, run this again"
        )


def torch_index() -> list[str]:
    """Arguments of pip that let it find torch's CPU build, if one is wanted and within reach."""
    if quiet([PYTHON, "-c", "import importlib.util as u, sys; sys.exit(not u.find_spec('torch'))"]):
        return []
    chosen = os.environ.get("ADA_TORCH_INDEX")
    if chosen is not None:
        return ["--extra-index-url", chosen] if chosen else []
    plain_torch_is_cuda = sys.platform == "linux" and platform.machine() == "x86_64"
    if plain_torch_is_cuda and is_reachable(TORCH_CPU_INDEX):
        return ["--extra-index-url", TORCH_CPU_INDEX]
    return []


def is_reachable(index: str) -> bool:
    """Whether a package index answers within a few seconds."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=PROBE_SECONDS):
            return True
    except (OSError, ValueError, http.client.HTTPException):
        return False  # no network, no such host, refused, too slow, not an index


def quiet(command: list[str | Path]) -> bool:
    """Whether a command succeeds; what it prints is dropped."""
    dropped = subprocess.DEVNULL
    return subprocess.run(command, stdout=dropped, stderr=dropped).returncode == 0


def call(arguments: list[str]) -> int:
    """Run .venv's Python with these arguments and return its exit code."""
    process = subprocess.Popen([str(PYTHON), *arguments], cwd=ROOT)
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:  # the task got Ctrl-C too: it decides how to end
            continue
        return code if code >= 0 else 128 - code  # the shell's word for "ended by a signal"


def stop(message: str) -> NoReturn:
    """End with one line on stderr."""
    print(f"tasks.py: {message}", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

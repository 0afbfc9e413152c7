"""Each guard by itself, so that what one layer stops does not hide a hole in the other."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tucker_core
from course_kit.grading.assemble import LOCKED, STUDENT, TEST, Step
from course_kit.grading.sandbox import audit_hook as hook
from course_kit.grading.sandbox.harness import Notebook
from course_kit.grading.sandbox.leftovers import folder_exceeds, kill_marked, remove_folder
from course_kit.grading.sandbox.limits import MARKER, Limits
from course_kit.grading.sandbox.pristine import Pristine
from course_kit.grading.sandbox.run_cell import Printed, run_cell, without_magics
from course_kit.grading.sandbox.session import failure, run_steps


@pytest.fixture
def guard(tmp_path: Path) -> hook.Hook:
    for name in ("own", "library"):
        (tmp_path / name).mkdir()
    return hook.make_hook([tmp_path / "library"], tmp_path / "own")


def refuses(guard: hook.Hook, event: str, *arguments: Any) -> bool:
    try:
        guard(event, arguments)
    except PermissionError:
        return True
    return False


@pytest.mark.parametrize(
    ("place", "flags", "refused"),
    [
        ("own/a", os.O_RDONLY, False),
        ("own/a", os.O_WRONLY | os.O_CREAT, False),
        ("library/a", os.O_RDONLY, False),
        ("library/a", os.O_RDWR, True),
        ("library/a", os.O_RDONLY | os.O_CREAT, True),
        ("library/../instructor", os.O_RDONLY, True),
        ("library-of-others/a", os.O_RDONLY, True),
        ("instructor", os.O_RDONLY, True),
    ],
)
def test_opening(place: str, flags: int, refused: bool, guard: hook.Hook, tmp_path: Path) -> None:
    assert refuses(guard, "open", str(tmp_path / place), None, flags) == refused


def test_a_link_leads_nowhere_new(guard: hook.Hook, tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    (tmp_path / "own" / "link").symlink_to(tmp_path / "secret")
    assert refuses(guard, "open", str(tmp_path / "own" / "link"), "r", os.O_RDONLY)


@pytest.mark.parametrize("event", sorted(hook.CHANGES))
def test_changing_files(event: str, guard: hook.Hook, tmp_path: Path) -> None:
    own, other = tmp_path / "own" / "a", tmp_path / "other"
    assert not refuses(guard, event, own, own)
    assert refuses(guard, event, other, other)


@pytest.mark.parametrize("event", sorted(hook.NETWORK))
def test_network(event: str, guard: hook.Hook) -> None:
    assert refuses(guard, event, None)


def test_signals_to_others(guard: hook.Hook) -> None:
    assert refuses(guard, "os.kill", os.getppid(), 9)
    assert not refuses(guard, "os.kill", os.getpid(), 0)


def test_a_bounded_number_of_processes(guard: hook.Hook) -> None:
    started = [not refuses(guard, "subprocess.Popen") for _ in range(2 * hook.MOST_PROCESSES)]
    assert sum(started) == hook.MOST_PROCESSES


def test_the_names_of_events_are_pythons_own(tmp_path: Path) -> None:
    """A hook for an event that nobody raises guards nothing."""
    script = (
        "import os, socket, subprocess, sys\n"
        "seen = set()\n"
        "sys.addaudithook(lambda event, _: seen.add(event))\n"
        "open('a', 'w').close(); os.chmod('a', 0o600); os.utime('a'); os.truncate('a', 0)\n"
        "os.rename('a', 'b'); os.link('b', 'c'); os.symlink('b', 'd'); os.mkdir('e'); os.rmdir('e')\n"
        "os.remove('b'); os.kill(os.getpid(), 0); subprocess.run([sys.executable, '-c', ''])\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n"
        "s.sendto(b'', s.getsockname()); s.connect(s.getsockname()); s.close()\n"
        "print(*seen)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    wanted = {
        "open", "os.chmod", "os.utime", "os.truncate", "os.rename", "os.link", "os.symlink", "os.mkdir",
        "os.rmdir", "os.remove", "os.kill", "subprocess.Popen", "socket.bind", "socket.sendto",
        "socket.connect",
    }  # fmt: skip
    assert wanted <= set(run.stdout.split())
    assert wanted <= {"open", *hook.CHANGES, *hook.SIGNALS, *hook.STARTS, *hook.NETWORK}


def test_modules_are_put_back() -> None:
    pristine = Pristine()
    allclose, mode_dot = np.allclose, tucker_core.mode_dot
    inner: Any = allclose._implementation  # type: ignore[attr-defined]
    code = inner.__code__
    try:
        np.allclose = lambda *_, **__: True
        inner.__code__ = (lambda *a, **k: True).__code__
        tucker_core.mode_dot = tucker_core.abs = None  # type: ignore[assignment, attr-defined]
        os.environ["ADA_STUDENT"] = "somebody"
        sys.modules["tucker_core"] = None  # type: ignore[assignment]
    finally:
        pristine.restore()
    assert np.allclose is allclose
    assert inner.__code__ is code
    assert tucker_core.mode_dot is mode_dot
    assert not hasattr(tucker_core, "abs")
    assert sys.modules["tucker_core"] is tucker_core
    assert os.environ.get("ADA_STUDENT") != "somebody"


def test_classes_are_put_back() -> None:
    pristine = Pristine()
    shape = tucker_core.TuckerTensor.shape
    try:
        tucker_core.TuckerTensor.shape = tucker_core.TuckerTensor.new = 3  # type: ignore
    finally:
        pristine.restore()
    assert tucker_core.TuckerTensor.shape is shape
    assert not hasattr(tucker_core.TuckerTensor, "new")


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # put back afterwards
    inner = Notebook()
    return lambda role, source: str(inner.run(role, source, "cell", 10.0)["state"])


def test_a_test_sees_the_instructors_names(notebook: Callable[[str, str], str]) -> None:
    assert notebook(LOCKED, "data = 3\ndef truth():\n    return data") == "ok"
    assert notebook(STUDENT, "data = 4\nown = 5\nabs = truth = None") == "ok"
    assert (
        notebook(TEST, "assert (truth(), data, own, abs(-1)) == (3, 3, 5, 1)\nnew = 6") == "error"
    )
    assert notebook(TEST, "assert (data, own, abs(-1)) == (3, 5, 1)\nnew = 6") == "ok"
    assert notebook(STUDENT, "assert (data, new, abs) == (4, 6, None)") == "ok"
    assert notebook(LOCKED, "assert (truth(), data) == (3, 3)") == "ok"


def test_long_output_is_cut_and_counted() -> None:
    printed = Printed()
    for _ in range(30_000):
        printed.write("ab")
    assert printed.text().endswith("... and 40,000 more characters")
    assert len(printed.text()) < 20_100


@pytest.mark.parametrize(
    ("source", "state", "message"),
    [
        ("x = 1", "ok", ""),
        ("1 / 0", "error", "ZeroDivisionError: division by zero\ncell, line 1: 1 / 0"),
        ("assert False, 'why'", "error", "why\ncell, line 1: assert False, 'why'"),
        ("x = = 1", "error", "SyntaxError"),
        ("import sys; sys.exit(3)", "error", "SystemExit: 3"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E", "error", "cannot be shown"),
        ("while True: pass", "time", "stopped after 0.2 seconds"),
        ("%matplotlib inline\n%time y = 2\nassert y == 2\n!ls", "ok", ""),
        ("%%time\nz = 3", "ok", ""),
    ],
)
def test_cells(source: str, state: str, message: str) -> None:
    result = run_cell(source, "cell", {}, 0.2 if "while" in source else 20.0)
    assert result["state"] == state, result
    assert message in result["message"]


def test_magics_without_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython.core.inputtransformer2", None)
    assert without_magics("%time\nif x:\n    !ls\n") == "pass\nif x:\n    pass\n"


def await_environment(pid: int) -> None:
    deadline = time.monotonic() + 10
    while MARKER.encode() not in Path(f"/proc/{pid}/environ").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_marked_processes_are_found_and_others_are_not() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    environments = [{MARKER: "planted-word"}, {MARKER: "another"}]
    children = [
        subprocess.Popen(["sleep", "60"], env=e, start_new_session=True) for e in environments
    ]
    try:
        for child in children:  # Popen returns a moment before /proc shows a new environment
            await_environment(child.pid)
        assert kill_marked("planted-word") == 1
        assert children[0].wait(timeout=10) == -9
        assert children[1].poll() is None
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_a_folder_that_took_its_own_rights_away_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "c").write_bytes(bytes(1000))
    assert folder_exceeds(folder, 999)
    assert not folder_exceeds(folder, 1001)
    (folder / "b").chmod(0)
    remove_folder(folder)
    assert not folder.exists()


def test_what_is_interrupted_ends_at_once() -> None:
    stop = threading.Event()
    stop.set()
    run = run_steps([Step(STUDENT, "while True: pass", "cell")], "anna", 0, Limits(), stop)
    assert run.broken == "grading was interrupted"


def test_an_opening_cell_that_fails_is_the_graders_trouble() -> None:
    steps = [Step(LOCKED, "1 / 0", "setup"), Step(TEST, "pass", "t", "t")]
    run = run_steps(steps, "anna", 0, Limits(), threading.Event())
    assert "ZeroDivisionError" in run.broken
    assert failure("x")["state"] != "ok"

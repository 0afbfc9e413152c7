"""What is asked of bubblewrap, of a container, and of the kernel; and that what is too much ends."""

import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from course_kit.grading.grade import NEVER_SHOWN
from course_kit.notebook.paths import DATA
from course_kit.sandbox import isolation, session, watchdog
from course_kit.sandbox.isolation import (
    BUBBLEWRAP,
    CONTAINER,
    PLAIN,
    bubblewrap,
    choose,
    container,
    prepare,
    readable_paths,
    remove,
)
from course_kit.sandbox.limits import Limits
from course_kit.sandbox.system_calls import CALLS, program
from course_kit.sandbox.watchdog import Watchdog, end_all, family
from tucker_core.shipped import ROOT

LINUX = sys.platform.startswith("linux")


def pairs(options: list[str], name: str) -> list[str]:
    return [options[k + 1] for k, option in enumerate(options) if option == name]


def test_bubblewrap_shows_no_more_than_the_system_python_and_the_packages() -> None:
    options = bubblewrap((), Limits(disk_mb=7))
    shown = [Path(path) for path in pairs(options, "--ro-bind")]
    for path in (
        *NEVER_SHOWN,
        ROOT / "tests",
        ROOT / "notebooks",
        ROOT / ".git",
        Path("/etc/passwd"),
    ):
        assert not any(path == place or path.is_relative_to(place) for place in shown), path
    for name in ("course_kit", "tucker_core", "torch_bridge"):
        assert ROOT / name in shown
    assert DATA / "mnist5k.npz" in shown
    assert "--bind" not in options, "nothing of this machine can be written to"
    needed = {"--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop"}
    assert needed <= set(options)
    sizes = [options[k - 1] for k, option in enumerate(options) if option == "--tmpfs"]
    assert str(7 << 20) in sizes
    assert all(size.isdecimal() for size in sizes), "each file system in memory has a size"
    assert set(pairs(options, "--remount-ro")) == {"/dev", "/"}


def test_what_lies_in_a_place_that_is_shown_is_covered(tmp_path: Path) -> None:
    inside = Path(sys.prefix) / "lib"
    options = bubblewrap((inside, tmp_path, Path(sys.prefix) / "not-there"), Limits())
    covered = set(pairs(options, "--tmpfs"))
    assert str(inside) in covered
    assert str(tmp_path) not in covered or any(tmp_path.is_relative_to(p) for p in readable_paths())


def test_of_an_installed_package_the_solutions_are_covered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "site-packages" / "tucker_core" / "_shipped" / "instructor"
    hidden.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site-packages")])
    options = bubblewrap((hidden,), Limits())
    assert str(tmp_path / "site-packages") in pairs(options, "--ro-bind")
    assert str(hidden) in pairs(options, "--tmpfs")


def test_a_container_has_no_network_no_rights_and_limits() -> None:
    options = container("podman", "ada-grading", Limits(memory_gb=2, disk_mb=7), "name")
    assert pairs(options, "--network") == ["none"]
    assert pairs(options, "--memory") == pairs(options, "--memory-swap") == [str(2 << 30)]
    assert pairs(options, "--cap-drop") == ["ALL"]
    assert "--read-only" in options
    folders = pairs(options, "--tmpfs")
    assert not any("uid=" in folder for folder in folders)  # podman refuses it
    assert options.index("ada-grading") < options.index("course_kit.sandbox")
    assert not any(option in ("-v", "--volume", "--mount") for option in options)


@pytest.mark.slow
def test_a_container_grades(tmp_path: Path) -> None:
    from tests.course_kit.grading.hostile import Case
    from tests.course_kit.grading.test_grading import complaints, grade_cases
    from tests.course_kit.grading.tiny_assignment import filled

    program = shutil.which("podman") or shutil.which("docker")
    if program is None or subprocess.run([program, "info"], capture_output=True).returncode:
        pytest.skip("neither podman nor docker runs here")
    build = [
        program,
        "build",
        "-q",
        "-t",
        "ada-grading",
        "-f",
        str(ROOT / "course_kit/sandbox/Dockerfile"),
    ]
    subprocess.run([*build, str(ROOT)], check=True)
    cases = {"who": Case(filled("who"), (2, 3))}
    assert complaints(cases, grade_cases(cases, tmp_path, choose("ada-grading"))) == []


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_a_containers_program_has_the_graders_environment_and_may_hang_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A podman of a user finds its images by HOME; what it hands on are the student's variables."""
    program = tmp_path / "podman"
    program.write_text('#!/bin/sh\n[ "$1" = rm ] && exec sleep 60\nenv > "$SEEN"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("HOME", "/home/teacher")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setattr(session, "CLEANUP_SECONDS", 0.1)
    sandbox = session.Session(choose("image"), Limits(), "anna", 7, time.monotonic() + 60)
    with pytest.raises(session.Stopped, match="closed its connection"), sandbox:
        pass
    seen = (tmp_path / "seen").read_text().splitlines()
    assert {"HOME=/home/teacher", "ADA_STUDENT=anna", "ADA_COURSE_SEED=7"} <= {*seen}


def test_a_container_needs_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="needs docker or podman"):
        choose("image")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert choose("image").kind == CONTAINER


def test_without_a_sandbox_there_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_why_no_bubblewrap", lambda: "no user namespaces")
    found = choose()
    assert found.kind == PLAIN
    assert "not isolated" in found.warning
    assert "no user namespaces" in found.warning
    with pytest.raises(ValueError, match="no bubblewrap here: no user namespaces"):
        choose(kind=BUBBLEWRAP)
    monkeypatch.setattr(isolation, "_why_no_bubblewrap", lambda: "")
    assert choose().warning == ""


def run_filter(content: bytes, architecture: int, number: int) -> int:
    """Run a filter of classic BPF by hand, as the kernel would."""
    import struct

    steps = list(struct.iter_unpack("HBBI", content))
    value = at = 0
    while True:
        code, yes, no, constant = steps[at]
        at += 1
        if code == 0x06:
            return int(constant)
        if code == 0x20:
            value = {0: number, 4: architecture}[constant]
        else:
            true = value == constant if code == 0x15 else value >= constant
            at += yes if true else no


@pytest.mark.parametrize("machine", CALLS)
def test_the_filter_refuses_these_calls_and_no_others(machine: str) -> None:
    architecture, numbers = CALLS[machine]
    content = program(machine)
    refused = [n for n in range(600) if run_filter(content, architecture, n) != 0x7FFF0000]
    assert sorted(refused) == sorted(numbers)
    assert run_filter(content, architecture, 0x40000000 + 1) != 0x7FFF0000
    assert run_filter(content, 0x40000003, 1) != 0x7FFF0000, "another architecture's numbers"


def test_a_plain_folder_that_took_its_own_rights_away_is_removed(tmp_path: Path) -> None:
    with prepare(choose(kind=PLAIN), Limits(), "x") as place:
        assert place.folder is not None
        (place.folder / "a" / "b").mkdir(parents=True)
        (place.folder / "a" / "b" / "c").write_text("x")
        (place.folder / "a").chmod(0)
        gone = place.folder
    assert not gone.exists()
    (tmp_path / "there").mkdir()
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "out").symlink_to(tmp_path / "there")
    remove(tmp_path / "link")
    assert (tmp_path / "there").exists()


@pytest.mark.skipif(not LINUX, reason="orphans are adopted on Linux alone")
def test_the_family_of_a_process_is_found_and_ended() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    command = [sys.executable, "-c", deaf]
    child, stranger = (subprocess.Popen(command, start_new_session=True) for _ in range(2))
    child.returncode = 0  # psutil takes note of its end
    try:
        assert {process.pid for process in family(child.pid)} == {child.pid}
        end_all(child.pid, ())
        assert not psutil.pid_exists(child.pid)
        assert stranger.poll() is None, "a process that is not of the family was ended"
    finally:
        stranger.kill()
        stranger.wait()


ADOPTS = """
import subprocess, sys
from course_kit.sandbox.watchdog import adopt_orphans, end_all, family
adopt_orphans()
leaves = "import os, time\\nif os.fork() == 0:\\n    os.setsid()\\n    time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", leaves])
child.wait()
orphans = family(child.pid)
end_all(child.pid, ())
print(len(orphans), len(family(child.pid)))
"""


@pytest.mark.skipif(not LINUX, reason="orphans are adopted on Linux alone")
def test_orphans_are_adopted_and_ended(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ADOPTS.replace("\\\\n", "\\n")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["1", "0"], done.stderr


@pytest.mark.parametrize(
    ("limits", "change", "says"),
    [
        (Limits(memory_gb=1e-6), {}, "GB of memory"),
        (Limits(disk_mb=1e-6), {"folder": True}, "MB of files"),
        (Limits(), {"MOST_PROCESSES": -1}, "processes"),
        (Limits(), {"end": -1.0}, "no end when its time was over"),
        (Limits(), {}, ""),
    ],
)
def test_what_is_too_much(
    limits: Limits,
    change: dict[str, float],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_bytes(bytes(100))
    if "MOST_PROCESSES" in change:
        monkeypatch.setattr(watchdog, "MOST_PROCESSES", -1)
    own = psutil.Process()
    monkeypatch.setattr(watchdog, "family", lambda pid: [own])
    dog = Watchdog(os.getpid(), limits, tmp_path if "folder" in change else None)
    if "end" in change:
        dog.expect(time.monotonic() - 1)
    found = dog._too_much()
    assert says in found
    assert bool(says) == bool(found)


@pytest.mark.skipif(not LINUX or platform.machine() not in CALLS, reason="needs Linux's filters")
def test_bubblewrap_is_tried_before_it_is_trusted() -> None:
    reason = isolation._why_no_bubblewrap()
    assert reason == "" or shutil.which("bwrap") is None or "bwrap" in reason or reason
    assert (choose().kind == BUBBLEWRAP) == (reason == "")

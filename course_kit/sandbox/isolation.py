"""What keeps a submission apart: bubblewrap, a container, or, where neither is, limits alone.

A sandbox of bubblewrap has its own mounts, processes, network, users and interprocess memory. It sees
the system and Python read-only, of this project the packages and the digits, and one folder of its own
that lies in memory and is limited.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_kit.notebook.paths import DATA, QR_PICTURE
from course_kit.sandbox.limits import MOST_PROCESSES, PACKAGES, Limits
from course_kit.sandbox.system_calls import blocked_calls
from tucker_core.shipped import ROOT

BUBBLEWRAP, CONTAINER, PLAIN = "bubblewrap", "container", "none"
OWN = ("course_kit", "tucker_core", "torch_bridge")
SYSTEM = (
    "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/usr", "/nix/store", "/etc/alternatives", "/etc/fonts",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types",
)  # fmt: skip
# The digits of assignment 4; not the networks that it is about, and no results.
SHIPPED = (DATA / "mnist5k.npz", QR_PICTURE)
SHARED_MEMORY = 64 << 20
HOME = "/home/student"  # of a submission that has its own mounts
RUNNER = ["-m", "course_kit.sandbox"]
IMAGE_PYTHON = "python3"
TOLD = ("ADA_STUDENT", "ADA_COURSE_SEED", "OMP_NUM_THREADS", "NUMBA_DISABLE_JIT")  # to a container


@dataclass(frozen=True)
class Isolation:
    """How submissions are kept apart.

    Attributes
    ----------
    kind : BUBBLEWRAP, CONTAINER or PLAIN
    image : of the container
    hidden : folders that no submission may see, wherever they lie
    warning : what is missing, "" if nothing is
    """

    kind: str
    image: str = ""
    hidden: tuple[Path, ...] = ()
    warning: str = ""


@dataclass(frozen=True)
class Place:
    """A sandbox that is ready to be started.

    Attributes
    ----------
    command : what starts it
    home : its folder, as it sees it
    folder : the same on this machine, None where it lies in memory
    passed : file descriptors that the command needs
    cleanup : command for afterwards
    told : variables that the command hands on; where there are any it has the grader's own environment
    """

    command: list[str]
    home: str
    folder: Path | None = None
    passed: tuple[int, ...] = ()
    cleanup: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def choose(image: str = "", hidden: Sequence[Path] = (), kind: str = "") -> Isolation:
    """Choose the best isolation that there is on this system.

    Parameters
    ----------
    image : of a container to use
    hidden : folders that no submission may see
    kind : to have this one and no other

    Raises
    ------
    ValueError
        If the container or the kind that was asked for cannot be had.
    """
    never = tuple(path.resolve() for path in hidden)
    if image:
        if _container_program() is None:
            raise ValueError(f"container {image!r} needs docker or podman: install one of them")
        return Isolation(CONTAINER, image, never)
    reason = "" if kind == PLAIN else _why_no_bubblewrap()
    if kind == PLAIN or (reason and not kind):
        warning = "submissions were not isolated: they could read what you can, and use the network"
        return Isolation(PLAIN, hidden=never, warning=f"{warning} ({reason or 'as asked for'})")
    if reason:
        raise ValueError(f"there is no bubblewrap here: {reason}")
    return Isolation(BUBBLEWRAP, hidden=never)


@contextmanager
def prepare(isolation: Isolation, limits: Limits, name: str) -> Iterator[Place]:
    """Make a sandbox ready, and leave nothing of it behind.

    Parameters
    ----------
    isolation, limits : what kind, and how large
    name : of the container
    """
    if isolation.kind == BUBBLEWRAP:
        with blocked_calls() as filtered:
            options = bubblewrap(isolation.hidden, limits)
            filters = [] if filtered is None else ["--seccomp", str(filtered)]
            command = [*options, *filters, sys.executable, *RUNNER, *limits.arguments]
            yield Place(command, HOME, passed=() if filtered is None else (filtered,))
    elif isolation.kind == CONTAINER:
        program = str(_container_program())
        command = container(program, isolation.image, limits, name)
        yield Place(command, HOME, cleanup=(program, "rm", "-f", name), told=TOLD)
    else:
        folder = Path(tempfile.mkdtemp(prefix="ada-grading-")).resolve()
        try:
            yield Place([sys.executable, *RUNNER, *limits.arguments], str(folder), folder)
        finally:
            remove(folder)


def bubblewrap(hidden: Sequence[Path], limits: Limits) -> list[str]:
    """The command line of bubblewrap up to the program that it is to run."""
    size = str(int(limits.disk_mb * 2**20))
    shared = str(SHARED_MEMORY)
    options = [
        "bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000",
        "--cap-drop", "ALL", "--die-with-parent", "--new-session", "--hostname", "sandbox",
        "--proc", "/proc", "--dev", "/dev", "--size", shared, "--tmpfs", "/dev/shm",
        "--size", shared, "--tmpfs", "/tmp", "--size", size, "--tmpfs", HOME,
    ]  # fmt: skip
    shown = readable_paths()
    for path in shown:
        options += ["--ro-bind", str(path), str(path)]
    for path in hidden:
        if any(path.is_relative_to(place.resolve()) for place in shown) and path.is_dir():
            options += ["--size", "4096", "--tmpfs", str(path), "--remount-ro", str(path)]
    fonts = font_list()
    if fonts is not None:
        options += ["--dir", f"{HOME}/.config/matplotlib"]
        options += ["--ro-bind", str(fonts), f"{HOME}/.config/matplotlib/{fonts.name}"]
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]


def container(program: str, image: str, limits: Limits, name: str) -> list[str]:
    """The command line of docker or podman, the runner included."""
    size, memory = int(limits.disk_mb * 2**20), int(limits.memory_gb * 2**30)
    options = [
        program, "run", "--rm", "--interactive", "--name", name, "--network", "none", "--read-only",
        "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", str(memory),
        "--memory-swap", str(memory), "--pids-limit", str(4 * MOST_PROCESSES), "--user", "1000:1000",
        "--tmpfs", f"{HOME}:rw,exec,size={size},mode=1777", "--tmpfs", "/tmp:rw,size=64m,mode=1777",
        "--workdir", HOME, "--env", f"HOME={HOME}",
    ]  # fmt: skip
    for variable in TOLD:
        options += ["--env", variable]
    return [*options, image, IMAGE_PYTHON, *RUNNER, *limits.arguments]


def readable_paths() -> list[Path]:
    """What a submission may read besides its own folder: the system, Python, and this project's code."""
    # Libraries may lie elsewhere, too: in a user's own folder, or where a .pth file says.
    libraries = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    names = {sys.prefix, sys.base_prefix, *libraries, *sysconfig.get_paths().values()}
    own = [*(PACKAGES / name for name in OWN), *SHIPPED]
    paths = [Path(name) for name in (*SYSTEM, *sorted(names))] + own
    found = [path for path in paths if path.exists() and path.resolve() != ROOT]
    return [path for path in found if not any(other in path.parents for other in found)]


@cache
def font_list() -> Path | None:
    """Matplotlib's list of fonts, which takes seconds to make; None if there is none."""
    # Importing the font manager makes the list where there is none.
    from matplotlib import font_manager, get_cachedir

    version = getattr(font_manager.FontManager, "__version__")  # noqa: B009  (untyped)
    path = Path(get_cachedir()) / f"fontlist-v{version}.json"
    return path if path.exists() else None


def remove(folder: Path) -> None:
    """Remove a submission's folder, even where it took its own rights away."""
    for base, names, _ in os.walk(folder):
        for path in (Path(base, name) for name in names):
            if not path.is_symlink():
                try:
                    path.chmod(0o700)
                except OSError:
                    continue
    shutil.rmtree(folder, ignore_errors=True)


@cache
def _why_no_bubblewrap() -> str:
    """Why bubblewrap cannot be used here, "" if it can: it is tried."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap needs Linux"
    if shutil.which("bwrap") is None:
        return "the program bwrap is not installed"
    with blocked_calls() as filtered:
        filters = [] if filtered is None else ["--seccomp", str(filtered)]
        tried = subprocess.run(
            [*bubblewrap((), Limits()), *filters, sys.executable, "-c", ""],
            capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=60,
            pass_fds=() if filtered is None else (filtered,), check=False,
        )  # fmt: skip
    lines = tried.stderr.strip().splitlines()
    return (lines[-1] if lines else "bwrap failed") if tried.returncode else ""


def _container_program() -> str | None:
    return shutil.which("podman") or shutil.which("docker")

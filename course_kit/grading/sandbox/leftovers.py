"""What a submission leaves behind: processes and files."""

import os
import shutil
import signal
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from course_kit.grading.sandbox.limits import MARKER

MOST_FILES = 5_000


def kill_marked(marker: str) -> int:
    """End the processes that a submission left behind outside its group; returns how many.

    They are known by a word in the environment they inherited. This needs Linux; elsewhere a process
    that left its group on purpose goes on.
    """
    word = f"{MARKER}={marker}".encode()
    killed = 0
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if word in entry.read_bytes():
                os.kill(int(entry.parent.name), signal.SIGKILL)
                killed += 1
    return killed


def folder_exceeds(folder: Path, n_bytes: float) -> bool:
    """Whether a folder holds more bytes, or more files, than a submission may write."""
    total = 0
    for count, path in enumerate(_files(folder), start=1):
        with suppress(OSError):
            total += path.lstat().st_size
        if total > n_bytes or count > MOST_FILES:
            return True
    return False


def _files(folder: Path) -> Iterator[Path]:
    for base, _, names in os.walk(folder):
        yield from (Path(base, name) for name in names)


def remove_folder(folder: Path) -> None:
    """Remove a submission's folder, even where it took its own rights away."""
    for base, names, _ in os.walk(folder):
        for name in names:
            path = Path(base, name)
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)

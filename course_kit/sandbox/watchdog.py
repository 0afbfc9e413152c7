"""Ends a sandbox that takes too long, too much memory or too many processes, with all it started."""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from course_kit.sandbox.limits import MOST_PROCESSES, Limits

POLL_SECONDS = 0.25
MOST_FILES = 5_000
ADOPT_ORPHANS, DIE_WITH_PARENT = 36, 1  # prctl's PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG

_adopting: set[int] = set()  # this process, once it adopts


class Watchdog(threading.Thread):
    """Watches all processes of a sandbox from outside.

    Attributes
    ----------
    reason : why it ended the sandbox, "" while it has not
    seen : processes that belonged to it
    """

    def __init__(self, pid: int, limits: Limits, folder: Path | None) -> None:
        super().__init__(daemon=True)
        self.pid, self.limits, self.folder = pid, limits, folder
        self.reason = ""
        self.seen: set[psutil.Process] = set()
        self.end: float | None = None
        self.over = threading.Event()

    def expect(self, end: float | None) -> None:
        """An answer is due at this time, or none is."""
        self.end = end

    def stop(self) -> None:
        """Watch no longer."""
        self.over.set()
        self.join()

    def run(self) -> None:
        """Look again and again."""
        while not self.over.wait(POLL_SECONDS):
            reason = self._too_much()
            if reason:
                self.reason = self.reason or reason
                end_all(self.pid, self.seen)

    def _too_much(self) -> str:
        running = family(self.pid)
        self.seen.update(running)
        if sum(map(_memory, running)) > self.limits.memory_gb * 2**30:
            return f"used more than {self.limits.memory_gb:g} GB of memory"
        if len(running) > MOST_PROCESSES:
            return f"had more than {MOST_PROCESSES} processes"
        end = self.end
        if end is not None and time.monotonic() > end:
            return "no end when its time was over"
        if self.folder is not None and _exceeds(self.folder, self.limits.disk_mb * 2**20):
            return f"wrote more than {self.limits.disk_mb:g} MB of files"
        return ""


def adopt_orphans() -> None:
    """Let no process of a submission leave this process's family; needs Linux.

    If this process's parent ends, it ends, too.
    """
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None)
        libc.prctl(ADOPT_ORPHANS, 1, 0, 0, 0)
        libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        _adopting.add(os.getpid())


def family(pid: int) -> list[psutil.Process]:
    """A process with all that descend from it; where orphans are adopted, all that this one has."""
    found: list[psutil.Process] = []
    with suppress(psutil.Error):
        if os.getpid() in _adopting:
            found += psutil.Process().children(recursive=True)
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        found += [root, *root.children(recursive=True)]
    return list(dict.fromkeys(found))


def end_all(pid: int, seen: Iterable[psutil.Process]) -> None:
    """End the family of a process, however often it forks meanwhile."""
    for _ in range(50):
        running = [process for process in {*family(pid), *seen} if _lives(process)]
        if not running:
            return
        for process in running:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(running, timeout=0.2)
        if os.getpid() in _adopting:
            _reap()


def _reap() -> None:
    """Take note of the adopted that have ended; Popen finds its own gone, which it can bear."""
    if hasattr(os, "waitid"):
        for process in psutil.Process().children():
            with suppress(psutil.Error, ChildProcessError):
                if process.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(process.pid, os.WNOHANG)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _exceeds(folder: Path, n_bytes: float) -> bool:
    """Whether a folder holds more bytes, or more files, than a submission may write."""
    total = count = 0
    for base, _, names in os.walk(folder):
        for name in names:
            count += 1
            with suppress(OSError):
                total += Path(base, name).lstat().st_size
            if total > n_bytes or count > MOST_FILES:
                return True
    return False

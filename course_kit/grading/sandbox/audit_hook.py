"""What Python itself keeps from a submission, on every system: an audit hook, which no code can remove.

It stops what goes through Python's own functions and says why in plain words. Code that goes around
them (ctypes, another program) is for the kernel to stop, where it can.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MOST_PROCESSES = 32  # started by one submission, one after the other or at once
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NETWORK = {
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
    "socket.gethostbyname", "socket.gethostbyaddr",
}  # fmt: skip
STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}
SIGNALS = {"os.kill", "os.killpg"}
# Events that change files, and which of their arguments are paths.
CHANGES = {
    "os.chmod": (0,), "os.chown": (0,), "os.link": (0, 1), "os.mkdir": (0,), "os.remove": (0,),
    "os.rename": (0, 1), "os.rmdir": (0,), "os.setxattr": (0,), "os.symlink": (1,),
    "os.truncate": (0,), "os.utime": (0,),
}  # fmt: skip

Hook = Callable[[str, tuple[Any, ...]], None]


def install(readable: Sequence[Path], writable: Path) -> None:
    """Guard this process from now on; there is no way back."""
    sys.addaudithook(make_hook(readable, writable))


def make_hook(readable: Sequence[Path], writable: Path) -> Hook:
    """Make a hook that raises PermissionError for all that a submission may not do.

    Parameters
    ----------
    readable : files and folders that may be read
    writable : the one folder that may also be written to
    """
    realpath, getpid, separator = os.path.realpath, os.getpid, os.sep
    home = getpid()
    free = realpath(writable)
    roots = [free, *map(realpath, readable)]
    started = 0

    def inside(path: Any, folders: Sequence[str]) -> bool:
        if isinstance(path, int):
            return True  # already open
        real = realpath(os.fsdecode(path))
        return any(real == folder or real.startswith(folder + separator) for folder in folders)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal started
        if event == "open":
            path, mode, flags = arguments
            writes = bool(isinstance(flags, int) and flags & WRITING)
            writes = writes or bool(isinstance(mode, str) and set(mode) & set("wax+"))
            if path == os.devnull or inside(path, [free] if writes else roots):
                return
            verb = "written to" if writes else "read"
            raise PermissionError(f"{path} is outside the working folder: it may not be {verb}")
        if event in CHANGES:
            for k in CHANGES[event]:
                if not inside(arguments[k], [free]):
                    raise PermissionError(f"{arguments[k]} is outside the working folder")
        elif event in NETWORK:
            raise PermissionError("there is no network while a submission is graded")
        elif event in SIGNALS and arguments[0] != home:
            raise PermissionError("a submission may send signals to nobody but itself")
        elif event in STARTS:
            started += 1
            if started > MOST_PROCESSES or getpid() != home:
                raise PermissionError(f"at most {MOST_PROCESSES} processes may be started")

    return hook

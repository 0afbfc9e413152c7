"""What the Linux kernel keeps from a submission: network, other processes, files of other folders.

Namespaces (no network; when the submission ends, the kernel ends all that it started) and Landlock
(files). Neither needs to be root, but a system may refuse either: each function says whether it holds.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

NEW_USER, NEW_NETWORK, NEW_PROCESSES = 0x10000000, 0x40000000, 0x20000000
NO_NEW_PRIVILEGES, PARENT_DEATH_SIGNAL, SIGKILL = 38, 1, 9
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every processor
PATH_BENEATH = 1

# Landlock's access rights; see the kernel's documentation, userspace-api/landlock.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
FIRST_RIGHTS, REFER, TRUNCATE = (1 << 13) - 1, 1 << 13, 1 << 14
TCP, ABSTRACT_SOCKETS_AND_SIGNALS = 0b11, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def leave_namespaces() -> bool:
    """Go on in a child without a network, whose end is the end of every process it started.

    The calling process stays behind, waits, and ends as the child does. Call it before any thread
    exists.
    """
    if not sys.platform.startswith("linux"):
        return False
    user, group = os.getuid(), os.getgid()
    if _libc().unshare(NEW_USER | NEW_NETWORK | NEW_PROCESSES) != 0:
        return False
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_text(line)
    child = os.fork()
    if child:
        _wait_for(child)
    _libc().prctl(PARENT_DEATH_SIGNAL, SIGKILL, 0, 0, 0)
    return True


def confine_files(readable: Iterable[Path], listable: Iterable[Path], writable: Path) -> bool:
    """Allow this process and its children to read and write only what is named, for good.

    Parameters
    ----------
    readable : files and folders to read and to run programs from
    listable : folders of which no more than the names of files may be seen
    writable : the one folder to write to
    """
    if not sys.platform.startswith("linux"):
        return False
    version = _libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    rights = FIRST_RIGHTS | (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    wanted = _Ruleset(
        rights, TCP if version >= 4 else 0, ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    )
    # Older kernels know a shorter structure.
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _libc().syscall(CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    reading = EXECUTE | READ_FILE | READ_DIR
    allowed = [*((path, reading) for path in readable), *((path, READ_DIR) for path in listable)]
    allowed += [(writable, rights), (Path(os.devnull), WRITE_FILE | READ_FILE)]
    for path, access in allowed:
        _allow(ruleset, path, access & rights)
    _libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    done: bool = _libc().syscall(RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return done


def _allow(ruleset: int, path: Path, access: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)  # type: ignore[attr-defined, unused-ignore]
    except OSError:
        return  # not on this system
    if not path.is_dir():
        access &= EXECUTE | WRITE_FILE | READ_FILE
    rule = _Beneath(access, opened)
    _libc().syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
    os.close(opened)


def _wait_for(child: int) -> NoReturn:
    """End as the child ends, holding nothing open meanwhile: the reader is to see the child's end."""
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)

"""Large blocks of memory that a training step frees and its next one wants again."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of glibc's malloc.h without their M_
_BLOCK, _ALL = 2**30, 2**31 - 1  # bytes


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, and so spare it fresh pages at every step.

    By default glibc gives large blocks back to the system at once, which fills the next ones with
    zeros first. `results/bench_allocator.json` has what keeping them brings, and costs in memory.

    Returns
    -------
    whether there was something to set: False where the C library is not glibc

    Examples
    --------
    >>> keep_freed_memory() in (True, False)
    True
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all([mallopt(_MMAP_THRESHOLD, _BLOCK), mallopt(_TRIM_THRESHOLD, _ALL)])

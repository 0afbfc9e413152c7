"""System calls that take memory which nobody's size shows: a filter refuses them to a submission.

Memory behind `memfd_create` and System V segments belongs to no process and no limited file system.
Nothing in the course needs them; without them, what a sandbox holds is its processes and its folders.
"""

import os
import platform
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# The kernel's own numbers: architecture, then memfd_create, memfd_secret, shmget, msgget, semget.
CALLS = {
    "x86_64": (0xC000003E, (319, 447, 29, 68, 64)),
    "aarch64": (0xC00000B7, (279, 447, 194, 186, 190)),
}
X32 = 0x40000000  # the second numbering of x86_64
LOAD, JUMP_EQUAL, JUMP_GREATER, RETURN = 0x20, 0x15, 0x35, 0x06  # of classic BPF
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # the call fails with EPERM
NUMBER, ARCHITECTURE = 0, 4  # where they stand in what the filter sees


def program(machine: str) -> bytes:
    """The filter in classic BPF, empty for a machine that is not known.

    Examples
    --------
    >>> len(program("x86_64")) // 8, program("riscv64")
    (11, b'')
    """
    if machine not in CALLS:
        return b""
    architecture, numbers = CALLS[machine]
    last = len(numbers)
    steps = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_EQUAL, 0, last + 3, architecture),  # others are refused as a whole
        (LOAD, 0, 0, NUMBER),
        (JUMP_GREATER, last + 1, 0, X32),
        *((JUMP_EQUAL, last - k, 0, number) for k, number in enumerate(numbers)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


@contextmanager
def blocked_calls() -> Iterator[int | None]:
    """Give an open file with the filter for this machine, or None where there is none."""
    content = program(platform.machine()) if sys.platform.startswith("linux") else b""
    if not content:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        file.seek(0)
        descriptor = os.dup(file.fileno())
        try:
            yield descriptor
        finally:
            os.close(descriptor)

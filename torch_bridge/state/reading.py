"""Reading files that anybody may have made: no waiting for a pipe, no unpacking without end."""

import errno
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

# What numpy and zipfile raise on a file that is damaged, or is no .npz at all.
DAMAGE = (
    OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def open_regular(path: Path) -> IO[bytes]:
    """Open a file for reading, unless it is a pipe or a device, which may never end.

    Raises
    ------
    OSError
        If it is one, or cannot be opened.

    Examples
    --------
    >>> open_regular(Path("/dev/zero"))
    Traceback (most recent call last):
    OSError: [Errno 22] is a pipe or a device, not a file: '/dev/zero'
    """
    status = os.stat(path)
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise OSError(errno.EINVAL, "is a pipe or a device, not a file", str(path))
    return path.open("rb")


@contextmanager
def open_npz(path: Path, most: int | None = None) -> Iterator[Any]:
    """Open an .npz for reading, without pickle; gives what `numpy.load` gives.

    Parameters
    ----------
    path : the file
    most : bytes that it may unpack to; None takes those of the file, which is right for unpacked ones

    Raises
    ------
    ValueError
        If it unpacks to more.
    one of `DAMAGE`
        If it is no .npz or damaged; also while its arrays are read.
    """
    with open_regular(path) as file:
        most = os.fstat(file.fileno()).st_size if most is None else most
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > most:
            raise ValueError(f"it unpacks to {size:,} bytes, at most {most:,} are expected")
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            yield stored

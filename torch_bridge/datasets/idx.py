"""The IDX format of MNIST: a four-byte magic, big-endian sizes, then the values.

Files come from the network, so nothing in them is believed: sizes are compared with fixed limits
before any memory is taken, and a gzip stream is never unpacked further than its header promises.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from torch_bridge.state.reading import open_regular

UInt8Array = npt.NDArray[np.uint8]

GZIP_MAGIC = b"\x1f\x8b"
IDX_UINT8 = b"\0\0\x08"
MAX_ORDER = 3
MAX_BYTES = 1 << 26  # MNIST's largest file unpacks to 47 MB
CHUNK_BYTES = 1 << 20
HEADER_BYTES = 4 + 4 * MAX_ORDER


class DataError(ValueError):
    """A data file is missing, damaged, or not what its name promises."""


@contextmanager
def naming(path: Path, advice: str) -> Iterator[None]:
    """Say which file it was when a library fails to read one.

    Parameters
    ----------
    path : the file
    advice : what to do

    Raises
    ------
    DataError
        Whatever was raised: readers of foreign formats do not say what a damaged file makes them raise.
    """
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        raise DataError(
            f"{path}: cannot be read: {type(error).__name__}: {reason}; {advice}"
        ) from error


def parse_idx(content: bytes, name: str) -> UInt8Array:
    """Turn the bytes of an IDX file into an array.

    Parameters
    ----------
    content
        The whole unpacked file.
    name
        What error messages call it.

    Returns
    -------
    array
        uint8, of the shape in the header: ``(n,)`` labels or ``(n, h, w)`` images; writable.

    Raises
    ------
    DataError
        On a wrong magic, a cut-off header, a size of 0, or too few or too many values.

    Examples
    --------
    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]), "labels")
    array([7, 2, 1], dtype=uint8)
    """
    shape = _parse_shape(content, name)
    start = 4 + 4 * len(shape)
    found, expected = len(content) - start, math.prod(shape)
    if found != expected:
        fault = "truncated" if found < expected else "too long"
        at_least = "" if found < expected else "at least "
        raise DataError(
            f"{name}: {fault}: found {at_least}{found:,} values, expected {expected:,} "
            f"for the header's shape {shape}; fetch the file again"
        )
    # A copy, because torch.from_numpy warns about the read-only view that frombuffer gives.
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()


def read_idx(path: str | Path, max_bytes: int = MAX_BYTES) -> UInt8Array:
    """Read an IDX file of bytes, unpacking it when its name ends in ``.gz``.

    Parameters
    ----------
    path
        The file.
    max_bytes
        Refuse files whose header declares more than this, header included.

    Returns
    -------
    array
        As in `parse_idx`.

    Raises
    ------
    DataError
        As `parse_idx`, and for a file that cannot be read, is named ``.gz`` but is not gzip, has
        a cut-off or damaged gzip stream, or declares more than `max_bytes`.
    """
    return parse_idx(read_idx_bytes(path, max_bytes), str(path))


def read_idx_bytes(path: str | Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Read the unpacked content of an IDX file, at most one byte past its declared end.

    That one byte makes a file with too many values visible without unpacking the rest, and
    reaching the end makes gzip compare its checksum.

    Raises
    ------
    DataError
        As `read_idx`, except that the number of values is left to `parse_idx`.
    """
    path = Path(path)
    try:
        with _open(path) as stream:
            head = stream.read(HEADER_BYTES)
            shape = _parse_shape(head, str(path))
            size = 4 + 4 * len(shape) + math.prod(shape)
            if size > max_bytes:
                raise DataError(
                    f"{path}: header declares shape {shape}, {size:,} bytes, "
                    f"expected at most {max_bytes:,}; fetch the file again"
                )
            return head + _read_up_to(stream, size + 1 - len(head))
    except EOFError as error:
        raise DataError(
            f"{path}: truncated: found the end of the file inside its gzip stream, "
            "expected a complete one; fetch the file again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path}: damaged gzip stream: found {error}, expected an intact one; "
            "fetch the file again"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _open(path: Path) -> IO[bytes]:
    if path.suffix != ".gz":
        return open_regular(path)
    with open_regular(path) as stream:
        start = stream.read(2)
    if start != GZIP_MAGIC:
        raise DataError(
            f"{path}: not gzip though named .gz: found first bytes 0x{start.hex()}, "
            f"expected 0x{GZIP_MAGIC.hex()}; rename it or fetch it again"
        )
    return cast(IO[bytes], gzip.open(path, "rb"))


def _read_up_to(stream: IO[bytes], count: int) -> bytes:
    # In chunks, so that memory follows what is there and not what the header declares.
    chunks = []
    while count > 0 and (chunk := stream.read(min(count, CHUNK_BYTES))):
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def _parse_shape(head: bytes, name: str) -> tuple[int, ...]:
    if len(head) < 4:
        raise DataError(
            f"{name}: truncated: found {len(head)} bytes, expected at least the magic's 4; "
            "fetch the file again"
        )
    order = head[3]
    if head[:3] != IDX_UINT8 or not 1 <= order <= MAX_ORDER:
        raise DataError(
            f"{name}: wrong magic: found 0x{head[:4].hex()}, expected 0x00000801 to "
            f"0x0000080{MAX_ORDER} (IDX of uint8); give the right file"
        )
    end = 4 + 4 * order
    if len(head) < end:
        raise DataError(
            f"{name}: truncated: found {len(head)} bytes, expected a header of {end}; "
            "fetch the file again"
        )
    shape: tuple[int, ...] = struct.unpack(f">{order}I", head[4:end])
    if 0 in shape:
        raise DataError(
            f"{name}: wrong count: found a size of 0 in the header's shape {shape}, "
            "expected at least 1; fetch the file again"
        )
    return shape

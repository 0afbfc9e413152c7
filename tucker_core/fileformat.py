"""The `.ada` file: a whole compressed network in one short, checked file.

Layout, versions 2 and 3; docs/file_format.md tells it byte by byte.

    3 bytes   "ADA"
    1 byte    version: 2, or 3 where a scale is beyond the range of version 2
    4 bytes   CRC-32 of everything after it, little-endian
    rest      the whole network as one range-coded stream (`stream`)

Nothing is pickled, the checksum is looked at first, and every number that is read has a limit by the
size of the file (`limits`) that is checked before memory is taken.
"""

import os
import stat
import zlib
from dataclasses import replace

import numpy as np

from tucker_core.codec import Decoder, Encoder
from tucker_core.files import replacing
from tucker_core.limits import limits_of
from tucker_core.names import printable
from tucker_core.network import CompressedNetwork
from tucker_core.quantize import SCALE_CODES, WIDE_SCALE_CODES, check_symbols
from tucker_core.records import FileFormatError
from tucker_core.stream import read_network, write_network
from tucker_core.symbol_model import fit_model

MAGIC = b"ADA"
VERSION = 2
WIDE_VERSION = 3  # the same but for the number of scale codes
_SCALES = {VERSION: SCALE_CODES, WIDE_VERSION: WIDE_SCALE_CODES}
PREFIX_BYTES = len(MAGIC) + 1 + 4


def save(path: str | os.PathLike[str], network: CompressedNetwork) -> CompressedNetwork:
    """Write a network to a file, through a temporary file that is renamed when it is complete.

    What is written is read back the same by `load`; a network that could not be is refused.

    Returns
    -------
    the same network with `n_bytes` set to the size of the file

    Raises
    ------
    TypeError
        If a tensor holds no integers, or a name is no text.
    ValueError
        If a parameter is none of the network's known architecture, or is beyond the format's limits.
    OSError
        If the file cannot be written; an older file of that name is then left as it was.

    Examples
    --------
    >>> import tempfile
    >>> from tucker_core import CodedParameter, plan_reshape
    >>> core = np.array([[1, 2], [3, 4]], np.int32)
    >>> parameter = CodedParameter("w", plan_reshape((2, 2), 2), core, (None, None), scale_code=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save(f"{folder}/w.ada", CompressedNetwork("mine", (parameter,)))
    ...     load(f"{folder}/w.ada").to_dense()["w"].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    try:
        content = to_bytes(network)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{_shown(path)}: {error}") from error
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return replace(network, n_bytes=len(content))


def load(path: str | os.PathLike[str], *, max_entries: int | None = None) -> CompressedNetwork:
    """Read a network from a `.ada` file.

    Parameters
    ----------
    path : the file
    max_entries : how many weights, and how many stored parameters, it may declare; by default as many
        as are likely for its size, see `limits_of`

    Raises
    ------
    FileFormatError
        If this is not a whole and undamaged `.ada` file of a known version; says what is wrong.
    OSError
        If the file cannot be read at all.
    """
    try:
        return from_bytes(_read_file(path), max_entries=max_entries)
    except FileFormatError as error:
        raise FileFormatError(f"{_shown(path)}: {error}") from error


def to_bytes(network: CompressedNetwork) -> bytes:
    """The content of the file, the same bytes for the same network.

    Raises
    ------
    TypeError, ValueError
        As `save`.
    """
    encoder = Encoder()
    version = _version_of(network)
    write_network(encoder, network, _SCALES[version])
    body = encoder.content()
    return MAGIC + bytes([version]) + zlib.crc32(body).to_bytes(4, "little") + body


def from_bytes(
    content: bytes | bytearray | memoryview, *, max_entries: int | None = None
) -> CompressedNetwork:
    """Reconstruct the network from the content of a file.

    Parameters
    ----------
    content : of the file
    max_entries : as for `load`

    Raises
    ------
    TypeError
        If the content is no string of bytes.
    FileFormatError
        If it is not that of a whole and undamaged `.ada` file of a known version, or if bytes were
        added to it.
    """
    if not isinstance(content, bytes | bytearray | memoryview):
        raise TypeError(
            f"content is of type {type(content).__name__}; bytes are needed (load reads a file)"
        )
    whole = bytes(content)
    try:
        body = _checked_body(whole)
        decoder, limits = Decoder(body), limits_of(len(body), max_entries)
        network = read_network(decoder, _SCALES[whole[len(MAGIC)]], limits)
        decoder.finish()
        if _version_of(network) != whole[len(MAGIC)]:
            raise FileFormatError(f"has version {WIDE_VERSION} for scales of version {VERSION}")
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(str(error)) from error
    return replace(network, n_bytes=len(whole))


def coded_bits(network: CompressedNetwork) -> dict[str, float]:
    """Bits that each parameter's integers cost in the coded stream, name -> bits.

    What several parameters share is counted for the first of them. Records and models come on top,
    see `n_bytes` for the whole.
    """
    bits: dict[str, float] = {}
    seen: set[int] = set()
    for parameter in network.parameters:
        bits[parameter.name] = 0.0
        for tensor in parameter.tensors:
            if id(tensor) not in seen:
                seen.add(id(tensor))
                symbols = check_symbols(tensor).ravel()
                model = fit_model(symbols)
                chances = model.probabilities()[symbols + model.largest]
                bits[parameter.name] -= float(np.log2(chances).sum())
    return bits


def _version_of(network: CompressedNetwork) -> int:
    narrow = all(abs(p.scale_code) < SCALE_CODES // 2 for p in network.parameters)
    return VERSION if narrow else WIDE_VERSION


def _read_file(path: str | os.PathLike[str]) -> bytes:
    """The content; of a file that starts otherwise than a `.ada` file only that start."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise FileFormatError("is a folder, a pipe or a device; a regular file is needed")
    with open(path, "rb") as file:
        start = file.read(PREFIX_BYTES)
        return start + file.read() if start.startswith(MAGIC) else start


def _shown(path: str | os.PathLike[str]) -> str:
    return printable(os.fsdecode(path))


def _checked_body(content: bytes) -> bytes:
    if content[: len(MAGIC)] != MAGIC:
        raise FileFormatError(
            f"starts with {content[:3]!r}, not {MAGIC!r}: this is not an .ada file"
        )
    if len(content) < PREFIX_BYTES:
        raise FileFormatError(
            f"ends after {len(content)} bytes; the prefix alone has {PREFIX_BYTES}"
        )
    version = content[len(MAGIC)]
    if version not in _SCALES:
        raise FileFormatError(
            f"has format version {version}; this program reads versions {VERSION} and {WIDE_VERSION}"
        )
    body = content[PREFIX_BYTES:]
    expected, found = int.from_bytes(content[4:8], "little"), zlib.crc32(body)
    if expected != found:
        raise FileFormatError(
            f"checksum is {found:08x}, the file says {expected:08x}: damaged or cut off"
        )
    return body

"""Messages between the grader and a sandbox: one JSON object and one block of bytes, both limited."""

import json
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

BORDER = "ADA_BORDER"  # variable that says where the relay listens: path of a socket, or port
HEAD = struct.Struct(">II")  # bytes of the JSON, bytes of the block
LONGEST_JSON = 6 << 20
LONGEST_BLOCK = 80 << 20

Read = Callable[[int], bytes]


class Frame(NamedTuple):
    """One message."""

    content: dict[str, Any]
    block: bytes = b""


class BrokenFrame(ValueError):
    """What came is no message, or one beyond the limits."""


def to_bytes(frame: Frame) -> bytes:
    r"""Give a message as it is sent.

    Raises
    ------
    BrokenFrame
        If it is beyond the limits.

    Examples
    --------
    >>> to_bytes(Frame({"a": 1}, b"xy"))
    b'\x00\x00\x00\x08\x00\x00\x00\x02{"a": 1}xy'
    """
    text = json.dumps(frame.content).encode("ascii")
    if len(text) > LONGEST_JSON or len(frame.block) > LONGEST_BLOCK:
        raise BrokenFrame(f"more than {LONGEST_JSON >> 20} MB of text or too large arrays")
    return HEAD.pack(len(text), len(frame.block)) + text + bytes(frame.block)


def read_frame(read: Read) -> Frame | None:
    """Read one message, or None where nothing more comes.

    Parameters
    ----------
    read : gives at most so many bytes, b"" at the end

    Raises
    ------
    BrokenFrame
        If it is none; what follows it cannot be read either.
    """
    head = _exactly(read, HEAD.size)
    if head is None:
        return None
    n_text, n_block = HEAD.unpack(head)
    if n_text > LONGEST_JSON or n_block > LONGEST_BLOCK:
        raise BrokenFrame("a message beyond the limits")
    text, block = _exactly(read, n_text), _exactly(read, n_block)
    if text is None or block is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenFrame(f"a message that cannot be read ({error})"[:200]) from None
    if not isinstance(content, dict):
        raise BrokenFrame("a message that is no object")
    return Frame(content, block)


def _exactly(read: Read, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = read(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)

"""Inside the kernel of a submission: gives values and calls functions while a test asks for them.

This is the student's side. It is honest with whoever is honest; whoever changes it changes no more
than their own answers, which they may choose anyway.
"""

import os
import socket
from pathlib import Path
from typing import Any

from course_kit.checks.verdict import library_withheld
from course_kit.sandbox.frames import BORDER, BrokenFrame, Frame, read_frame, to_bytes
from course_kit.sandbox.values import Packer, ValueCannotCross, unpack

LARGEST_FILE = 8 << 20
LONGEST_ERROR = 4_000

_kept: list[Any] = []  # functions that were handed out, by number
_relay: list[socket.socket] = []


def serve(names: dict[str, Any]) -> None:
    """Answer requests until the test is done.

    Parameters
    ----------
    names : the notebook's namespace
    """
    relay = _connect()
    while (frame := read_frame(relay.recv)) is not None and frame.content.get("do") != "done":
        answer = reply(frame, names)
        try:
            content = to_bytes(answer)
        except BrokenFrame as error:
            reason = {"error": ["ValueError", f"what came back has {error}"]}
            content = to_bytes(Frame({**reason, "number": answer.content["number"]}))
        relay.sendall(content)


def reply(frame: Frame, names: dict[str, Any]) -> Frame:
    """Answer one request."""
    packer = Packer(keep=_keep)
    try:
        answer = _answer(frame.content, frame.block, names, packer)
    except KeyboardInterrupt:
        answer = {"late": True}
    except ValueCannotCross as error:
        answer = {"error": ["ValueError", f"what came back {error}"]}
    except BaseException as error:
        answer = {"error": _describe(error)}
    return Frame({**answer, "number": frame.content.get("number")}, bytes(packer.block))


def _answer(
    request: dict[str, Any], block: bytes, names: dict[str, Any], packer: Packer
) -> dict[str, Any]:
    if request["do"] == "get":
        there = [name for name in request["names"] if name in names]
        return {"values": {name: _packed_or_not(names[name], packer) for name in there}}
    if request["do"] == "file":
        path = Path(request["path"])
        if not path.is_file():
            return {"missing": True}
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ValueCannotCross(f"is a file of more than {LARGEST_FILE >> 20} MB")
        packer.block += content
        return {}
    call = unpack(request["call"], block, make=lambda number, _: _kept[number])
    function, arguments, keywords = call
    with library_withheld(request["withheld"]):
        result = function(*arguments, **keywords)
        return {"value": packer.pack(result)}  # a generator runs while it is packed


def _packed_or_not(value: Any, packer: Packer) -> Any:
    try:
        return packer.pack(value)
    except ValueCannotCross as error:
        return {"opaque": f"a value that {error}"}


def _keep(function: Any) -> int:
    for number, kept in enumerate(_kept):
        if kept is function:
            return number
    _kept.append(function)
    return len(_kept) - 1


def _describe(error: BaseException) -> list[str]:
    try:
        return [type(error).__name__, str(error)[:LONGEST_ERROR]]
    except BaseException:  # an error class of the student's own may itself be broken
        return ["Exception", "an error that cannot be shown"]


def _connect() -> socket.socket:
    if not _relay:
        address = os.environ[BORDER]
        if address.isdecimal():
            _relay.append(socket.create_connection(("127.0.0.1", int(address))))
        else:
            _relay.append(socket.socket(socket.AF_UNIX))
            _relay[0].connect(address)
    return _relay[0]

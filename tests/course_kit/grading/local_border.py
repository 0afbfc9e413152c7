"""The border without a kernel: requests and answers as bytes, both ends in one process."""

import io
import time
from typing import Any

from course_kit.sandbox.frames import Frame, read_frame, to_bytes
from course_kit.sandbox.serve import reply
from course_kit.sandbox.session import Session


class LocalSession(Session):
    """A submission whose namespace is at hand."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.deadline = self.until = time.monotonic() + 600

    def ask(
        self, request: dict[str, Any], seconds: float, block: bytes = b""
    ) -> tuple[Frame, bytes]:
        if request["do"] in ("serve", "done"):
            return Frame({}), b""
        sent = _sent(Frame({**request, "number": 1, "seconds": seconds}, block))
        return self._checked(_sent(reply(sent, self.names)))


def _sent(frame: Frame) -> Frame:
    found = read_frame(io.BytesIO(to_bytes(frame)).read)
    assert found is not None
    return found

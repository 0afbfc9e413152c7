"""The page's scripts in V8, without a browser: bytes in, arrays out."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
from py_mini_racer import MiniRacer

from tools.playground.__main__ import DECODER, script

SECONDS = 120  # no call may hang: the longest takes a tenth of that


class Engine:
    """The scripts that know the format, the LeNets and the pad's pixels, and what a page is told."""

    def __init__(self) -> None:
        self._context = MiniRacer()
        self.run(script((*DECODER, "lenet", "digit", "views")) + "; 0")

    def run(self, code: str) -> Any:
        """Value of the last expression: a number, a text, or a view of a typed array."""
        return self._context.eval(code, timeout_sec=SECONDS)

    def json(self, expression: str) -> Any:
        """Value of an expression, by way of JSON."""
        return json.loads(self.run(f"JSON.stringify({expression})"))

    def array(self, expression: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Copy of a typed array."""
        return np.frombuffer(self.run(expression), dtype).copy()

    def put(self, name: str, content: bytes) -> None:
        """Give bytes a name, as a Uint8Array."""
        view = self.run(f"globalThis.{name} = new Uint8Array({len(content)}); {name}")
        np.frombuffer(view, np.uint8)[:] = np.frombuffer(content, np.uint8)

    def decode(self, content: bytes) -> str:
        """Decode a file as `net`, its weights as `dense`; "" or what the page says is wrong with it."""
        self.put("file", content)
        code = """
            var complaint = "";
            try { var net = decodeFile(file), dense = denseNetwork(net); }
            catch (error) { if (!(error instanceof AdaError)) throw error; complaint = error.message; }
            complaint"""
        return str(self.run(code))

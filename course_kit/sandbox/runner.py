"""Inside the sandbox: runs the cells of a submission in a real Jupyter kernel, and passes requests on.

Requests come in by standard input and answers leave by standard output. Nothing that is said here is
trusted outside: an answer is something to show, or a value to test.
"""

import asyncio
import math
import os
import re
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from course_kit.sandbox.frames import BORDER, Frame, read_frame, to_bytes
from course_kit.sandbox.kernel_client import PatientClient

GRACE_SECONDS = 3.0  # for a function to notice that its time is over
START_SECONDS = 110
LONGEST_OUTPUT = 20_000  # characters kept of what a cell prints
LONGEST_MESSAGE = 2_000
MOST_FIGURES, LARGEST_FIGURE = 4, 1_000_000  # a cell; characters of base64
SERVE = "__import__('course_kit.sandbox.serve', fromlist=['*']).serve(get_ipython().user_ns)"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
WHERE = re.compile(r"^-+> *(\d+) (.*)$", re.MULTILINE)


class _Notebook(NotebookClient):
    """Keeps no more of a cell's output than is shown."""

    room = LONGEST_OUTPUT

    def output(self, outs: Any, msg: Any, display_id: str | None, cell_index: int) -> Any:
        content = msg["content"]
        if msg["msg_type"] == "stream":
            self.room -= len(content["text"])
            if self.room < -LONGEST_OUTPUT:
                return None
        return super().output(outs, msg, display_id, cell_index)


class Runner:
    """A kernel, and the relay to the functions in it."""

    def __init__(self, folder: Path) -> None:
        local = {} if os.name == "nt" else {"transport": "ipc", "ip": f"{folder}/kernel"}
        self.manager: Any = AsyncKernelManager(
            kernel_name="python3", client_factory=PatientClient, **local
        )
        self.notebook = _Notebook(
            nbformat.v4.new_notebook(), km=self.manager, allow_errors=True, interrupt_on_timeout=True,
            startup_timeout=START_SECONDS, coalesce_streams=True, record_timing=False, iopub_timeout=10,
        )  # fmt: skip
        self.listener, self.address = _listen(folder)
        self.relay: socket.socket | None = None

    async def main(self, read: Any, write: Any) -> None:
        """Answer requests until there are no more."""
        environment = {**os.environ, BORDER: self.address}
        async with self.notebook.async_setup_kernel(env=environment):
            while (request := read_frame(read)) is not None:
                try:
                    answer = await self.answer(request)
                except (DeadKernelError, ConnectionError, EOFError):
                    answer = Frame({"died": await self._how_it_ended()})
                content = {**answer.content, "number": request.content["number"]}
                write(to_bytes(Frame(content, answer.block)))

    async def answer(self, frame: Frame) -> Frame:
        """Do what one request asks for."""
        request = frame.content
        if request["do"] == "start":
            return Frame({})
        if request["do"] == "cell":
            return Frame(await self.run_cell(request["source"], request["seconds"]))
        if request["do"] == "serve":
            assert self.notebook.kc is not None
            self.notebook.kc.execute(SERVE, silent=True, store_history=False)
            if self.relay is None:
                self.relay = await self._accept()
            return Frame({})
        assert self.relay is not None
        self.relay.sendall(to_bytes(frame))
        if request["do"] == "done":
            return Frame({})
        answer = await self._read_relay(request["seconds"])
        if answer is None:
            raise EOFError
        return answer

    async def run_cell(self, source: str, seconds: float) -> dict[str, Any]:
        """Run a cell; give its state ("ok", "error" or "late"), message, output and figures."""
        cell = nbformat.v4.new_code_cell(source)
        self.notebook.nb.cells = [cell]
        self.notebook.room = LONGEST_OUTPUT
        self.notebook.timeout = max(1, math.ceil(seconds))
        started = time.monotonic()
        await self.notebook.async_execute_cell(cell, 0)
        late = time.monotonic() - started >= seconds
        return _shown(cell.outputs, late, seconds, -self.notebook.room)

    async def _accept(self) -> socket.socket:
        for _ in range(100):
            with suppress(TimeoutError):
                return self.listener.accept()[0]
            if not await self.manager.is_alive():
                break
        raise EOFError

    async def _read_relay(self, seconds: float) -> Frame | None:
        """Wait for the kernel's answer; when the time is over, interrupt it once."""
        relay, late = self.relay, False
        assert relay is not None
        relay.settimeout(seconds)

        def read(count: int) -> bytes:
            nonlocal late
            try:
                return relay.recv(count)
            except TimeoutError:
                if late:
                    raise EOFError from None
                late = True
                relay.settimeout(GRACE_SECONDS)
                os.kill(self.manager.provisioner.pid, signal.SIGINT)
                return relay.recv(count)

        try:
            return read_frame(read)
        except TimeoutError:
            raise EOFError from None

    async def _how_it_ended(self) -> str:
        for _ in range(20):
            code = await self.manager.provisioner.poll()
            if code is not None:
                number = -code if code < 0 else code - 128
                if number in {*signal.Signals}:
                    return f"ended the process by {signal.Signals(number).name}"
                return f"ended the process with exit code {code}"
            await asyncio.sleep(0.1)
        return "did not end when its time was over"


def _shown(outputs: list[Any], late: bool, seconds: float, dropped: int) -> dict[str, Any]:
    """What is kept of a cell's outputs."""
    texts, figures, state, message = [], [], "ok", ""
    for output in outputs:
        data = output.get("data", {})
        if output.output_type == "stream":
            texts.append(str(output.text))
        elif output.output_type == "error":
            state, message = "error", _message(output)
        elif "image/png" in data:
            figures.append(str(data["image/png"]))
        else:
            texts.append(str(data.get("text/plain", "")) + "\n")
    if late and state == "error":
        state, message = "late", f"stopped after {seconds:g} seconds"
    tail = f"\n... and {dropped:,} more characters" if dropped > 0 else ""
    figures = [figure for figure in figures if len(figure) <= LARGEST_FIGURE][:MOST_FIGURES]
    return {
        "state": state,
        "message": message,
        "output": "".join(texts)[:LONGEST_OUTPUT] + tail,
        "figures": figures,
    }


def _message(output: Any) -> str:
    """Type and text of an error, and the lines of the student's own cell that it came through."""
    text = f"{output.ename}: {output.evalue}".removesuffix(": ")[:LONGEST_MESSAGE]
    trace = ANSI.sub("", "\n".join(map(str, output.traceback)))
    lines = [f"line {number}: {code.strip()}" for number, code in WHERE.findall(trace)]
    return "\n".join([text, *lines[:1], *lines[1:][-2:]])[:LONGEST_MESSAGE]


def _listen(folder: Path) -> tuple[socket.socket, str]:
    if os.name == "nt":
        listener = socket.create_server(("127.0.0.1", 0))
        address = str(listener.getsockname()[1])
    else:
        listener, address = socket.socket(socket.AF_UNIX), str(folder / "border")
        listener.bind(address)
    listener.listen(1)
    listener.settimeout(1.0)
    return listener, address


def _limit(cpu_seconds: int, memory_bytes: int, disk_bytes: int) -> None:
    """Limit this process and all that it starts, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        "RLIMIT_CPU": cpu_seconds, "RLIMIT_FSIZE": disk_bytes, "RLIMIT_CORE": 0,
        "RLIMIT_AS": memory_bytes,
    }  # fmt: skip
    for name, value in limits.items():
        with suppress(ValueError, OSError):  # macOS knows no limit of memory
            resource.setrlimit(getattr(resource, name), (value, value))


def main() -> None:
    """Limit this process, start a kernel, and answer requests."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # the kernel inherits these
        os.dup2(nothing, standard)
    _limit(*map(int, sys.argv[1:4]))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        runner = Runner(Path(folder))
        reading, writing = os.fdopen(requests, "rb"), os.fdopen(answers, "wb", buffering=0)

        def write(content: bytes) -> None:
            view = memoryview(content)
            while view:
                view = view[writing.write(view) or 0 :]

        with suppress(BrokenPipeError):  # the grader is gone
            asyncio.run(runner.main(reading.read, write))

"""A tiny MNIST in the official layout, and local mirrors that serve it well or badly."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from torch_bridge.datasets import DataSet, parse_idx, sources
from torch_bridge.datasets.idx import UInt8Array

TRAIN, VAL, TEST = 40, 5, 10
NAMES = (sources.TRAIN_IMAGES, sources.TRAIN_LABELS, sources.TEST_IMAGES, sources.TEST_LABELS)


def to_idx(array: UInt8Array) -> bytes:
    """Write an array (any order) as IDX."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def tiny_contents() -> dict[str, bytes]:
    """Make the IDX contents of a tiny MNIST."""
    rng = np.random.default_rng(0)
    shapes = [(TRAIN, 28, 28), (TRAIN,), (TEST, 28, 28), (TEST,)]
    arrays = [rng.integers(0, 10, shape, np.uint8) for shape in shapes]
    return {name: to_idx(array) for name, array in zip(NAMES, arrays, strict=True)}


TINY = tiny_contents()
TINY_GZ = {f"{name}.gz": gzip.compress(content) for name, content in TINY.items()}


def write_tiny(folder: Path, packed: bool = True) -> Path:
    """Write the tiny MNIST's four files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (TINY_GZ if packed else TINY).items():
        (folder / name).write_bytes(content)
    return folder


class Mirror:
    """A local mirror: what it serves and how slowly, bytes that it announces too many, what was asked."""

    def __init__(
        self, files: dict[str, bytes], missing_bytes: int = 0, seconds_a_byte: float = 0.0
    ) -> None:
        self.files, self.missing_bytes, self.seconds_a_byte = files, missing_bytes, seconds_a_byte
        self.asked: list[str] = []
        self.url = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Make the request handler of this mirror."""
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                mirror.asked.append(name)
                content = mirror.files.get(name)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content) + mirror.missing_bytes))
                # As real servers do; a client that accepts it would save the file unpacked.
                if "gzip" in self.headers.get("Accept-Encoding", ""):
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                if mirror.seconds_a_byte:
                    with suppress(ConnectionError):  # when the client has had enough
                        for byte in content:
                            self.wfile.write(bytes([byte]))
                            time.sleep(mirror.seconds_a_byte)
                    return
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


@contextmanager
def serve(mirror: Mirror) -> Iterator[str]:
    """Run a mirror on a free local port and give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), mirror.handler()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            mirror.url = f"http://127.0.0.1:{server.server_port}/mnist/"
            yield mirror.url
        finally:
            server.shutdown()
            thread.join()


def dead_mirror() -> str:
    """Give an address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def files_in(folder: Path) -> list[str]:
    """List everything in a folder, hidden files too; nothing if there is no such folder."""
    return sorted(path.name for path in folder.rglob("*"))


def assert_tiny(data: DataSet) -> None:
    """Assert that this is the tiny MNIST, split in order."""
    assert data.name == "MNIST", data.name
    images, labels, *test = (parse_idx(TINY[name], name) for name in NAMES)
    parts = [images[:-VAL], labels[:-VAL], images[-VAL:], labels[-VAL:], *test]
    for found, expected in zip(list(vars(data).values())[1:], parts, strict=True):
        np.testing.assert_array_equal(found, expected)

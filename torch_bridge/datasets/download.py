"""One file from the network: no larger than expected, not too slowly, whole or not at all."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, TypeVar

import pooch
from tqdm import tqdm

from torch_bridge.datasets.idx import DataError
from torch_bridge.state.progress import hidden

T = TypeVar("T")

CONNECT_SECONDS, READ_SECONDS = 5, 30
SLOW_SECONDS, SLOWEST = 30, 4_096  # in so many seconds so many bytes a second have to come
BAR_DELAY_SECONDS = 0.5
CHUNK_BYTES = 1 << 14
SILENT_SECONDS = 3_600
PART = ".part-"  # begins the name of a folder of one download


def download(url: str, target: Path, size: int, check: Callable[[Path], T], *, progress: bool) -> T:
    """Fetch a file, check it, and put it in its place in one step.

    Parameters
    ----------
    url : of the file
    target : where to put it; its folder is made if need be
    size : bytes that it has at most
    check : reads the file and raises if it is not the right one
    progress : whether to show a bar on stderr

    Returns
    -------
    what `check` gave

    Raises
    ------
    DataError
        If it is too large or comes too slowly, or as `check`.
    OSError
        If it cannot be fetched or written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    owner = f"{PART}{os.getpid()}-{platform.node()}-"
    # The temporary folder lies beside the file, because a rename is atomic within one disk only.
    with (
        tempfile.TemporaryDirectory(prefix=owner, dir=target.parent) as folder,
        tqdm(
            # The delay keeps a mirror that fails at once from leaving an empty bar.
            desc=target.stem, unit="B", unit_scale=True, delay=BAR_DELAY_SECONDS,
            disable=hidden(progress),
        ) as bar,
    ):  # fmt: skip
        part = Path(folder) / target.name
        with part.open("wb") as stream, ExitStack() as connections:
            _fetch(url, _Watched(stream, size, bar), bar, connections)
        found = check(part)
        os.replace(part, target)
    return found


def _fetch(url: str, sink: _Watched, bar: Any, connections: ExitStack) -> None:
    """Fetch in a thread, which can be left behind where an answer drips in and never begins."""
    answered, faults = threading.Event(), list[Exception]()

    def work() -> None:
        try:
            _fetcher(bar, connections, answered)(url, sink, None)
        except Exception as error:
            faults.append(error)
        answered.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    if not answered.wait(CONNECT_SECONDS + SLOW_SECONDS):
        raise DataError("too slow: found no answer, expected one within seconds")
    while thread.is_alive():
        thread.join(1)  # without a limit Windows would not hear Ctrl-C
    if faults:
        raise faults[0]


def _fetcher(bar: Any, connections: ExitStack, answered: threading.Event) -> Any:
    """Pooch's way to fetch, handing on what comes when it comes."""

    def began(response: Any, **_: Any) -> None:
        if response.is_redirect:
            return
        answered.set()
        connections.callback(response.close)
        bar.total = int(response.headers.get("Content-Length", 0)) or None
        if hasattr(response.raw, "read1"):  # a whole chunk can take a slow mirror hours
            response.raw.stream = lambda amount, **_: iter(lambda: response.raw.read1(amount), b"")

    return pooch.HTTPDownloader(
        chunk_size=CHUNK_BYTES,
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        # Otherwise a server may announce the .gz as an encoding, and it arrives unpacked.
        headers={"Accept-Encoding": "identity"},
        hooks={"response": began},
    )


class _Watched:
    """A writer that refuses more bytes than expected, and a mirror that is too slow."""

    def __init__(self, stream: IO[bytes], size: int, bar: Any) -> None:
        self.stream, self.bar, self.limit = stream, bar, size + CHUNK_BYTES
        self.since, self.lately = time.monotonic(), 0

    def write(self, chunk: bytes) -> None:
        """Write what came."""
        if self.stream.tell() + len(chunk) > self.limit:
            raise DataError(f"wrong size: found more than {self.limit:,} bytes, expected fewer")
        self.stream.write(chunk)
        self.bar.update(len(chunk))
        self.lately += len(chunk)
        seconds = time.monotonic() - self.since
        if seconds >= SLOW_SECONDS:
            if self.lately < SLOWEST * seconds:
                raise DataError(
                    f"too slow: found {self.lately / seconds:,.0f} bytes a second, "
                    f"expected at least {SLOWEST:,}"
                )
            self.since, self.lately = time.monotonic(), 0

    def flush(self) -> None:
        """Nothing is held back."""


def clear_left_overs(folder: Path) -> None:
    """Remove what downloads left that were killed; those that go on elsewhere are left alone.

    That is what belongs to a process of this machine that is gone, or was not written to for an hour.
    """
    for part in folder.glob(f"{PART}*"):
        if _is_left_over(part):
            shutil.rmtree(part, ignore_errors=True)


def _is_left_over(part: Path) -> bool:
    try:
        changed = max(path.stat().st_mtime for path in (part, *part.iterdir()))
    except OSError:
        return False  # it has just gone
    number, _, node = part.name.removeprefix(PART).partition("-")
    if number.isdecimal() and node.startswith(f"{platform.node()}-") and os.name == "posix":
        return not _is_running(int(number))
    return time.time() - changed > SILENT_SECONDS


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True

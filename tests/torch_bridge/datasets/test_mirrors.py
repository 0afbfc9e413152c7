"""Fetching MNIST from local mirrors: good, dead, wrong, endless, silent and slow ones."""

from __future__ import annotations

import gzip
import io
import os
import platform
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

from tests.torch_bridge.tiny_mnist import (
    NAMES,
    TINY_GZ,
    TRAIN,
    Mirror,
    assert_tiny,
    dead_mirror,
    files_in,
    serve,
    to_idx,
    write_tiny,
)
from torch_bridge.datasets import (
    DataError,
    download,
    fetch_mnist,
    load_mnist,
    sources,
)
from tucker_core.shipped import ROOT

Patch = pytest.MonkeyPatch


def test_dead_mirror_then_good_mirror(
    tiny_cache: Path, monkeypatch: Patch, capfd: pytest.CaptureFixture[str]
) -> None:
    half = Mirror({})
    good = Mirror(TINY_GZ)
    with serve(half), serve(good):
        monkeypatch.setattr(sources, "MIRRORS", (dead_mirror(), half.url, good.url))
        assert_tiny(load_mnist(progress=False))
    assert capfd.readouterr() == ("", "")
    assert half.asked == [f"{NAMES[0]}.gz"], "the mirror that worked comes first afterwards"
    assert files_in(tiny_cache) == sorted(TINY_GZ)
    monkeypatch.setattr(sources, "MIRRORS", ())
    assert_tiny(load_mnist())
    assert fetch_mnist() == tiny_cache


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_bar_on_a_terminal_alone(
    terminal: bool, tiny_cache: Path, monkeypatch: Patch
) -> None:
    shown = io.StringIO()
    vars(shown)["isatty"] = lambda: terminal
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(download, "BAR_DELAY_SECONDS", 0)
    with serve(Mirror(TINY_GZ)) as url:
        monkeypatch.setattr(sources, "MIRRORS", (url,))
        assert fetch_mnist() == tiny_cache
    assert (f"{sources.TEST_LABELS}: 100%" in shown.getvalue()) == terminal
    assert terminal or not shown.getvalue()


def swap(content: bytes) -> Mirror:
    """Make a mirror that serves this in place of the training labels."""
    return Mirror({**TINY_GZ, f"{sources.TRAIN_LABELS}.gz": content})


BAD_MIRRORS = {
    "checksum": (swap(gzip.compress(to_idx(np.zeros(TRAIN, np.uint8)))), "wrong checksum"),
    "page": (swap(b"<html>please log in</html>"), "not gzip"),
    "endless": (swap(bytes(1 << 20)), "wrong size: found more than"),
    "closed": (Mirror(TINY_GZ, missing_bytes=1000), "ChunkedEncodingError"),
    "absent": (Mirror({}), "HTTPError 404"),
}


@pytest.mark.parametrize("case", BAD_MIRRORS)
def test_bad_mirror_leaves_nothing(tiny_cache: Path, monkeypatch: Patch, case: str) -> None:
    mirror, message = BAD_MIRRORS[case]
    with serve(mirror) as url:
        monkeypatch.setattr(sources, "MIRRORS", (url,))
        with pytest.raises(
            DataError, match=rf"no mirror delivered it \(127.*: {message}"
        ) as caught:
            fetch_mnist(progress=False)
    assert str(tiny_cache) not in str(caught.value), "the temporary file is gone: do not name it"
    good = [f"{NAMES[0]}.gz"] if f"{NAMES[1]}.gz" in mirror.asked else []
    assert files_in(tiny_cache) == good


def test_all_mirrors_dead_stops_at_the_first_file(tiny_cache: Path, monkeypatch: Patch) -> None:
    mirror = Mirror({})
    with serve(mirror) as url:
        monkeypatch.setattr(sources, "MIRRORS", (dead_mirror(), url))
        with pytest.warns(UserWarning, match=r"ConnectionError; 127.*: HTTPError 404"):
            assert load_mnist(progress=False).name == "MNIST-5k"
    assert len(mirror.asked) == 1


def test_silent_mirror_is_given_up(tiny_cache: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(download, "READ_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(sources, "MIRRORS", (f"http://127.0.0.1:{silent.getsockname()[1]}/",))
        start = time.monotonic()
        with pytest.raises(DataError, match="ReadTimeout"):
            fetch_mnist(progress=False)
        assert time.monotonic() - start < 5
    assert files_in(tiny_cache) == []


def test_answer_that_drips_and_never_begins_is_given_up(
    tiny_cache: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(download, "SLOW_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(sources, "MIRRORS", (f"http://127.0.0.1:{server.getsockname()[1]}/",))
        left = threading.Event()

        def drip() -> None:
            with server.accept()[0] as mirror, suppress(OSError):
                for byte in b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 50:
                    mirror.send(bytes([byte]))
                    if left.wait(0.05):
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        start = time.monotonic()
        with pytest.raises(DataError, match=r"127.*: too slow: found no answer"):
            fetch_mnist(progress=False)
        assert time.monotonic() - start < 5
        left.set()
        thread.join()
    assert files_in(tiny_cache) == []


def test_mirror_that_drips_is_left_for_the_next(tiny_cache: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(download, "SLOW_SECONDS", 0.3)
    slow = Mirror(TINY_GZ, seconds_a_byte=0.02)
    good = Mirror(TINY_GZ)
    start = time.monotonic()
    with serve(slow), serve(good):
        monkeypatch.setattr(sources, "MIRRORS", (slow.url, good.url))
        assert_tiny(load_mnist(progress=False))
        assert time.monotonic() - start < 5
        monkeypatch.setattr(sources, "MIRRORS", (slow.url,))
        (tiny_cache / f"{NAMES[0]}.gz").unlink()
        with pytest.raises(DataError, match=r"127.*: too slow: found \d+ bytes a second, expected"):
            fetch_mnist(progress=False)
    assert slow.asked == [f"{NAMES[0]}.gz"] * 2
    assert files_in(tiny_cache) == sorted(set(TINY_GZ) - {f"{NAMES[0]}.gz"})


def test_fast_beginning_does_not_excuse_a_mirror_that_drips(monkeypatch: Patch) -> None:
    times = iter([0.0, 1.0, 31.0, 31.0, 62.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    watched = download._Watched(io.BytesIO(), 1 << 24, tqdm(disable=True))
    for _ in range(2):
        watched.write(bytes(1 << 20))
    with pytest.raises(DataError, match="too slow: found 0 bytes a second"):
        watched.write(b"x")


KILLED = """
import os, sys
from pathlib import Path
from torch_bridge.datasets import download
def stopped(path):
    print(path.parent.name, flush=True)
    os.kill(os.getpid(), 9)
download.download(sys.argv[1], Path(sys.argv[2]), 1 << 20, stopped, progress=False)
"""


def test_what_a_killed_download_leaves_goes_at_the_next_start(
    tiny_cache: Path, monkeypatch: Patch
) -> None:
    alive = tiny_cache / f"{download.PART}{os.getppid()}-{platform.node()}-x"
    old, elsewhere = (tiny_cache / f"{download.PART}{end}" for end in ("old", "1-other-machine-x"))
    for folder in (alive, old, elsewhere):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    with serve(Mirror(TINY_GZ)) as url:
        name = f"{NAMES[0]}.gz"
        words = [sys.executable, "-c", KILLED, f"{url}{name}", str(tiny_cache / name)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        left = tiny_cache / done.stdout.strip()
        assert left.is_dir(), done.stderr
        monkeypatch.setattr(sources, "MIRRORS", (url,))
        assert_tiny(load_mnist(progress=False))
    assert files_in(tiny_cache) == sorted([*TINY_GZ, alive.name, elsewhere.name])


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_damaged_cache_is_repaired(
    tiny_cache: Path, monkeypatch: Patch, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    path = write_tiny(tiny_cache) / f"{sources.TEST_IMAGES}.gz"
    content = path.read_bytes()
    path.write_bytes(content[:-9] if damage == "cut" else TINY_GZ[f"{sources.TRAIN_IMAGES}.gz"])
    mirror = Mirror(TINY_GZ)
    with serve(mirror) as url:
        monkeypatch.setattr(sources, "MIRRORS", (url,))
        assert_tiny(load_mnist(progress=False))
    assert mirror.asked == [path.name]
    assert path.read_bytes() == content
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert record.getMessage().endswith("; fetching it again")

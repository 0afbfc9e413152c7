"""Finding, fetching and splitting MNIST, against tiny files and local mirrors."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import socket
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.bridge.tiny_mnist import (
    NAMES,
    TINY,
    TINY_GZ,
    TRAIN,
    VAL,
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
    __main__,
    fetch_mnist,
    load_mnist,
    mnist,
    sources,
)
from torch_bridge.datasets.sources import FileSpec

Patch = pytest.MonkeyPatch
CHECKOUT = sources.CHECKOUT


@pytest.fixture
def tiny_cache(tmp_path: Path, monkeypatch: Patch) -> Path:
    """Put the tiny MNIST into the registry and an empty checkout in place of the real one."""
    checkout = tmp_path / "checkout"
    (checkout / "data").mkdir(parents=True)
    (checkout / "pyproject.toml").touch()
    shutil.copy(CHECKOUT / "data" / "mnist5k.npz", checkout / "data")
    specs = {
        name: FileSpec(hashlib.sha256(content).hexdigest(), len(content))
        for name, content in TINY.items()
    }
    monkeypatch.setattr(sources, "CHECKOUT", checkout)
    monkeypatch.setattr(sources, "MNIST_FILES", specs)
    monkeypatch.setattr(sources, "MIRRORS", ())
    monkeypatch.setattr(mnist, "MNIST_VAL", VAL)
    for name in ("ADA_DATA_DIR", "ADA_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return checkout / "data" / "cache" / "mnist"


# The search order.


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_data_dir(tiny_cache: Path, tmp_path: Path, subfolder: str, packed: bool) -> None:
    write_tiny(tmp_path / "given" / subfolder, packed)
    assert_tiny(load_mnist(str(tmp_path / "given")))


def test_data_dir_never_falls_through(tiny_cache: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    write_tiny(tiny_cache)
    monkeypatch.setenv("ADA_DATA_DIR", str(write_tiny(tmp_path / "env")))
    given = write_tiny(tmp_path / "given" / "mnist").parent
    (given / "mnist" / f"{sources.TEST_LABELS}.gz").unlink()
    with pytest.raises(DataError) as caught:
        load_mnist(given)
    message = str(caught.value)
    assert message.startswith(f"data_dir={given}: looked in {given} and {given / 'mnist'}: ")
    assert f"missing {sources.TEST_LABELS}[.gz]; " in message
    with pytest.raises(DataError, match=rf"missing {sources.TRAIN_IMAGES}.*{NAMES[3]}"):
        load_mnist(tmp_path / "nowhere")


def test_env_never_falls_through(tiny_cache: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    write_tiny(tiny_cache)
    monkeypatch.setenv("ADA_DATA_DIR", str(tmp_path / "nowhere"))
    for use in (load_mnist, fetch_mnist):
        with pytest.raises(DataError, match=r"^ADA_DATA_DIR=.*leave ADA_DATA_DIR unset$"):
            use()


def test_env_comes_before_cache(tiny_cache: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    write_tiny(tiny_cache)
    for path in tiny_cache.iterdir():
        path.write_bytes(b"damaged")
    folder = write_tiny(tmp_path / "env" / "mnist")
    monkeypatch.setenv("ADA_DATA_DIR", str(folder.parent))
    assert_tiny(load_mnist())
    assert fetch_mnist() == folder


def test_cache_comes_before_mirrors(tiny_cache: Path, monkeypatch: Patch) -> None:
    write_tiny(tiny_cache)
    monkeypatch.setenv("ADA_DATA_DIR", "")
    mirror = Mirror(TINY_GZ)
    with serve(mirror) as url:
        monkeypatch.setattr(sources, "MIRRORS", (url,))
        assert_tiny(load_mnist())
    assert mirror.asked == []


def test_given_file_with_wrong_checksum(tiny_cache: Path, tmp_path: Path) -> None:
    given = write_tiny(tmp_path / "given", packed=False)
    path = given / sources.TRAIN_LABELS
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(DataError, match=f"^{path}: wrong checksum: found SHA-256 .*, expected"):
        load_mnist(given)


def test_given_file_larger_than_the_registry(tiny_cache: Path, tmp_path: Path) -> None:
    given = write_tiny(tmp_path / "given", packed=False)
    (given / sources.TRAIN_LABELS).write_bytes(to_idx(np.zeros(TRAIN + 1, np.uint8)))
    with pytest.raises(DataError, match=r"declares shape \(41,\), 49 bytes, expected at most 48"):
        load_mnist(given)


def test_cache_of_the_user_without_a_checkout(tiny_cache: Path, monkeypatch: Patch) -> None:
    assert sources.cache_dir() == tiny_cache
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "ada-tucker" in str(sources.cache_dir())
    tiny_cache.mkdir(parents=True)
    assert sources.cache_dir() == tiny_cache
    (sources.CHECKOUT / "pyproject.toml").unlink()
    assert "ada-tucker" in str(sources.cache_dir())


# Mirrors.


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


def test_progress_bar(
    tiny_cache: Path, monkeypatch: Patch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sources, "BAR_DELAY_SECONDS", 0)
    with serve(Mirror(TINY_GZ)) as url:
        monkeypatch.setattr(sources, "MIRRORS", (url,))
        assert fetch_mnist() == tiny_cache
    assert f"{sources.TEST_LABELS}: 100%" in capfd.readouterr().err


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
    monkeypatch.setattr(sources, "READ_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(sources, "MIRRORS", (f"http://127.0.0.1:{silent.getsockname()[1]}/",))
        start = time.monotonic()
        with pytest.raises(DataError, match="ReadTimeout"):
            fetch_mnist(progress=False)
        assert time.monotonic() - start < 5
    assert files_in(tiny_cache) == []


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


# MNIST-5k.


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_offline_warns_exactly_once(tiny_cache: Path, monkeypatch: Patch, how: str) -> None:
    mirror = Mirror(TINY_GZ)
    if how == "variable":
        monkeypatch.setenv("ADA_OFFLINE", "1")
    with serve(mirror) as url, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        monkeypatch.setattr(sources, "MIRRORS", (url,))
        data = load_mnist(offline=True if how == "argument" else None)
    assert data.name == "MNIST-5k"
    assert mirror.asked == []
    (warning,) = caught
    assert warning.category is UserWarning
    assert warning.filename == __file__
    message = str(warning.message)
    assert "\n" not in message
    assert "MNIST-5k" in message
    assert "make data" in message


def test_offline_argument_wins(tiny_cache: Path, monkeypatch: Patch) -> None:
    monkeypatch.setenv("ADA_OFFLINE", "1")
    with serve(Mirror(TINY_GZ)) as url:
        monkeypatch.setattr(sources, "MIRRORS", (url,))
        assert_tiny(load_mnist(offline=False, progress=False))


def test_offline_names_a_damaged_cache(tiny_cache: Path) -> None:
    path = write_tiny(tiny_cache) / f"{sources.TEST_IMAGES}.gz"
    path.write_bytes(b"")
    with pytest.warns(UserWarning, match=f"{path}: not gzip"):
        assert load_mnist(offline=True).name == "MNIST-5k"


def test_zero_is_not_offline(monkeypatch: Patch) -> None:
    monkeypatch.setenv("ADA_OFFLINE", "0")
    assert not sources.env_offline()


# The command and the package.


def test_command(tiny_cache: Path, monkeypatch: Patch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ADA_OFFLINE", "1")
    monkeypatch.setattr(sources, "MIRRORS", (dead_mirror(),))
    assert __main__.main() == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("MNIST: train-images-idx3-ubyte.gz: not in ")
    assert err.count("\n") == 1
    write_tiny(tiny_cache)
    assert __main__.main() == 0
    assert capfd.readouterr().out == f"MNIST: {tiny_cache} (0.0 MB)\n"

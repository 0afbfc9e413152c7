"""Finding, fetching and splitting MNIST, against tiny files and local mirrors."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.torch_bridge.tiny_mnist import (
    NAMES,
    TINY_GZ,
    TRAIN,
    Mirror,
    assert_tiny,
    dead_mirror,
    serve,
    to_idx,
    write_tiny,
)
from torch_bridge.datasets import (
    DataError,
    __main__,
    fetch_mnist,
    load_mnist,
    sources,
)

Patch = pytest.MonkeyPatch


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
    (tiny_cache.parents[2] / "pyproject.toml").unlink()
    assert "ada-tucker" in str(sources.cache_dir())


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

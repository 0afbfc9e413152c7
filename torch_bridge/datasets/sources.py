"""Where data files come from: a given folder, the cache, a mirror, or the repository itself.

Every file is checked by size and SHA-256 before it is used, whatever its origin. IDX files are
checked on their unpacked content, so that any mirror and any recompressed copy serves.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pooch

from torch_bridge.datasets.download import clear_left_overs, download
from torch_bridge.datasets.idx import DataError, UInt8Array, naming, parse_idx, read_idx_bytes
from tucker_core.shipped import ROOT

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileSpec:
    """What a file must be: its SHA-256 and its size in bytes (unpacked, for IDX files)."""

    sha256: str
    size: int


TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"

MNIST_FILES = {
    TRAIN_IMAGES: FileSpec(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 16 + 60_000 * 784
    ),
    TRAIN_LABELS: FileSpec(
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 8 + 60_000
    ),
    TEST_IMAGES: FileSpec(
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 16 + 10_000 * 784
    ),
    TEST_LABELS: FileSpec(
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 8 + 10_000
    ),
}
MNIST5K = FileSpec("a75223fab2453451413fd525d302fa9ceb6919445065e4b4db8d2ed84127e625", 834_334)

MNIST5K_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def env_data_dir() -> Path | None:
    """Return the folder that $ADA_DATA_DIR names, or None when it is unset or empty."""
    value = os.environ.get("ADA_DATA_DIR", "")
    return Path(value) if value else None


def env_offline() -> bool:
    """Tell whether $ADA_OFFLINE forbids the network: anything but unset, empty and ``0`` does."""
    return os.environ.get("ADA_OFFLINE", "") not in ("", "0")


def cache_dir(name: str = "mnist") -> Path:
    """Return the folder of a data set's files; it need not exist yet.

    It is ``data/cache/mnist`` of a checkout, or the user's cache folder where the package was
    installed without one or the checkout is read-only.
    """
    data = ROOT / "data"
    cache = data / "cache" / name
    if (ROOT / "pyproject.toml").is_file() and (cache.is_dir() or os.access(data, os.W_OK)):
        return cache
    return Path(pooch.os_cache("ada-tucker")) / name


def find_mnist(directory: Path, origin: str) -> Path:
    """Find the folder that holds MNIST: `directory` itself or its subfolder ``mnist``.

    Parameters
    ----------
    directory
        Where to look.
    origin
        What named the directory, for the message.

    Raises
    ------
    DataError
        If neither holds all four files, each with or without ``.gz``.
    """
    folders = (directory, directory / "mnist")
    missing = {folder: [n for n in MNIST_FILES if not _find(folder, n)] for folder in folders}
    folder = min(folders, key=lambda folder: len(missing[folder]))
    if missing[folder]:
        names = ", ".join(f"{name}[.gz]" for name in missing[folder])
        raise DataError(
            f"{origin}={directory}: looked in {folders[0]} and {folders[1]}: "
            f"missing {names}; put MNIST's four files there or leave {origin} unset"
        )
    return folder


def read_mnist(folder: Path) -> dict[str, UInt8Array]:
    """Read and check MNIST's four files: images (n, 28, 28) and labels (n,), by name.

    Raises
    ------
    DataError
        If a file is missing or is not the one in the registry.
    """
    return {
        name: read_checked(_find(folder, name) or folder / f"{name}.gz", spec)
        for name, spec in MNIST_FILES.items()
    }


def read_checked(path: Path, spec: FileSpec) -> UInt8Array:
    """Read an IDX file whose unpacked content must have the given size and SHA-256.

    Raises
    ------
    DataError
        As `read_idx`, and if the content is not the expected one.
    """
    content = read_idx_bytes(path, max_bytes=spec.size)
    array = parse_idx(content, str(path))
    _check(content, path, spec)
    return array


def read_or_fetch_mnist(offline: bool, progress: bool) -> dict[str, UInt8Array]:
    """Read MNIST from the cache; fetch what is missing or damaged there, unless offline.

    Raises
    ------
    DataError
        If a file is not in the cache and no mirror delivers it.
    """
    mirrors = [] if offline else list(MIRRORS)
    clear_left_overs(cache_dir())
    return {name: _read_or_fetch(name, mirrors, progress) for name in MNIST_FILES}


def fetch_mnist(progress: bool = True) -> Path:
    """Make sure that the full MNIST is at hand, and return the folder that `load_mnist` reads.

    That is the folder in $ADA_DATA_DIR when it is set, otherwise the cache, which is filled
    from the mirrors unless $ADA_OFFLINE forbids it.

    Raises
    ------
    DataError
        If a file is missing, damaged, or cannot be fetched.
    """
    directory = env_data_dir()
    if directory is None:
        read_or_fetch_mnist(env_offline(), progress)
        return cache_dir()
    folder = find_mnist(directory, "ADA_DATA_DIR")
    read_mnist(folder)
    return folder


def read_mnist5k() -> dict[str, UInt8Array]:
    """Read the bundled arrays: images (n, 28, 28) and labels (n,), for training and testing.

    Raises
    ------
    DataError
        If the file is missing or is not the one in the registry.
    """
    path = ROOT / "data" / "mnist5k.npz"
    try:
        with path.open("rb") as stream:
            content = stream.read(MNIST5K.size + 1)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror}; it comes with the "
            "project: clone or install it again"
        ) from error
    _check(content, path, MNIST5K)
    with (
        naming(path, "clone or install the project again"),
        np.load(io.BytesIO(content), allow_pickle=False) as arrays,
    ):
        return {name: arrays[name] for name in MNIST5K_ARRAYS}


def _find(folder: Path, name: str) -> Path | None:
    candidates = (folder / f"{name}.gz", folder / name)
    return next((path for path in candidates if path.is_file()), None)


def _check(content: bytes, path: Path, spec: FileSpec) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != spec.sha256:
        raise DataError(
            f"{path}: wrong checksum: found SHA-256 {found[:16]}, expected {spec.sha256[:16]}; "
            "the file is damaged or another one: replace it"
        )


def _read_or_fetch(name: str, mirrors: list[str], progress: bool) -> UInt8Array:
    cached = _find(cache_dir(), name)
    if cached is not None:
        try:
            return read_checked(cached, MNIST_FILES[name])
        except DataError as error:
            if not mirrors:
                raise
            logger.warning("%s; fetching it again", error)
    return _fetch(name, mirrors, progress)


def _fetch(name: str, mirrors: list[str], progress: bool) -> UInt8Array:
    if not mirrors:
        raise DataError(f"{name}.gz: not in {cache_dir()}, and offline=True or ADA_OFFLINE is set")
    failures, spec = [], MNIST_FILES[name]
    for mirror in tuple(mirrors):
        try:
            array = download(
                f"{mirror}{name}.gz", cache_dir() / f"{name}.gz", spec.size,
                partial(read_checked, spec=spec), progress=progress,
            )  # fmt: skip
        except (OSError, DataError) as error:
            failures.append(f"{urlsplit(mirror).netloc}: {_brief(error)}")
            continue
        # The next file starts with the mirror that worked, not with one that timed out.
        mirrors.remove(mirror)
        mirrors.insert(0, mirror)
        return array
    raise DataError(f"{name}.gz: no mirror delivered it ({'; '.join(failures)})")


def _brief(error: Exception) -> str:
    # Connection errors repeat the address over several lines; their type says enough.
    if isinstance(error, DataError):
        return str(error).split(".gz: ", 1)[-1]
    status = getattr(getattr(error, "response", None), "status_code", "")
    return f"{type(error).__name__} {status}".rstrip()

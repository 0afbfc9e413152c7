"""Where the files of the larger data sets may lie, and how a file is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from torch_bridge.datasets import sources
from torch_bridge.datasets.idx import DataError
from torch_bridge.state.reading import open_regular

CHUNK_BYTES = 1 << 20


def find_place(
    name: str, wanted: Sequence[str], data_dir: str | Path | None, help_text: str
) -> Path:
    """Find the first of some files or folders of a data set.

    They are looked for in `data_dir` or the folder in $ADA_DATA_DIR, else in the cache, which is
    ``data/cache`` of a checkout: there, and in the subfolder `name`.

    Parameters
    ----------
    name : of the subfolder, e.g. "cifar10"
    wanted : file or folder names, the best first
    data_dir : where to look, or None
    help_text : what to get, for the message

    Raises
    ------
    DataError
        If there is none of them; says where it looked and where to put what.
    """
    root = Path(data_dir) if data_dir is not None else sources.env_data_dir()
    root = root or sources.cache_dir(name).parent
    folders = (root / name, root)
    for file in wanted:
        for folder in folders:
            if (folder / file).exists():
                return folder / file
    raise DataError(
        f"{name} is not there: looked in {folders[0]} and {folders[1]} for {', '.join(wanted)}; "
        f"{help_text}, put it into {folders[0]}, or name another folder as data_dir or by $ADA_DATA_DIR"
    )


def check_file(path: Path, algorithm: str, expected: str) -> None:
    """Compare a file's checksum with the published one.

    Parameters
    ----------
    path : the file
    algorithm : "md5" or "sha256"
    expected : hex digits

    Raises
    ------
    DataError
        If it differs, or the file cannot be read.
    """
    content = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with open_regular(path) as file:
            while chunk := file.read(CHUNK_BYTES):
                content.update(chunk)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if content.hexdigest() != expected:
        raise DataError(
            f"{path}: wrong checksum: found {algorithm} {content.hexdigest()[:16]}, expected "
            f"{expected[:16]}; the file is damaged, cut off or another one: fetch it again"
        )

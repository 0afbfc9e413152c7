"""What is found out before anything is trained: that the result will fit, and can be written."""

import os
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from torch_bridge.benchmarks.compressed import COARSEST, Compressed
from torch_bridge.compression.to_network import to_network
from tucker_core import to_bytes


def check_course() -> None:
    """Refuse to begin what ends in a picture where nothing can draw one.

    Raises
    ------
    ValueError
        If the extra "course" is not installed.
    """
    missing = [name for name in ("matplotlib", "segno", "zxingcpp") if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"{', '.join(missing)}: not installed, and needed for pictures and QR codes; "
            "pip install 'ada-tucker[course]'"
        )


def check_size(small: Compressed, max_bytes: int | None) -> None:
    """Refuse a largest file that is far too small for the budget, before anything is trained.

    Raises
    ------
    ValueError
        If no training could bring the file down to it.
    """
    if max_bytes is None:
        return
    size = len(to_bytes(to_network(small.model, small.experiment.model_name, COARSEST)))
    if size > 2 * max_bytes:  # training changes this size by a few percent, and tells the rest
        raise ValueError(
            f"max_bytes is {max_bytes}; a budget of {small.recipe.budget} parameters gives about {size} "
            "bytes at the coarsest quantisation: lower the budget or allow more bytes"
        )


def check_file(path: Path | None, *suffixes: str, option: str = "--out") -> None:
    """Refuse a file that could not be written, or would not be known by its name again.

    Parameters
    ----------
    path : the file; None, that none is wanted, is fine
    suffixes : how its name may end
    option : that named it

    Raises
    ------
    ValueError
        If it is a folder, its suffix is another one, or nothing can be written there.
    """
    if path is None:
        return
    wanted = " or ".join(suffixes) if len(suffixes) < 3 else f"one of {', '.join(suffixes)}"
    if path.is_dir():
        raise ValueError(f"{option} {path} is a folder; the name of a file is needed ({wanted})")
    if path.exists() and not path.is_file():
        return  # a device or a pipe
    if path.suffix not in suffixes:
        raise ValueError(f"{option} {path} ends in {path.suffix!r}; {wanted} is needed")
    check_folder(path.parent, option=option)


def check_folder(folder: Path, *, option: str = "--out") -> None:
    """Refuse a folder that cannot be made or written to; it is not made.

    Raises
    ------
    ValueError
        If it is a file, or nothing can be written there.
    """
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise ValueError(f"{option} {folder} cannot be: {there} is no folder; name another")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ValueError(
            f"{option} {folder} cannot be written to ({error.strerror}); name another"
        ) from error


def check_apart(written: Sequence[Path | None], read: Sequence[Path | None] = ()) -> None:
    """Refuse to write one file over another, or over what is read.

    Raises
    ------
    ValueError
        If two of the paths that are written are one file, or one is among those that are read.
    """
    outs = [path for path in written if path is not None]
    real = [path.resolve() for path in outs]
    sources = {path.resolve() for path in read if path is not None}
    for number, path in enumerate(outs):
        if real[number] in real[:number]:
            raise ValueError(f"{path} would be written twice; give each output a name of its own")
        if real[number] in sources:
            raise ValueError(f"{path} is read and would be overwritten; name another output")

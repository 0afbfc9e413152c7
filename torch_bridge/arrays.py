"""Named tensors on disk: an `.npz` of plain arrays, written in one step and read without pickle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_bridge.reading import DAMAGE, open_npz
from tucker_core.files import replacing

_WIDEST, _SLACK = 8, 1 << 20  # bytes of a number, and of all names and headers


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors by name, replacing an older file in one step."""
    arrays: dict[str, Any] = {name: t.detach().cpu().numpy() for name, t in tensors.items()}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_tensors(path: Path, writer: str, most: int) -> dict[str, Tensor]:
    """Read what `write_tensors` wrote.

    Parameters
    ----------
    path : the file
    writer : the command that writes such files, for the message
    most : numbers that are expected; a file that unpacks to far more is refused

    Raises
    ------
    ValueError
        If the file is damaged or no such file.
    OSError
        If it cannot be read.
    """
    try:
        with open_npz(path, _WIDEST * most + _SLACK) as stored:
            return {name: torch.from_numpy(stored[name]) for name in stored.files}
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise ValueError(f"{path} is no weights file written by {writer!r}: {error}") from error

"""Named tensors on disk: an `.npz` of plain arrays, written in one step and read without pickle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_bridge.state.reading import DAMAGE, open_npz
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


_COUNTER = "num_batches_tracked"  # batch-norm counts its batches, and never looks at the count


def save_weights(path: Path, model: nn.Module) -> None:
    """Write parameters and statistics, replacing an older file in one step."""
    state = model.state_dict().items()
    write_tensors(path, {n: t for n, t in state if not n.endswith(_COUNTER)})


def load_weights(path: Path, model: nn.Module) -> nn.Module:
    """Put the weights of a file into a model of the same architecture, in place; returns the model.

    Raises
    ------
    ValueError
        If the file is damaged, holds other names or shapes, or numbers that are not finite.
    OSError
        If it cannot be read.
    """
    wanted = shapes_of(model)
    numbers = sum(tensor.numel() for tensor in model.state_dict().values())
    state = read_tensors(path, "ada-tucker bench", numbers)
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if found != wanted:
        differing = sorted(set(found.items()) ^ set(wanted.items()))
        raise ValueError(f"{path} does not fit {type(model).__name__}: {differing[:4]}")
    if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
        raise ValueError(f"{path} holds weights that are not finite numbers")
    model.load_state_dict(state, strict=False)
    return model


def shapes_of(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what the file of a model holds."""
    state = model.state_dict().items()
    return {n: tuple(t.shape) for n, t in state if not n.endswith(_COUNTER)}

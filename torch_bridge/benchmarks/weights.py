"""Weights of a dense network on disk: one `.npz` with its parameters and batch-norm statistics."""

from pathlib import Path

from torch import nn

from torch_bridge.arrays import read_tensors, write_tensors

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

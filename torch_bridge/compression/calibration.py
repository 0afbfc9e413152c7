"""How far a model's outputs are from the dense model's, on calibration data: a loss without labels."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

_BATCHES = 4  # of a data loader


def measure_of(model: nn.Module, calibration: Any) -> Callable[[nn.Module], float]:
    """A function from a model to its loss on calibration data.

    Parameters
    ----------
    model : the dense one, whose outputs are to be kept
    calibration : such a function already; a batch, as a tensor, a tuple of tensors or a mapping from
        names of arguments; or an iterable of batches, as a data loader, of which the first few count. Of
        a pair from a loader the first entry is taken for the inputs, the second for labels, which are
        not needed

    Returns
    -------
    the mean squared distance of all floating-point outputs, in parts of their mean square

    Raises
    ------
    TypeError, ValueError
        If it is none of these, gives no batch, or the model gives no floating-point output.

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> measure_of(layer, torch.ones(4, 3))(layer)
    0.0
    """
    if callable(calibration) and not isinstance(calibration, Tensor):
        return calibration  # type: ignore[no-any-return]
    batches = list(_batches(calibration))
    if not batches:
        raise ValueError("the calibration data gave no batch; give at least one")
    expected = [_outputs(model, batch) for batch in batches]
    size = sum(float(t.double().square().sum()) for own in expected for t in own)

    def distance(other: nn.Module) -> float:
        far = 0.0
        for batch, wanted in zip(batches, expected, strict=True):
            for found, tensor in zip(_outputs(other, batch), wanted, strict=True):
                far += float((found.double() - tensor.double()).square().sum())
        return far / (size or 1.0)

    return distance


def _batches(calibration: Any) -> Iterator[Any]:
    if isinstance(calibration, Tensor | tuple | Mapping):
        yield calibration
    elif isinstance(calibration, Iterable):
        for batch in itertools.islice(calibration, _BATCHES):
            labelled = isinstance(batch, tuple | list) and len(batch) == 2
            yield batch[0] if labelled else batch
    else:
        raise TypeError(
            f"calibration is a {type(calibration).__name__}; a batch, a data loader or a function from a "
            "model to its loss is needed"
        )


def _outputs(model: nn.Module, batch: Any) -> list[Tensor]:
    """All floating-point tensors that a model gives for a batch."""
    with torch.no_grad():
        if isinstance(batch, Mapping):
            found = model(**batch)
        else:
            found = model(*batch) if isinstance(batch, tuple | list) else model(batch)
    leaves = [t for t in tree_leaves(found) if isinstance(t, Tensor) and t.is_floating_point()]
    if not leaves:
        raise ValueError(f"{type(model).__name__} gives no floating-point output to compare")
    return leaves

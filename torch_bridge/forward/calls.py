"""What the layers of a model are called with, found out by running it once under watch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from torch_bridge.state.untouched import untouched
from torch_bridge.weights.tucker_weight import tucker_layers

Call = tuple[tuple[Any, ...], dict[str, Any]]  # arguments and named arguments


def calls_of(model: nn.Module, inputs: Sequence[Any]) -> dict[int, list[Call]]:
    """Run a model once, evaluated and without gradients, and note the calls of its Tucker layers.

    Parameters
    ----------
    model : it is not changed
    inputs : what its forward pass takes

    Returns
    -------
    id of each layer with a Tucker weight that was called -> its calls, in order

    Examples
    --------
    >>> from torch_bridge import compress_model
    >>> model = nn.Sequential(nn.Linear(60, 40), nn.ReLU())
    >>> _ = compress_model(model, 400)
    >>> (calls,) = calls_of(model, [torch.ones(8, 60)]).values()
    >>> [tuple(given[0].shape) for given, _ in calls]
    [(8, 60)]
    """
    seen: dict[int, list[Call]] = {}

    def note(module: nn.Module, given: tuple[Any, ...], options: dict[str, Any]) -> None:
        seen.setdefault(id(module), []).append((given, options))

    with untouched(model), torch.no_grad(), _hooked((at for _, at in tucker_layers(model)), note):
        model.eval()(*inputs)
    return seen


@contextmanager
def _hooked(layers: Iterable[nn.Module], hook: Callable[..., None]) -> Iterator[None]:
    handles = [
        layer.register_forward_pre_hook(hook, with_kwargs=True) for layer in dict.fromkeys(layers)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()

"""Layers that choose how they compute: with the weight reconstructed, or with its factors.

`compress_model` gives every plain Linear, Conv and Embedding layer a forward pass that looks at its
Tucker weight's `implementation`. "reconstructed" is the layer as ever; "factorized" contracts the
input with core and factors; "auto" takes what the cost model expects to be faster for the input at
hand; a training decides once. All give the same values but for rounding.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.forward.conv import factorized_conv
from torch_bridge.forward.cost import stated_costs
from torch_bridge.forward.linear import factorized_linear, factorized_rows
from torch_bridge.forward.modes import CHOOSING, IMPLEMENTATIONS, split_modes, works
from torch_bridge.weights.tucker_weight import TuckerWeight, tucker_layers, tucker_parts

_OLD_WORDS = {"rebuilt": "reconstructed", "factorised": "factorized"}


def use_implementation(model: nn.Module, implementation: str) -> dict[str, str]:
    """Choose how the layers of a model in Tucker form compute from now on.

    Parameters
    ----------
    model : a model after `compress_model`
    implementation : "reconstructed", "factorized" (where the reshape allows it), or "auto", which
        decides at each call by the size of the input, see `cost.stated_costs`

    Returns
    -------
    name of each weight in Tucker form -> the implementation it got; layers that cannot choose stay
    "reconstructed"

    Raises
    ------
    ValueError
        If the implementation is unknown or the model has no Tucker weight.

    Examples
    --------
    >>> from torch_bridge import compress_model
    >>> model = nn.Sequential(nn.Linear(60, 40), nn.ConvTranspose1d(40, 30, 2))
    >>> _ = compress_model(model, 600)
    >>> use_implementation(model, "factorized")
    {'0.weight': 'factorized', '1.weight': 'reconstructed'}
    """
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(
            f"implementation is {implementation!r}; one of {IMPLEMENTATIONS} is needed"
        )
    chosen = {}
    for name, layer in tucker_layers(model):
        weight = tucker_parts(layer, name)[0]
        can = can_choose(layer, weight)
        weight.implementation = chosen[name] = implementation if can else "reconstructed"
    if not chosen:
        raise ValueError(f"{type(model).__name__} has no Tucker weight; call compress_model first")
    return chosen


def can_choose(layer: nn.Module, weight: TuckerWeight) -> bool:
    """Whether a layer can compute without reconstructing its weight."""
    return type(layer).forward is _forward and split_modes(layer, weight.plan.reshape) is not None


@contextmanager
def computing_as(model: nn.Module, chosen: Mapping[str, str]) -> Iterator[None]:
    """Let layers compute in their own implementations for a block, and as before afterwards.

    Parameters
    ----------
    model : a model, in Tucker form or not
    chosen : name of a weight in Tucker form -> its implementation; others stay as they are
    """
    weights = {name: tucker_parts(layer, name)[0] for name, layer in tucker_layers(model)}
    before = {name: weights[name].implementation for name in chosen}
    try:
        for name, implementation in chosen.items():
            weights[name].implementation = implementation
        yield
    finally:
        for name, implementation in before.items():
            weights[name].implementation = implementation


def use_form(model: nn.Module, form: str) -> dict[str, str]:
    """Do what `use_implementation` does, by its old name and words; it goes with the next release.

    Examples
    --------
    >>> from torch_bridge import compress_model
    >>> model = nn.Sequential(nn.Linear(60, 40))
    >>> _ = compress_model(model, 600)
    >>> with warnings.catch_warnings(action="ignore"):
    ...     use_form(model, "factorised")
    {'0.weight': 'factorized'}
    """
    warnings.warn("use_form is use_implementation now", DeprecationWarning, stacklevel=2)
    return use_implementation(model, _OLD_WORDS.get(form, form))


def let_choose(layer: nn.Module) -> None:
    """Let a layer, whose class torch made its own to parametrize it, choose at each call."""
    kind: Any = type(layer)
    if any(kind.forward is plain.forward for plain in CHOOSING):
        kind.forward = _forward


def _forward(self: nn.Module, inputs: Tensor) -> Tensor:
    """The forward pass of a plain layer's class, or the factorized one."""
    layer: Any = self
    implementation = "reconstructed"
    plain: Any = type(self).__mro__[1]
    if parametrize.is_parametrized(layer, "weight"):
        weights = layer.parametrizations.weight
        if isinstance(weights[0], TuckerWeight) and len(weights) == 1:
            implementation = weights[0].implementation
    if implementation == "auto":
        implementation = _faster(layer, weights[0], inputs)
    if implementation == "reconstructed":
        return plain.forward(self, inputs)  # type: ignore[no-any-return]
    parts = (getattr(weights, f"original{k}") for k in range(weights.ntensors))
    return _factorized(layer, inputs, weights[0], *weights[0].rounded(*parts))


def _factorized(
    layer: Any, inputs: Tensor, weight: TuckerWeight, core: Tensor, factors: list[Tensor | None]
) -> Tensor:
    split = split_modes(layer, weight.plan.reshape)
    assert split is not None, "use_implementation asks first"
    if isinstance(layer, nn.Linear):
        return factorized_linear(inputs, core, factors, split.outputs, layer.bias)
    if isinstance(layer, nn.Embedding):
        return factorized_rows(inputs, core, factors, split.outputs)
    return factorized_conv(layer, inputs, core, factors, *split)


def _faster(layer: nn.Module, weight: TuckerWeight, inputs: Tensor) -> str:
    device = inputs.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else inputs.dtype
    costs, found = stated_costs(device, dtype), works(layer, weight.plan, tuple(inputs.shape))
    return min(
        ("reconstructed", "factorized"),
        key=lambda implementation: costs.seconds(found[implementation]),
    )

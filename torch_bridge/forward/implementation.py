"""Layers that choose how they compute: with the weight reconstructed, or with its factors.

`compress_model` gives every plain Linear, Conv and Embedding layer a forward pass that looks at its
Tucker weight's `implementation`. "reconstructed" is the layer as ever; "factorized" contracts the
input with core and factors; "auto" takes what the cost model expects to be faster for the input at
hand; a training decides once. All give the same values but for rounding.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from torch_bridge.forward.at_rest import factorized, forward_at_rest
from torch_bridge.forward.cost import stated_costs
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
        kind.forward, kind._dense_class = _forward, kind.__mro__[1]


def _forward(self: nn.Module, inputs: Tensor) -> Tensor:
    """The forward pass of a plain layer's class, or the factorized one."""
    layer: Any = self
    chain = _chain_of(layer)
    if chain is None:
        return layer._dense_class.forward(layer, inputs)  # type: ignore[no-any-return]
    weight: TuckerWeight = chain._modules["0"]
    # A dict's values take a tenth of the time of as many attributes.
    parts = list(chain._parameters.values())
    if len(parts) != chain.ntensors:
        parts = [getattr(chain, f"original{k}") for k in range(chain.ntensors)]
    rest = weight.at_rest(parts)
    if rest is not None:
        return forward_at_rest(layer, inputs, weight, parts, rest)
    implementation = weight.implementation
    if implementation == "auto":
        implementation = _faster(layer, weight, inputs)
    if implementation == "reconstructed":
        return layer._dense_class.forward(layer, inputs)  # type: ignore[no-any-return]
    return factorized(layer, inputs, weight, *weight.rounded(*parts))


def _chain_of(layer: Any) -> Any:
    """Where torch keeps a layer's weight if it is in Tucker form and nothing else, as weight norm, is."""
    chains = layer._modules.get("parametrizations")
    chain = None if chains is None else chains._modules.get("weight")
    if (
        chain is None
        or len(chain._modules) != 1
        or not isinstance(chain._modules["0"], TuckerWeight)
    ):
        return None
    return chain


def _faster(layer: nn.Module, weight: TuckerWeight, inputs: Tensor) -> str:
    device = inputs.device.type
    casts = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if casts else inputs.dtype
    if torch.compiler.is_compiling():
        return _cheaper(layer, weight, tuple(inputs.shape), device, dtype)
    key = inputs.shape, device, dtype
    if key not in weight.choices:  # the sums take 60 us
        weight.choices[key] = _cheaper(layer, weight, *key)
    return weight.choices[key]


def _cheaper(
    layer: nn.Module, weight: TuckerWeight, shape: Sequence[int], device: str, dtype: torch.dtype
) -> str:
    costs, found = stated_costs(device, dtype), works(layer, weight.plan, tuple(shape))
    if "factorized" not in found:
        return "reconstructed"
    is_less = costs.seconds(found["factorized"]) < costs.seconds(found["reconstructed"])
    return "factorized" if is_less else "reconstructed"

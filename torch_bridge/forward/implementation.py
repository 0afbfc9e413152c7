"""Layers that choose how they compute: with the weight rebuilt, or with its factors.

`compress_model` gives every plain Linear, Conv and Embedding layer a forward pass that looks at its
Tucker weight's `form`. "rebuilt" is the layer as ever; "factorised" contracts the input with core and
factors; "auto" takes what the cost model expects to be faster for the input at hand. All give the same
values but for rounding.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.forward.conv import factorised_conv
from torch_bridge.forward.cost import measured_costs
from torch_bridge.forward.linear import factorised_linear, factorised_rows
from torch_bridge.forward.modes import CHOOSING, FORMS, split_modes, works
from torch_bridge.weights.tucker_weight import TuckerWeight, tucker_layers, tucker_parts


def use_form(model: nn.Module, form: str) -> dict[str, str]:
    """Choose how the layers of a model in Tucker form compute from now on.

    Parameters
    ----------
    model : a model after `compress_model`
    form : "rebuilt", "factorised" (where the reshape allows it), or "auto", which decides at each call by
        the size of the input and the rates measured on this machine

    Returns
    -------
    name of each weight in Tucker form -> the form it got; layers that cannot choose stay "rebuilt"

    Raises
    ------
    ValueError
        If the form is unknown or the model has no Tucker weight.

    Examples
    --------
    >>> from torch_bridge import compress_model
    >>> model = nn.Sequential(nn.Linear(60, 40), nn.ConvTranspose1d(40, 30, 2))
    >>> _ = compress_model(model, 600)
    >>> use_form(model, "factorised")
    {'0.weight': 'factorised', '1.weight': 'rebuilt'}
    """
    if form not in FORMS:
        raise ValueError(f"form is {form!r}; one of {FORMS} is needed")
    chosen = {}
    for name, layer in tucker_layers(model):
        weight = tucker_parts(layer, name)[0]
        chooses = type(layer).forward is _forward and split_modes(layer, weight.plan.reshape)
        weight.form = chosen[name] = form if chooses else "rebuilt"
    if not chosen:
        raise ValueError(f"{type(model).__name__} has no Tucker weight; call compress_model first")
    return chosen


def let_choose(layer: nn.Module) -> None:
    """Let a layer, whose class torch has made its own to parametrize it, choose its form at each call."""
    kind: Any = type(layer)
    if any(kind.forward is plain.forward for plain in CHOOSING):
        kind.forward = _forward


def _forward(self: nn.Module, inputs: Tensor) -> Tensor:
    """The forward pass of a plain layer's class, or the factorised one."""
    layer: Any = self
    form = "rebuilt"
    plain: Any = type(self).__mro__[1]
    if parametrize.is_parametrized(layer, "weight"):
        weights = layer.parametrizations.weight
        if isinstance(weights[0], TuckerWeight) and len(weights) == 1:
            form = weights[0].form
    if form == "auto":
        form = _faster(layer, weights[0], tuple(inputs.shape))
    if form == "rebuilt":
        return plain.forward(self, inputs)  # type: ignore[no-any-return]
    parts = (getattr(weights, f"original{k}") for k in range(weights.ntensors))
    return _factorised(layer, inputs, weights[0], *weights[0].rounded(*parts))


def _factorised(
    layer: Any, inputs: Tensor, weight: TuckerWeight, core: Tensor, factors: list[Tensor | None]
) -> Tensor:
    split = split_modes(layer, weight.plan.reshape)
    assert split is not None, "use_form asks first"
    if isinstance(layer, nn.Linear):
        return factorised_linear(inputs, core, factors, split.outputs, layer.bias)
    if isinstance(layer, nn.Embedding):
        return factorised_rows(inputs, core, factors, split.outputs)
    return factorised_conv(layer, inputs, core, factors, *split)


def _faster(layer: nn.Module, weight: TuckerWeight, shape: tuple[int, ...]) -> str:
    costs = measured_costs(torch.get_num_threads())
    found = works(layer, weight.plan, shape)
    return min(("rebuilt", "factorised"), key=lambda form: costs.seconds(found[form]))

"""Put a model into Tucker form, and take it out again.

`compress_model` plans all layers under one budget and registers a `TuckerWeight` on each;
`materialize` turns the rebuilt weights back into ordinary dense ones.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.utils import parametrize

from torch_bridge.layers import (
    compressible_layers,
    count_params,
    tucker_layers,
    tucker_parts,
    weight_shape,
)
from torch_bridge.sharing import share_core
from torch_bridge.starts import (
    decompose_shared,
    dense_tensor,
    draw_scratch,
    draw_shared_scratch,
    fan_in,
)
from torch_bridge.weight import TuckerWeight
from tucker_core import NetworkPlan, plan_network


@dataclass(frozen=True)
class CompressionReport:
    """What `compress_model` did.

    Attributes
    ----------
    plan : dims and core shape of every compressed weight
    dense_params : parameters of the model before, biases included
    params : parameters of the model now: cores, factors, and what was not compressed
    """

    plan: NetworkPlan
    dense_params: int
    params: int

    def table(self) -> str:
        """Format the plan, and below it all parameters before and after."""
        ratio = self.dense_params / self.params
        return (
            f"{self.plan.table()}\n"
            f"all parameters, biases included: {self.dense_params:,} -> {self.params:,}, "
            f"{ratio:.0f}x fewer"
        )


def compress_model(
    model: nn.Module,
    plan_or_budget: NetworkPlan | int,
    *,
    shared_core: bool = False,
    init: Literal["hosvd", "scratch"] = "hosvd",
    generator: torch.Generator | None = None,
) -> CompressionReport:
    """Replace the weights of a model, in place, by trainable Tucker weights.

    Parameters
    ----------
    model : its Linear, Conv1d/2d/3d and Embedding layers are compressed; biases stay as they are
    plan_or_budget : a plan, or the numbers that all cores and factors together may store, at most
    shared_core : with a budget, plan one core for all weights (SCADA-Tucker); a plan says it itself
    init : "hosvd" approximates the present weights; "scratch" draws core and factors so that the
        rebuilt weight has the standard deviation sqrt(2 / fan_in)
    generator : where "scratch" draws from; by default a new one with seed 0

    Raises
    ------
    ValueError
        If the model has no layer to compress or is compressed already, the budget is too small (the
        smallest possible one is named), or `init` is unknown.

    Examples
    --------
    >>> from torch_bridge.models import LeNet5
    >>> report = compress_model(LeNet5(), 3_900)
    >>> report.plan.n_params <= 3_900
    True
    """
    layers = dict(compressible_layers(model))
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no dense Linear, Conv or Embedding layer to compress"
        )
    if init not in ("hosvd", "scratch"):
        raise ValueError(f"init is {init!r}; 'hosvd' or 'scratch' is needed")
    dense = count_params(model)
    if isinstance(plan_or_budget, NetworkPlan):
        plan = plan_or_budget
        _check_plan(plan, layers)
    else:
        shapes = {name: weight_shape(layer) for name, layer in layers.items()}
        plan = plan_network(shapes, budget=plan_or_budget, shared_core=shared_core)
    generator = generator or torch.Generator().manual_seed(0)
    own = [layer for layer in plan.layers if not layer.shared_core]
    shared = [layer for layer in plan.layers if layer.shared_core]
    weights = [dense_tensor(layers[layer.name], layer) for layer in shared]
    for layer_plan in plan.layers:
        parametrization = TuckerWeight(layer_plan)
        parametrize.register_parametrization(layers[layer_plan.name], "weight", parametrization)
    if shared:
        share_core(model, [layer.name for layer in shared])
    parts = {layer.name: tucker_parts(layers[layer.name])[1:] for layer in plan.layers}
    if init == "scratch":
        for layer_plan in own:
            draw_scratch(*parts[layer_plan.name], fan_in(layer_plan), generator)
    if shared:
        start = [(*parts[layer.name], fan_in(layer)) for layer in shared]
        if init == "scratch":
            draw_shared_scratch(start, generator)
        else:
            decompose_shared(start, weights)
    return CompressionReport(plan, dense, count_params(model))


def materialize(model: nn.Module) -> nn.Module:
    """Turn every Tucker weight, in place, into an ordinary dense parameter; returns the model.

    Examples
    --------
    >>> from torch_bridge.models import LeNet300
    >>> model = LeNet300()
    >>> _ = compress_model(model, 5_000)
    >>> count_params(materialize(model))
    266610
    """
    for _, layer in list(tucker_layers(model)):
        owner: Any = layer
        weight = owner.weight.detach().clone()
        trains = any(p.requires_grad for p in owner.parametrizations.weight.parameters())
        # torch takes the property off the layer's class, which a copy of the model still shares
        kind = type(layer)
        owner.__class__ = type(kind.__name__, kind.__bases__, dict(kind.__dict__))
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
        del owner.weight  # torch makes it no parameter where gradients are off
        owner.weight = nn.Parameter(weight, requires_grad=trains)
    return model


def _check_plan(plan: NetworkPlan, layers: dict[str, nn.Module]) -> None:
    for layer in plan.layers:
        if layer.name not in layers:
            raise ValueError(f"the plan names {layer.name!r}; the model has {sorted(layers)}")
        shape = weight_shape(layers[layer.name])
        if shape != layer.reshape.shape:
            raise ValueError(
                f"{layer.name} has shape {shape}; the plan is for {layer.reshape.shape}"
            )

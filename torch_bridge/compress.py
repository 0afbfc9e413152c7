"""Put a model into Tucker form, and take it out again.

`compress_model` plans all layers under one budget and registers a `TuckerWeight` on each;
`materialize` turns the rebuilt weights back into ordinary dense ones.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.weight import TuckerWeight
from tucker_core import LayerPlan, NetworkPlan, plan_network

COMPRESSIBLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding)


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
    init: Literal["hosvd", "scratch"] = "hosvd",
    generator: torch.Generator | None = None,
) -> CompressionReport:
    """Replace the weights of a model, in place, by trainable Tucker weights.

    Parameters
    ----------
    model : its Linear, Conv1d/2d/3d and Embedding layers are compressed; biases stay as they are
    plan_or_budget : a plan, or the numbers that all cores and factors together may store, at most
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
        plan = plan_network(shapes, budget=plan_or_budget)
    generator = generator or torch.Generator().manual_seed(0)
    for layer_plan in plan.layers:
        layer = layers[layer_plan.name]
        parametrize.register_parametrization(layer, "weight", TuckerWeight(layer_plan))
        if init == "scratch":
            draw_scratch(layer, layer_plan, generator)
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


def compressible_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every dense layer that can take a Tucker weight."""
    for name, layer in model.named_modules():
        if isinstance(layer, COMPRESSIBLE) and not parametrize.is_parametrized(layer, "weight"):
            yield f"{name}.weight" if name else "weight", layer


def tucker_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every layer that has a Tucker weight."""
    layer: Any
    for name, layer in model.named_modules():
        if not parametrize.is_parametrized(layer, "weight"):
            continue
        if isinstance(layer.parametrizations.weight[0], TuckerWeight):
            yield f"{name}.weight" if name else "weight", layer


def tucker_parts(layer: nn.Module) -> tuple[TuckerWeight, Tensor, list[Tensor | None]]:
    """The parametrization of a layer with its core and one factor (or None) per mode."""
    owner: Any = layer
    weights = owner.parametrizations.weight
    core, *factors = (getattr(weights, f"original{k}") for k in range(weights.ntensors))
    return weights[0], core, weights[0].with_gaps(factors)


def weight_shape(layer: nn.Module) -> tuple[int, ...]:
    """Shape of a layer's weight."""
    weight: Any = layer.weight
    return tuple(int(dim) for dim in weight.shape)


def count_params(model: nn.Module) -> int:
    """Count the parameters that a model stores; what is shared counts once."""
    return sum(p.numel() for p in model.parameters())


def draw_scratch(layer: nn.Module, plan: LayerPlan, generator: torch.Generator) -> None:
    """Draw core and factors of a layer so that Var W = 2 / fan_in.

    Every entry of W sums prod(J_n) products of one core entry and one entry of each factor. With
    factor entries of variance 1 / J_n that sum has the variance of a core entry.
    """
    _, core, factors = tucker_parts(layer)
    fan_in = math.prod(plan.reshape.shape[1:])
    with torch.no_grad():
        core.copy_(torch.randn(core.shape, generator=generator) * (2 / fan_in) ** 0.5)
        for factor in factors:
            if factor is not None:
                factor.copy_(
                    torch.randn(factor.shape, generator=generator) * factor.shape[1] ** -0.5
                )


def _check_plan(plan: NetworkPlan, layers: dict[str, nn.Module]) -> None:
    for layer in plan.layers:
        if layer.name not in layers:
            raise ValueError(f"the plan names {layer.name!r}; the model has {sorted(layers)}")
        shape = weight_shape(layers[layer.name])
        if shape != layer.reshape.shape:
            raise ValueError(
                f"{layer.name} has shape {shape}; the plan is for {layer.reshape.shape}"
            )

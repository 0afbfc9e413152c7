"""Which dims and core shape each weight of a benchmark gets, by its kind and by its singular values.

A k x k convolution becomes a tensor (out, in, k k), as in the paper's figure 2; a 1 x 1 convolution stays
the matrix that it is, and the weight of a fully connected layer is reshaped to a proper order. Depthwise
convolutions, whose kernels share no channels, are left as they are. With a shared core every weight has
order 3: a matrix splits its longer side.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from torch_bridge.compression.survey import Weight, survey
from torch_bridge.weights.tucker_weight import dense_tensor
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, plan_network, plan_reshape
from tucker_core.core_shapes import best_core_shapes, best_shared_core, energy_losses
from tucker_core.ranks import ranks_within
from tucker_core.spectra import multilinear_singular_values

Evidence = Literal["balanced", "spectra"]
_EXACT_UP_TO = 400_000  # numbers; above, the search for core shapes takes minutes


def reshape_by_kind(shape: tuple[int, ...], *, shared_core: bool = False) -> ReshapePlan:
    """How a weight of that shape becomes a tensor.

    Parameters
    ----------
    shape : (out, in) of a fully connected layer, or (out, in, height, width) of a convolution
    shared_core : whether it must have order 3

    Examples
    --------
    >>> [reshape_by_kind(shape).dims for shape in ((64, 32, 3, 3), (64, 32, 1, 1), (500, 800))]
    [(64, 32, 9), (64, 32), (20, 25, 25, 32)]
    >>> reshape_by_kind((10, 64), shared_core=True).dims
    (10, 8, 8)
    """
    straight = tuple(range(len(shape)))
    dims: tuple[int, ...] = shape[:2]
    if len(shape) == 4 and math.prod(shape[2:]) > 1:
        dims = (*dims, math.prod(shape[2:]))
    elif shared_core or len(shape) == 2:
        return plan_reshape(shape, 3 if shared_core else "auto")
    return ReshapePlan(shape, dims, straight, reason="by kind of layer")


def plan_benchmark(
    model: nn.Module, budget: int, evidence: Evidence = "spectra", *, shared_core: bool = False
) -> NetworkPlan:
    """Plan all layers of a trained network under a ceiling.

    Parameters
    ----------
    model : dense
    budget : numbers that all cores and factors together may store, at most
    evidence : "spectra", dims by kind of layer and ranks where the weights have their energy; or
        "balanced", proper orders and cores near cubes, which serves better where little of the energy
        can be kept
    shared_core : one core for all (SCADA-Tucker)

    Raises
    ------
    ValueError
        If the budget is too small; the smallest possible one is named.
    """
    weights = {
        weight.name: weight
        for weight in survey(model).weights
        if not any(is_depthwise(slot.layer) for slot in weight.slots)
    }
    if evidence == "balanced":
        shapes = {name: weight.shape for name, weight in weights.items()}
        return plan_network(shapes, budget=budget, shared_core=shared_core)
    reshapes = {
        name: reshape_by_kind(weight.shape, shared_core=shared_core)
        for name, weight in weights.items()
    }
    all_dims = [reshape.dims for reshape in reshapes.values()]
    if shared_core:
        ranks = [best_shared_core(all_dims, budget, _losses(weights, reshapes))] * len(weights)
    elif budget <= _EXACT_UP_TO:
        ranks = best_core_shapes(all_dims, budget, _losses(weights, reshapes))
    else:
        ranks = ranks_within(all_dims, budget)
    pairs = zip(reshapes.items(), ranks, strict=True)
    return NetworkPlan(tuple(LayerPlan(n, r, rank, shared_core) for (n, r), rank in pairs))


def is_depthwise(layer: nn.Module) -> bool:
    """Whether a layer is a convolution that keeps its channels apart."""
    owner: Any = layer
    return getattr(owner, "groups", 1) > 1 and owner.weight.shape[1] == 1


def _losses(weights: Mapping[str, Weight], reshapes: Mapping[str, ReshapePlan]) -> Any:
    """What every rank of every mode loses of the weights' energy."""
    losses = []
    for name, reshape in reshapes.items():
        tensor = dense_tensor(weights[name].parameter, LayerPlan(name, reshape, reshape.dims))
        losses.append(energy_losses(reshape.dims, multilinear_singular_values(tensor)))
    return losses

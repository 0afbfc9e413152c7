"""Which tensor does each weight become? The choices that the paper compares, by name.

"auto" splits every mode of a weight by itself; "natural" also keeps pixels and kernel positions
whole; "balanced" takes the most even dims of all, even where they mix the weight's modes;
"original" leaves the weight as it is.
"""

import math
from collections.abc import Mapping
from typing import Literal, get_args

from torch_bridge.benchmarks.recipes import Layer
from tucker_core import ARCHITECTURES, ReshapePlan, plan_network, plan_reshape

Dims = Literal["auto", "natural", "balanced", "original"]
DIMS: tuple[str, ...] = get_args(Dims)
# What the inputs of a layer are made of: 28 x 28 pixels; 50 channels of 4 x 4 positions.
_NATURAL: Mapping[tuple[str, str], dict[int, tuple[int, ...]]] = {
    ("lenet300", "fc1.weight"): {1: (28, 28)},
    ("lenet5", "fc1.weight"): {1: (50, 4, 4)},
}


def layout(
    model: str, budget: int, *, dims: str = "auto", order: int | None = None, shared: bool = False
) -> tuple[Layer, ...]:
    """Choose dims and ranks of all weights of a model under a budget.

    Parameters
    ----------
    model : name of an architecture
    budget : parameters that all cores and factors together may store, at most
    dims : one of `DIMS`
    order : number of modes of every tensor; by default what `plan_reshape` finds proper
    shared : whether all weights share one core

    Raises
    ------
    ValueError
        If the kind of dims is unknown, an order is asked of dims that are left as they are, the
        weights cannot have that order, or the budget is too small.

    Examples
    --------
    >>> for name, sizes, rank in layout("lenet300", 4_000, dims="natural", order=3):
    ...     print(name, sizes, rank)
    fc1.weight (300, 28, 28) (6, 7, 7)
    fc2.weight (100, 15, 20) (6, 7, 6)
    fc3.weight (10, 10, 10) (6, 6, 6)
    """
    if dims not in DIMS:
        raise ValueError(f"dims is {dims!r}; choose one of {', '.join(DIMS)}")
    if dims == "original" and order is not None:
        raise ValueError(f"dims 'original' keeps a weight's own modes; leave order {order} away")
    weights = {k: shape for k, shape in ARCHITECTURES[model].items() if len(shape) > 1}
    proper: int | Literal["auto"] = order or "auto"
    if shared and order is None and dims != "original":  # one core has one order
        largest = max(weights, key=lambda name: math.prod(weights[name]))
        proper = len(_reshape(model, largest, weights[largest], dims).dims)
    reshapes = {k: _reshape(model, k, shape, dims, proper) for k, shape in weights.items()}
    plan = plan_network(weights, budget=budget, shared_core=shared, reshapes=reshapes)
    return tuple((layer.name, layer.reshape.dims, layer.rank) for layer in plan.layers)


def _reshape(
    model: str, name: str, shape: tuple[int, ...], dims: str, order: int | Literal["auto"] = "auto"
) -> ReshapePlan:
    if dims == "original":
        return ReshapePlan.straight(shape)
    natural = _NATURAL.get((model, name)) if dims == "natural" else None
    return plan_reshape(shape, order, mixed=dims == "balanced", natural=natural)

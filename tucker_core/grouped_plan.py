"""One core for each group of weights of equal shape, as the stages of a residual network have them.

Weights of one shape take the same dims, so that their modes are of equal length whatever the reshape;
weights that are alone of their shape get a core of their own. All groups and single weights share one
budget, as in `joint_plan`. How much it costs that one core has to serve several weights no spectrum
tells: it is measured, by a few sweeps of the joint decomposition for each of some core shapes.
"""

import math
import operator
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tucker_core.cheapest_choice import cheapest_choice
from tucker_core.core_curves import frontier
from tucker_core.joint_plan import WeightOptions, weight_options
from tucker_core.network_plan import LayerPlan, NetworkPlan
from tucker_core.reshape import ReshapePlan
from tucker_core.reshape_candidates import reshape_candidates
from tucker_core.shared_plan import joint_loss

Weights = Mapping[str, npt.ArrayLike]

_GROWTH = 1.3  # from one core to the next that is measured


class GroupOptions(NamedTuple):
    """What the weights of one group may become together."""

    names: tuple[str, ...]
    costs: npt.NDArray[np.int64]
    losses: npt.NDArray[np.float64]
    shapes: tuple[tuple[ReshapePlan, tuple[int, ...]], ...]

    def plans(self, option: int) -> list[LayerPlan]:
        """The plans of all its weights."""
        reshape, rank = self.shapes[option]
        reason = f"one core of shape {rank} for {len(self.names)} weights of dims {reshape.dims}"
        return [
            LayerPlan(name, reshape, rank, True, reason, group=self.names[0]) for name in self.names
        ]


def grouped_plan(
    weights: Weights, budget: int, family: str = "auto", order: int | None = None
) -> NetworkPlan:
    """Plan one core for each group of weights of equal shape, under one ceiling for all.

    Parameters
    ----------
    weights : name -> weight, float32 or float64
    budget : parameters that all cores and matrices together may store, at most
    family, order : of the reshapes, as `reshape_candidates` takes them; a shared core needs an order
        of 3 or more

    Raises
    ------
    ValueError
        If not even the smallest plan fits; what it takes is named.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> weights = {name: rng.standard_normal((16, 16, 3, 3)) for name in "ab"}
    >>> plan = grouped_plan({**weights, "c": rng.standard_normal((10, 64))}, 2_000)
    >>> [(layer.name, layer.shared_core) for layer in plan.layers], plan.n_params <= 2_000
    ([('a', True), ('b', True), ('c', False)], True)
    """
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, weight in weights.items():
        groups.setdefault(np.shape(weight), []).append(name)
    options: list[GroupOptions | WeightOptions] = [
        _group_options(names, [weights[name] for name in names], family, order)
        if len(names) > 1
        else weight_options(names[0], weights[names[0]], family, order)
        for names in groups.values()
    ]
    least = sum(int(own.costs[0]) for own in options)
    if least > budget:
        raise ValueError(
            f"budget is {budget} parameters; {len(groups)} groups of weights need at least {least}"
        )
    chosen = cheapest_choice(
        [own.costs for own in options], [own.losses for own in options], budget
    )
    found: dict[str, LayerPlan] = {}
    for own, k in zip(options, chosen, strict=True):
        plans = own.plans(k) if isinstance(own, GroupOptions) else [own.plan(k)]
        found |= {layer.name: layer for layer in plans}
    return NetworkPlan(tuple(found[name] for name in weights))


def _group_options(
    names: Sequence[str], weights: Sequence[npt.ArrayLike], family: str, order: int | None
) -> GroupOptions:
    """Cores near cubes of several sizes, of all reshapes of some weights of one shape."""
    shape = np.shape(weights[0])
    below = len(weights) * math.prod(shape)
    candidates = reshape_candidates(shape, family, order)
    tensors = [c for c in candidates if len(c.reshape.dims) > 2] or list(candidates)
    costs, losses = list[int](), list[float]()
    shapes = list[tuple[ReshapePlan, tuple[int, ...]]]()
    for _, reshape in tensors:
        arrays = [np.ascontiguousarray(reshape.apply(np.asarray(weight))) for weight in weights]
        for cost, rank in _cubes(reshape.dims, len(weights), below):
            costs.append(cost)
            losses.append(joint_loss(arrays, rank))
            shapes.append((reshape, rank))
    best = frontier(np.array(costs), np.array(losses))
    chosen = tuple(shapes[int(k)] for k in best)
    return GroupOptions(tuple(names), np.array(costs)[best], np.array(losses)[best], chosen)


def _cubes(dims: tuple[int, ...], count: int, below: int) -> list[tuple[int, tuple[int, ...]]]:
    """Cost and shape of cores J x ... x J, or as much of it as fits, each half as large again."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for side in range(1, max(dims) + 1):
        rank = tuple(min(side, dim) for dim in dims)
        cost = math.prod(rank) + count * sum(map(operator.mul, dims, rank))
        if cost < below and (not found or cost >= _GROWTH * found[-1][0]):
            found.append((cost, rank))
    return found

"""One core for all weights (SCADA-Tucker): its order, the dims of every weight, and its shape.

Each weight keeps a matrix (I_n, J_n) in every mode. A matrix wider than its mode, J_n > I_n, would store
more than the mode has to say, so no rank is above the shortest mode of any weight; and that is of little
use unless all weights have modes of like length. Hence the dims are balanced and rising, whatever they do
to the weight's own modes, and the k-th longest of all weights meet in one mode of the core; and weights
far smaller than the others, as first and last layers are, keep a core of their own.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tucker_core.algebra import multi_mode_dot
from tucker_core.checks import FloatArray, shown
from tucker_core.core_shapes import best_shared_core, energy_losses, least_params
from tucker_core.counting import shared_core_params
from tucker_core.network_plan import LayerPlan, NetworkPlan
from tucker_core.ranks import ranks_within
from tucker_core.reshape import ReshapePlan, plan_reshape
from tucker_core.reshape_candidates import reshape_candidates
from tucker_core.scaling import check_scaled
from tucker_core.shared import shared_core_hosvd
from tucker_core.spectra import multilinear_singular_values

Dims = tuple[int, ...]
Reshapes = Mapping[str, ReshapePlan]
Weights = Mapping[str, npt.ArrayLike]

_ORDERS = (3, 4, 5)
_SWEEPS = 3  # of the joint decomposition; six lower the error by half a percent
_LEAST_KEPT = 1e-12
_TINY = 0.05  # of the mean number of entries: such a weight would hold the core of all others down
_TINY_SHARE = 4.0  # a tiny weight may store so many times the share of its entries that the net may
_MOST_OF_TINY = 0.5


def shared_plan(
    shapes: Mapping[str, Dims],
    budget: int,
    order: int | None = None,
    family: str = "auto",
    *,
    weights: Weights | None = None,
    reshapes: Reshapes | None = None,
) -> NetworkPlan:
    """Plan one core for all weights but tiny ones under a ceiling.

    Parameters
    ----------
    shapes : name -> shape of each weight
    budget : parameters that the core and all matrices together may store, at most
    order : of all tensors; by default 3, 4 or 5, where a joint decomposition of the weights loses least,
        or that of the proper dims of the largest weight
    family : of the reshapes, as far as it has one of that order
    weights : name -> the weight itself; by default singular values are taken to be 1, 1/2, 1/3, ...
    reshapes : name -> reshape of each weight, instead

    Raises
    ------
    ValueError
        If not even rank 1 fits (the smallest possible budget is named), or the reshapes differ in order.

    Examples
    --------
    >>> plan = shared_plan({"a": (16, 16, 3, 3), "b": (32, 16, 3, 3)}, 500, 4)
    >>> [layer.reshape.dims for layer in plan.layers], plan["a"].rank, plan.n_params
    ([(6, 6, 8, 8), (8, 8, 8, 9)], (4, 4, 4, 4), 500)
    """
    if reshapes is not None:
        return _plan(reshapes, budget, weights)[1]
    orders = _ORDERS if weights is not None else (_proper_order(shapes),)
    plans = [
        _with_tiny_ones(shapes, budget, _like_dims(shapes, n, family), weights)
        for n in ((order,) if order else orders)
    ]
    return min(plans, key=lambda found: found[0])[1]


def _with_tiny_ones(
    shapes: Mapping[str, Dims], budget: int, reshapes: Reshapes, weights: Weights | None
) -> tuple[float, NetworkPlan]:
    """A core for all weights but tiny ones, which keep cores of their own."""
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    tiny = [name for name, n in sizes.items() if n < _TINY * sum(sizes.values()) / len(sizes)]
    shared = {name: reshape for name, reshape in reshapes.items() if name not in tiny}
    least = {name: least_params(plan_reshape(shapes[name]).dims) for name in tiny}
    if len(shared) < 2 or any(least[name] >= sizes[name] for name in tiny):
        return _plan(reshapes, budget, weights)
    all_dims = [reshape.dims for reshape in shared.values()]
    needed = shared_core_params(all_dims, (1,) * len(all_dims[0])) + sum(least.values())
    if budget < needed:
        raise ValueError(
            f"budget is {budget} parameters; a shared core for {len(shared)} tensors of dims "
            f"{shown(all_dims)} and {len(tiny)} smaller ones needs at least {needed}"
        )
    share = min(_MOST_OF_TINY, _TINY_SHARE * (budget - needed) / sum(sizes.values()))
    own = {name: _tiny_plan(name, shapes[name], least[name], share) for name in tiny}
    lost, plan = _plan(shared, budget - sum(layer.n_params for layer in own.values()), weights)
    found = own | {layer.name: layer for layer in plan.layers}
    return lost, NetworkPlan(tuple(found[name] for name in shapes))


def _tiny_plan(name: str, shape: Dims, least: int, share: float) -> LayerPlan:
    reshape, size = plan_reshape(shape), math.prod(shape)
    (rank,) = ranks_within([reshape.dims], min(size - 1, least + int(share * size)))
    return LayerPlan(name, reshape, rank, reason="far smaller than the weights that share a core")


def _proper_order(shapes: Mapping[str, Dims]) -> int:
    largest = max(shapes.values(), key=lambda shape: int(np.prod(shape)))
    return len(plan_reshape(largest).dims)


def _like_dims(shapes: Mapping[str, Dims], order: int, family: str) -> dict[str, ReshapePlan]:
    """Dims of one order for all weights: those of the family where it has some, else balanced ones."""
    reshapes = {}
    for name, shape in shapes.items():
        wanted = reshape_candidates(shape, family, order)[0].reshape if family != "auto" else None
        if wanted is None or len(wanted.dims) != order:
            wanted = plan_reshape(shape, order, mixed=True)
        reshapes[name] = wanted
    return reshapes


def _plan(reshapes: Reshapes, budget: int, weights: Weights | None) -> tuple[float, NetworkPlan]:
    """The best core of given dims, and how much it loses of the weights, 0 if they are not known."""
    all_dims = [reshape.dims for reshape in reshapes.values()]
    tensors = (
        []
        if weights is None
        else [
            check_scaled(np.ascontiguousarray(reshape.apply(np.asarray(weights[name]))))[0]
            for name, reshape in reshapes.items()
        ]
    )
    spectra = map(multilinear_singular_values, tensors) if tensors else [None] * len(all_dims)
    losses = [energy_losses(dims, own) for dims, own in zip(all_dims, spectra, strict=True)]
    rank = best_shared_core(all_dims, budget, losses)
    reason = f"one core of shape {rank} for {len(all_dims)} weights of modes of like length"
    layers = [LayerPlan(n, reshape, rank, True, reason) for n, reshape in reshapes.items()]
    lost = joint_loss(tensors, rank) if tensors else 0.0
    return lost, NetworkPlan(tuple(layers))


def joint_loss(tensors: Sequence[FloatArray], rank: tuple[int, ...]) -> float:
    """Sum of -log of the share of the energy that each tensor keeps with one core for all.

    Examples
    --------
    >>> tensor = np.random.default_rng(0).standard_normal((4, 5, 6))
    >>> round(joint_loss([tensor, 2 * tensor], (4, 5, 6)), 6)
    0.0
    """
    units = [(array / (np.linalg.norm(array) or 1.0)).astype(array.dtype) for array in tensors]
    core, factors = shared_core_hosvd(units, rank, n_iter_max=_SWEEPS)
    lost = [
        float(np.linalg.norm(unit - multi_mode_dot(core, own))) ** 2
        for unit, own in zip(units, factors, strict=True)
    ]
    return sum(-math.log(max(_LEAST_KEPT, 1.0 - share)) for share in lost)

"""One plan for a whole network: dims and core shape of every layer under one budget.

With the weights themselves at hand, dims, order and ranks of all of them are chosen together by the
energy that they keep (`joint_plan`). Without, each is reshaped by `plan_reshape` and only the ranks are
chosen together: by `ranks_within`, so that every core is as close to a hypercube as the budget allows,
or by exact search (`core_shapes`), which puts the ranks where given singular values say that the energy
is. With a shared core (SCADA-Tucker, `shared_plan`) all weights get one order and one core, stored once,
and keep their own matrices.
The budget is a hard ceiling and counts the parameters of cores and factors; biases are not part of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from tucker_core.checks import check_flag, shown
from tucker_core.core_shapes import best_core_shapes, energy_losses, least_params
from tucker_core.counting import BYTES_PER_FLOAT32, stored_params
from tucker_core.factorize import check_size
from tucker_core.grouped_plan import grouped_plan
from tucker_core.joint_plan import joint_plan, weight_options
from tucker_core.network_plan import LayerPlan, NetworkPlan
from tucker_core.planner_checks import (
    Dims,
    Spectra,
    check_mapping,
    check_max_fraction,
    check_plan_weights,
    check_reshapes,
    check_shapes,
    numbers_of,
    search_of,
)
from tucker_core.ranks import ranks_within
from tucker_core.reshape import ReshapePlan, check_order, plan_reshape
from tucker_core.reshape_candidates import check_family, reshape_candidates
from tucker_core.reshape_ways import lengthened
from tucker_core.shared_plan import shared_plan

FindRanks = Callable[[Sequence[int], int], list[Dims]]


def plan_network(
    shapes: Mapping[str, Sequence[int]],
    *,
    budget: int,
    unit: Literal["numbers", "bytes"] = "numbers",
    bits: float = 8 * BYTES_PER_FLOAT32,
    order: int | Literal["auto"] = "auto",
    reshape: str = "auto",
    weights: Mapping[str, npt.ArrayLike] | None = None,
    importance: Mapping[str, float] | None = None,
    shared_core: bool | Literal["groups"] = False,
    spectra: Spectra | None = None,
    search: Literal["balanced", "exact"] | None = None,
    reshapes: Mapping[str, ReshapePlan] | None = None,
    allow_dense: bool = False,
    max_fraction: float = 1.0,
) -> NetworkPlan:
    """Choose dims and core shapes of all weights together under a hard ceiling.

    Parameters
    ----------
    shapes : name -> shape of each weight to compress
    budget : parameters (or bytes) that all cores and factors together may take, at most
    unit : whether the budget is in "numbers" or in "bytes"
    bits : bits per parameter, to turn bytes into parameters
    order : number of modes of every reshaped tensor, or "auto" for a proper one for each (with a shared
        core: one for all)
    reshape : the family that dims are taken from, "svd", "order 2", "natural", "split" or "balanced", as
        `reshape_candidates` explains; "auto" for the best of all where there are weights, else "balanced"
    weights : name -> the weight itself, float32 or float64; dims and ranks are then those that lose least
        of the energy of all weights
    importance : name -> how much a loss of that weight counts, by default 1; needs weights
    shared_core : give all weights one core, which is stored and counted once; or, as "groups", one to
        each group of weights of equal shape, which needs weights
    spectra : name -> singular values per mode of the reshaped weight, as `multilinear_singular_values`
        gives them for `plan_reshape(shape, order).apply(weight)`; ranks then go where the energy is.
        Without, all weights are taken to be alike.
    search : "balanced", cores near cubes, for budgets of any size; or "exact", the core shapes that keep
        most energy. By default exact if there are spectra or a shared core, else balanced.
    reshapes : name -> reshape of each weight, in place of all candidates
    allow_dense : let a weight stay as it is, with full ranks; else every one stores fewer parameters than
        it has entries
    max_fraction : of its own entries that each weight may store, at most; needs weights

    Returns
    -------
    NetworkPlan with `n_params` <= budget; its `explain()` says why

    Raises
    ------
    TypeError
        If the budget, the order or a dimension is no integer, bits no number, or shapes, weights, spectra
        or reshapes no mapping.
    ValueError
        If there is no weight to plan, the budget is too small for any plan (the smallest possible
        budget is named), a weight has no format that is smaller than itself (it is named), or weights,
        spectra or reshapes are not those of the shapes.

    Examples
    --------
    >>> plan = plan_network({"fc1": (500, 800), "fc2": (10, 500)}, budget=2_000)
    >>> plan.n_params <= 2_000
    True
    >>> plan["fc1"].reshape.dims
    (20, 25, 25, 32)
    >>> rng = np.random.default_rng(0)
    >>> weight = np.outer(rng.standard_normal(30), rng.standard_normal(20))
    >>> print(plan_network({"fc": (30, 20)}, budget=60, weights={"fc": weight}).explain())
    fc: svd (30, 20) loses 0.0% of the energy; at as many parameters split 26.4%, balanced 0.0%
    """
    checked = check_shapes(shapes)
    numbers = numbers_of(budget, unit, bits)
    family, wanted = check_family(reshape), check_order(order)
    groups = isinstance(shared_core, str) and shared_core == "groups"
    shared = groups or check_flag(shared_core, "shared_core")
    found_by = search_of(
        search, energies=spectra is not None or weights is not None, shared_core=shared
    )
    if reshapes is not None:
        check_reshapes(reshapes, checked)
    check_plan_weights(weights, checked, spectra, importance)
    share = check_max_fraction(max_fraction, weighed=weights is not None and not shared)
    if groups:
        if weights is None:
            raise ValueError(
                "shared_core is 'groups'; their cores are planned by weights: give them"
            )
        return grouped_plan({name: weights[name] for name in checked}, numbers, family, wanted)
    if shared:
        return shared_plan(checked, numbers, wanted, family, weights=weights, reshapes=reshapes)
    if weights is not None:
        own = dict.fromkeys(checked) if reshapes is None else reshapes
        options = [
            weight_options(
                name, weights[name], family, wanted, reshape=own[name], allow_dense=allow_dense,
                max_fraction=share,
            )
            for name in checked
        ]  # fmt: skip
        return joint_plan(options, numbers, importance)
    if reshapes is None:
        one = _one_reshape if spectra is None else _unpadded_reshape
        reshapes = {name: one(shape, family, order) for name, shape in checked.items()}
    ranks = _ranks(reshapes, numbers, found_by, spectra, check_flag(allow_dense, "allow_dense"))
    pairs = zip(reshapes.items(), ranks, strict=True)
    return NetworkPlan(tuple(LayerPlan(name, own, rank) for (name, own), rank in pairs))


def fewest_params(
    shape: Sequence[int],
    order: int | Literal["auto"] = "auto",
    reshape: str = "auto",
    *,
    weighed: bool = False,
) -> int:
    """Fewest parameters that `plan_network` can give a weight, however small the budget.

    Parameters
    ----------
    shape : of the weight
    order, reshape : as for `plan_network`
    weighed : whether it will have the weights

    Examples
    --------
    >>> fewest_params((500, 800)), fewest_params((500, 800), weighed=True)
    (102, 53)
    """
    whole, family = check_size(shape), check_family(reshape)
    if not weighed:
        return least_params(_one_reshape(whole, family, order).dims)
    candidates = reshape_candidates(whole, family, check_order(order))
    return min(least_params(candidate.reshape.dims) for candidate in candidates)


def _one_reshape(shape: Dims, family: str, order: int | Literal["auto"]) -> ReshapePlan:
    """The reshape of a weight that nothing but its shape is known of.

    A vocabulary or a prime is lengthened where the longest dim is shorter then.
    """
    plain, longer = _unpadded_reshape(shape, family, order), lengthened(shape)
    if longer == shape or family not in ("auto", "balanced"):
        return plain
    padded = _unpadded_reshape(longer, family, order)
    if max(padded.dims) >= max(plain.dims):
        return plain
    return replace(padded, shape=shape, padded=longer)


def _unpadded_reshape(shape: Dims, family: str, order: int | Literal["auto"]) -> ReshapePlan:
    if family in ("auto", "balanced"):
        proper = plan_reshape(shape, order)
        if order != "auto" or least_params(proper.dims) < math.prod(shape):
            return (
                proper  # a small matrix is properly a vector, which no Tucker format makes smaller
            )
    return reshape_candidates(shape, family, check_order(order))[0].reshape


def _ranks(
    reshapes: Mapping[str, ReshapePlan],
    budget: int,
    search: str,
    spectra: Spectra | None,
    allow_dense: bool,
) -> list[Dims]:
    """Ranks of all weights, of given dims."""
    all_dims = [reshape.dims for reshape in reshapes.values()]
    losses = None if search == "balanced" else _losses(reshapes, spectra)

    def find(which: Sequence[int], room: int) -> list[Dims]:
        some = [all_dims[k] for k in which]
        if losses is None:
            return ranks_within(some, room)
        return best_core_shapes(some, room, [losses[k] for k in which])

    if allow_dense:
        return find(range(len(all_dims)), budget)
    return _below_dense(reshapes, find, budget)


def _below_dense(reshapes: Mapping[str, ReshapePlan], find: FindRanks, budget: int) -> list[Dims]:
    """Ranks that store fewer parameters than each weight has; what that saves goes to the others."""
    sizes = [math.prod(reshape.shape) for reshape in reshapes.values()]
    all_dims = [reshape.dims for reshape in reshapes.values()]
    for (name, reshape), size in zip(reshapes.items(), sizes, strict=True):
        if least_params(reshape.dims) >= size:
            raise ValueError(
                f"{name}: dims {shown(reshape.dims)} store at least {least_params(reshape.dims)} "
                f"numbers, and the weight itself has {size}; leave it out, or plan with "
                "allow_dense=True"
            )
    ranks: list[Dims] = [()] * len(sizes)
    open_ones = list(range(len(sizes)))
    while open_ones:
        found = find(open_ones, budget)
        stored = [stored_params(all_dims[k], r) for k, r in zip(open_ones, found, strict=True)]
        full = {k for k, n in zip(open_ones, stored, strict=True) if n >= sizes[k]}
        for k, rank in zip(open_ones, found, strict=True):
            ranks[k] = find([k], sizes[k] - 1)[0] if k in full else rank
        budget -= sum(stored_params(all_dims[k], ranks[k]) for k in full)
        open_ones = [k for k in open_ones if k not in full] if full else []
    return ranks


def _losses(
    reshapes: Mapping[str, ReshapePlan], spectra: Spectra | None
) -> list[list[npt.NDArray[np.float64]]]:
    if spectra is None:
        return [energy_losses(reshape.dims) for reshape in reshapes.values()]
    check_mapping(spectra, "spectra")
    if set(spectra) != set(reshapes):
        raise ValueError(
            f"spectra are for {sorted(spectra)}, weights are {sorted(reshapes)}; give one entry for each"
        )
    losses = []
    for name, reshape in reshapes.items():
        if spectra[name] is None:
            raise TypeError(
                f"spectra[{name!r}] is None; one list of singular values per mode is needed"
            )
        try:
            losses.append(energy_losses(reshape.dims, spectra[name]))
        except (TypeError, ValueError) as error:
            raise type(error)(f"spectra[{name!r}]: {error}") from error
    return losses

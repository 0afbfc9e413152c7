"""Dims, order and ranks of all weights of a network together, from the weights themselves.

Every reshape of every weight has a curve, energy lost against parameters stored (`core_curves`). The
best points of all curves of a weight are its options, and one dynamic programme over all weights takes
one option of each, so that the losses, -log of the share of the energy that a weight keeps, add up to
least: the network that keeps the most energy of all its weights, multiplied. These losses do not depend
on the scale of a weight, as the output of a layer before a batch-norm does not, and can be compared
between reshapes of other dims and between weights. An importance, measured on data, may weigh them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tucker_core.cheapest_choice import cheapest_choice
from tucker_core.checks import check_flag, check_real, check_tensor, shown
from tucker_core.core_curves import Curve, core_curve, frontier
from tucker_core.network_plan import LayerPlan, NetworkPlan
from tucker_core.reshape import ReshapePlan
from tucker_core.reshape_candidates import Candidate, reshape_candidates


@dataclass(frozen=True)
class WeightOptions:
    """What one weight may become, from small to large.

    Attributes
    ----------
    name : of the weight
    candidates : its reshapes
    curves : energy lost against parameters, of each candidate
    costs, losses : of the options that no other one beats
    source : (2, K), candidate and place on its curve of each option
    """

    name: str
    candidates: tuple[Candidate, ...]
    curves: tuple[Curve, ...]
    costs: npt.NDArray[np.int64]
    losses: npt.NDArray[np.float64]
    source: npt.NDArray[np.int64]

    def plan(self, option: int) -> LayerPlan:
        """The plan of one option, with its reason."""
        which, place = (int(k) for k in self.source[:, option])
        rank = tuple(int(r) for r in self.curves[which].ranks[place])
        reason = self._reason(which, int(self.costs[option]))
        lost = -math.expm1(-float(self.losses[option]))
        return LayerPlan(self.name, self.candidates[which].reshape, rank, reason=reason, lost=lost)

    def only(self, family: str) -> "WeightOptions":
        """The options of one family, or all where there is none of it."""
        members = ("svd", "order 2") if family == "order 2" else (family,)
        pairs = list(zip(self.candidates, self.curves, strict=True))
        return _merged(self.name, [pair for pair in pairs if pair[0].family in members] or pairs)

    def by_family(self) -> "list[WeightOptions]":
        """The options of every family, each alone."""
        families: dict[str, list[tuple[Candidate, Curve]]] = {}
        for candidate, curve in zip(self.candidates, self.curves, strict=True):
            families.setdefault(candidate.family, []).append((candidate, curve))
        return [_merged(self.name, own) for own in families.values()]

    def lost_by_family(self, params: int) -> dict[str, float]:
        """Share of the energy that the best of each family loses at so many parameters."""
        lost: dict[str, float] = {}
        for candidate, curve in zip(self.candidates, self.curves, strict=True):
            place = int(np.searchsorted(curve.costs, params, side="right")) - 1
            if place >= 0:
                share = -math.expm1(-float(curve.losses[place]))
                lost[candidate.family] = min(share, lost.get(candidate.family, 1.0))
        return lost

    def _reason(self, which: int, params: int) -> str:
        family, reshape = self.candidates[which]
        lost = self.lost_by_family(params)
        others = ", ".join(f"{name} {lost[name]:.1%}" for name in lost if name != family)
        return f"{family} {reshape.dims} loses {lost[family]:.1%} of the energy" + (
            f"; at as many parameters {others}" if others else ""
        )


def weight_options(
    name: str,
    weight: npt.ArrayLike,
    family: str = "auto",
    order: int | None = None,
    *,
    reshape: ReshapePlan | None = None,
    allow_dense: bool = False,
    max_fraction: float = 1.0,
) -> WeightOptions:
    """Weigh all reshapes of a weight.

    Parameters
    ----------
    name : of the weight
    weight : dense, float32 or float64
    family, order : of the reshapes, as `reshape_candidates` takes them
    reshape : the only one, instead
    allow_dense : also offer the weight as it is, with nothing lost
    max_fraction : of the weight's entries that may be stored; less than all of them in any case

    Raises
    ------
    ValueError
        If no Tucker format stores as few parameters, and the weight may not stay as it is.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> options = weight_options("fc", rng.standard_normal((30, 2)) @ rng.standard_normal((2, 20)))
    >>> {family: round(lost, 3) for family, lost in options.lost_by_family(100).items()}
    {'svd': 0.0, 'split': 0.422, 'balanced': 0.0}
    """
    array = check_tensor(weight, name, finite=True)
    given = None if reshape is None else (Candidate("given", reshape),)
    candidates = given or reshape_candidates(array.shape, family, order)
    below = min(array.size, int(max_fraction * array.size) + 1)
    found = [(c, core_curve(c.reshape.apply(array), below)) for c in candidates]
    if check_flag(allow_dense, "allow_dense"):
        found.append(_dense(array.shape))
    found = [(candidate, curve) for candidate, curve in found if len(curve.costs)]
    if not found:
        raise ValueError(
            f"{name} of shape {array.shape}: every Tucker format stores at least {below} of its "
            f"{array.size} parameters; leave it out, or plan with allow_dense=True"
        )
    return _merged(name, found)


def _merged(name: str, found: Sequence[tuple[Candidate, Curve]]) -> WeightOptions:
    """The options of several candidates that no other one beats."""
    costs = np.concatenate([curve.costs for _, curve in found])
    losses = np.concatenate([curve.losses for _, curve in found])
    which = np.repeat(np.arange(len(found)), [len(curve.costs) for _, curve in found])
    place = np.concatenate([np.arange(len(curve.costs)) for _, curve in found])
    best = frontier(costs, losses)
    source = np.stack([which[best], place[best]])
    candidates, curves = zip(*found, strict=True)
    return WeightOptions(name, candidates, curves, costs[best], losses[best], source)


def joint_plan(
    options: Sequence[WeightOptions], budget: int, importance: Mapping[str, float] | None = None
) -> NetworkPlan:
    """Take one option of every weight, so that least is lost within the budget.

    Parameters
    ----------
    options : of each weight
    budget : parameters that all may store together, at most
    importance : name -> factor of the loss of that weight; 1 for those that are not named

    Raises
    ------
    ValueError
        If not even the smallest options fit (what they take is named), or an importance is none of a
        weight, negative or not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> flat, full = np.outer(rng.random(30), rng.random(20)), rng.standard_normal((30, 20))
    >>> plan = joint_plan([weight_options("flat", flat), weight_options("full", full)], 400)
    >>> plan["flat"].n_params, plan["full"].n_params
    (50, 350)
    """
    factors = _check_importance(importance, [own.name for own in options])
    least = sum(int(own.costs[0]) for own in options)
    if least > budget:
        largest = max(options, key=lambda own: int(own.costs[0])).name
        raise ValueError(
            f"budget is {budget} parameters; {len(options)} weights need at least {least}: the largest "
            f"of their smallest formats is that of {largest}"
        )
    losses = [own.losses * factors.get(own.name, 1.0) for own in options]
    chosen = cheapest_choice([own.costs for own in options], losses, budget)
    return NetworkPlan(tuple(own.plan(k) for own, k in zip(options, chosen, strict=True)))


def _check_importance(given: Mapping[str, float] | None, names: Sequence[str]) -> dict[str, float]:
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"importance is {shown(given)}; a mapping from names of weights is needed")
    needed = "a factor that is finite and not negative is needed"
    checked = {}
    for name, factor in (given or {}).items():
        if name not in names:
            raise ValueError(f"importance names {name!r}; the weights are {list(names)}")
        checked[name] = check_real(factor, f"importance[{name!r}]", needed)
        if not 0 <= checked[name] < math.inf:
            raise ValueError(f"importance[{name!r}] is {factor}; {needed}")
    return checked


def _dense(shape: tuple[int, ...]) -> tuple[Candidate, Curve]:
    """The weight as it is."""
    reshape = ReshapePlan(shape, shape, tuple(range(len(shape))), "dense")
    cost = np.array([math.prod(shape)])
    return Candidate("dense", reshape), Curve(cost, np.zeros(1), np.array([shape]))

"""Where ranks do good: measured options for every weight, and the choice among them under a ceiling.

An option is one core shape of one weight: what it stores and what it loses. `Evidence` holds the options
of all weights; its `plan` takes one option of each so that the losses add up to least, by a dynamic
programme over the budget. That losses of several weights add up is an assumption: the larger they are,
the less it holds. Where options come from is told in `sensitivity`.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from torch_bridge.compression.survey import Weight
from torch_bridge.weights.tucker_weight import dense_tensor
from tucker_core import (
    LayerPlan,
    NetworkPlan,
    format_table,
    multilinear_singular_values,
    plan_reshape,
)

_BINS = 20_000  # the budget is shared out in so many portions, or in single numbers if it has fewer


@dataclass(frozen=True)
class Option:
    """One core shape for a weight.

    Attributes
    ----------
    rank : (J_1, ..., J_N) of the reshaped weight
    numbers : that core and factors store
    n_bytes : of their coded integers, estimated from the dense weight
    loss : what it costs to take this option for this weight alone; 0 for nothing
    """

    rank: tuple[int, ...]
    numbers: int
    n_bytes: int
    loss: float


@dataclass(frozen=True)
class Evidence:
    """Options of every weight of a model.

    Attributes
    ----------
    shapes : name -> shape of the weight
    options : name -> its options
    what : what the losses are, e.g. "error on the calibration set, in percent"

    Examples
    --------
    >>> options = (Option((1, 2), 8, 4, 0.5), Option((2, 4), 8 + 4, 9, 0.0))
    >>> evidence = Evidence({"fc": (8, 12)}, {"fc": options}, "loss")
    >>> evidence.plan(10)["fc"].rank
    (1, 2)
    """

    shapes: Mapping[str, tuple[int, ...]]
    options: Mapping[str, Sequence[Option]]
    what: str

    def only(self, names: Collection[str]) -> "Evidence":
        """The evidence of some of the weights.

        Raises
        ------
        ValueError
            If there is none for one of them.
        """
        missing = sorted(set(names) - set(self.options))
        if missing:
            raise ValueError(f"there is no evidence for {missing[:4]}; scan the model as it is now")
        return Evidence(
            {name: self.shapes[name] for name in names},
            {name: self.options[name] for name in names},
            self.what,
        )

    def plan(self, budget: int, unit: Literal["numbers", "bytes"] = "numbers") -> NetworkPlan:
        """Choose one option of every weight: least sum of losses under a hard ceiling.

        Parameters
        ----------
        budget : what all cores and factors together may take
        unit : "numbers" stored, or "bytes" of their coded integers as estimated by the scan

        Raises
        ------
        ValueError
            If not even the smallest options fit; what they take is named.
        """
        if unit not in ("numbers", "bytes"):
            raise ValueError(f"unit is {unit!r}; 'numbers' or 'bytes' is needed")
        costs, losses = list[npt.NDArray[np.int64]](), list[npt.NDArray[np.float64]]()
        for options in self.options.values():
            costs.append(np.array([o.numbers if unit == "numbers" else o.n_bytes for o in options]))
            losses.append(np.array([o.loss for o in options]))
        least = sum(int(own.min()) for own in costs)
        if least > budget:
            raise ValueError(
                f"budget is {budget} {unit}; the smallest options of {len(costs)} weights take at least "
                f"{least}: scan smaller fractions, or allow more"
            )
        chosen = cheapest_choice(costs, losses, budget)
        layers = [
            LayerPlan(name, plan_reshape(self.shapes[name]), self.options[name][k].rank)
            for name, k in zip(self.options, chosen, strict=True)
        ]
        return NetworkPlan(tuple(layers))

    def table(self) -> str:
        """Format all options as a text table."""
        rows: list[tuple[str, ...]] = [("weight", "core", "numbers", "bytes", "loss")]
        for name, options in self.options.items():
            for o in options:
                core = "x".join(map(str, o.rank))
                rows.append((name, core, f"{o.numbers:,}", f"{o.n_bytes:,}", f"{o.loss:.4g}"))
        return format_table(rows)


def cheapest_choice(
    costs: Sequence[npt.NDArray[np.int64]], losses: Sequence[npt.NDArray[np.float64]], budget: int
) -> list[int]:
    """One option of each list, with the least sum of losses and a sum of costs within the budget.

    Costs are rounded up to whole portions of the budget, so the ceiling is kept; with many lists a
    little of it may stay unused.

    Examples
    --------
    >>> costs = [np.array([1, 5]), np.array([2, 4])]
    >>> cheapest_choice(costs, [np.array([9.0, 0.0]), np.array([3.0, 0.0])], 7)
    [1, 0]
    """
    portion = max(1, budget // _BINS)
    bins = budget // portion
    best = np.zeros(bins + 1)
    choices = []
    for own_costs, own_losses in zip(costs, losses, strict=True):
        after = np.full((len(own_costs), bins + 1), np.inf)
        for k, cost in enumerate(-(-own_costs // portion)):
            if cost <= bins:
                after[k, cost:] = best[: bins + 1 - cost] + own_losses[k]
        choices.append(after.argmin(axis=0))
        best = after.min(axis=0)
    if not np.isfinite(best[-1]):  # only the smallest options fit, and rounding up hid that
        return [int(own.argmin()) for own in costs]
    chosen, left = list[int](), bins
    for own_costs, choice in zip(reversed(costs), reversed(choices), strict=True):
        chosen.append(int(choice[left]))
        left -= -(-int(own_costs[chosen[-1]]) // portion)
    return chosen[::-1]


def spectra_of(
    weights: Mapping[str, Weight], one_order: bool = False
) -> dict[str, tuple[npt.NDArray[np.float64], ...]]:
    """Singular values of every reshaped weight, per mode; `one_order` as with a shared core."""
    largest = max((weight.shape for weight in weights.values()), key=math.prod)
    order = len(plan_reshape(largest).dims)
    spectra = {}
    for name, weight in weights.items():
        reshape = plan_reshape(weight.shape, order) if one_order else plan_reshape(weight.shape)
        layer = LayerPlan(name, reshape, reshape.dims)
        spectra[name] = multilinear_singular_values(dense_tensor(weight.parameter, layer))
    return spectra


def check_values(weights: Mapping[str, Weight], *, finite: bool = True) -> None:
    """Refuse weights that have no values yet, or (if `finite`) values that are no finite numbers.

    Raises
    ------
    ValueError
        The weight is named.
    """
    for name, weight in weights.items():
        values = weight.parameter.detach()
        if values.is_meta:
            raise ValueError(
                f"{name} is on the device 'meta' and has no values; load the model's weights first "
                "(dry_run=True plans without them)"
            )
        if finite and not bool(torch.isfinite(values).all()):
            bad = values[~torch.isfinite(values)].flatten()[0].item()
            raise ValueError(f"{name} holds {bad}; every entry must be finite")

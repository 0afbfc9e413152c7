"""Where ranks do good: measured options for every weight, and the choice among them under a ceiling.

An option is one core shape of one weight: what it stores and what it loses. `Evidence` holds the options
of all weights; its `plan` takes one of each so that the losses add up to least, by a dynamic programme
over the budget. That losses of several weights add up is an assumption: the larger they are, the less it
holds. Where options come from is told in `sensitivity`.

Measurements are few. Between two of them every core shape of the weight is an option, too: its energy is
known, and what that loses is read off the line between the two. So the whole budget is spent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch

from torch_bridge.compression.survey import Weight
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, format_table, plan_reshape
from tucker_core.cheapest_choice import cheapest_choice
from tucker_core.joint_plan import WeightOptions

_TIE = 1e-6  # of the largest measured loss, for each unit of -log of the energy


@dataclass(frozen=True)
class Option:
    """One core shape for a weight.

    Attributes
    ----------
    rank : (J_1, ..., J_N) of the reshaped weight
    numbers : that core and factors store
    n_bytes : of their coded integers, estimated from the dense weight
    loss : what it costs to take this option for this weight alone; 0 for nothing
    reshape : of the weight, by default the proper one
    """

    rank: tuple[int, ...]
    numbers: int
    n_bytes: int
    loss: float
    reshape: ReshapePlan | None = None


@dataclass(frozen=True)
class Evidence:
    """Options of every weight of a model.

    Attributes
    ----------
    shapes : name -> shape of the weight
    options : name -> its options, as measured
    what : what the losses are, e.g. "error on the calibration set, in percent"
    curves : name -> energy of its core shapes, of all reshapes together or of each family, to fill the
        gaps between the options

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
    curves: Mapping[str, Sequence[WeightOptions]] = field(default_factory=dict, compare=False)

    @property
    def least(self) -> int:
        """Fewest parameters that a plan can store."""
        return sum(min(option.numbers for option in own) for own in self.options.values())

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
            {name: self.curves[name] for name in names if name in self.curves},
        )

    def plan(
        self,
        budget: int,
        unit: Literal["numbers", "bytes"] = "numbers",
        *,
        allow_dense: bool = False,
    ) -> NetworkPlan:
        """Choose one option of every weight: least sum of losses under a hard ceiling.

        Parameters
        ----------
        budget : what all cores and factors together may take
        unit : "numbers" stored, or "bytes" of their coded integers as estimated by the scan
        allow_dense : whether a weight may stay as it is

        Raises
        ------
        ValueError
            If not even the smallest options fit; what they take is named.
        """
        if unit not in ("numbers", "bytes"):
            raise ValueError(f"unit is {unit!r}; 'numbers' or 'bytes' is needed")
        choices = {name: self._choices(name, allow_dense) for name in self.options}
        costs = [
            np.array([o.numbers if unit == "numbers" else o.n_bytes for o in own])
            for own in choices.values()
        ]
        least = sum(int(own.min()) for own in costs)
        if least > budget:
            raise ValueError(
                f"budget is {budget} {unit}; the smallest options of {len(costs)} weights take at least "
                f"{least}: scan smaller fractions, or allow more"
            )
        losses = [np.array([o.loss for o in own]) for own in choices.values()]
        chosen = cheapest_choice(costs, losses, budget)
        pairs = zip(choices.items(), chosen, strict=True)
        return NetworkPlan(tuple(self._layer(name, own[k]) for (name, own), k in pairs))

    def _layer(self, name: str, option: Option) -> LayerPlan:
        reshape = option.reshape or plan_reshape(self.shapes[name])
        reason = f"expected {self.what} of {option.loss:.4g} at {option.numbers} parameters"
        return LayerPlan(name, reshape, option.rank, reason=reason)

    def _choices(self, name: str, allow_dense: bool) -> list[Option]:
        """The options of a weight, measured ones and those between them."""
        measured, curves = self.options[name], self.curves.get(name, ())
        dense = [option for option in measured if _is_dense(option, self.shapes[name])]
        small = [option for option in measured if option not in dense]
        choices = _between_all(measured, curves) or small
        return choices + dense if allow_dense or not choices else choices

    def table(self) -> str:
        """Format all options as a text table."""
        rows: list[tuple[str, ...]] = [("weight", "core", "parameters", "bytes", "loss")]
        for name, options in self.options.items():
            for o in options:
                core = "x".join(map(str, o.rank))
                rows.append((name, core, f"{o.numbers:,}", f"{o.n_bytes:,}", f"{o.loss:.4g}"))
        return format_table(rows)


def _is_dense(option: Option, shape: tuple[int, ...]) -> bool:
    return option.numbers >= int(np.prod(shape))


def _between_all(measured: Sequence[Option], curves: Sequence[WeightOptions]) -> list[Option]:
    """Options between measured ones, on each curve between those of its own reshapes."""
    found = list[Option]()
    for curve in curves:
        dense = int(np.prod(curve.candidates[0].reshape.shape))
        reshapes = [candidate.reshape for candidate in curve.candidates]
        own = [o for o in measured if o.reshape in reshapes or o.numbers >= dense]
        if any(option.numbers < dense for option in own):
            found += _between(own, curve)
    return found


def _between(measured: Sequence[Option], curve: WeightOptions) -> list[Option]:
    """Options between the smallest measured one and the weight itself; losses on lines between."""
    # where measurements are alike, as errors in percent often are, the energy decides
    finite = [option.loss for option in measured if np.isfinite(option.loss)]
    slope = _TIE * (max(finite, default=0.0) or 1.0)
    energies = np.array([_energy(option, curve) for option in measured])
    losses = np.array([option.loss for option in measured])
    order = np.argsort(energies, kind="stable")
    numbers = np.array([option.numbers for option in measured])
    n_bytes = np.array([option.n_bytes for option in measured])
    rising = np.argsort(numbers)
    found = []
    for k, (cost, energy) in enumerate(zip(curve.costs, curve.losses, strict=True)):
        if numbers.min() <= cost < numbers.max():
            loss = float(np.interp(energy, energies[order], losses[order])) + slope * float(energy)
            size = int(np.ceil(np.interp(cost, numbers[rising], n_bytes[rising])))
            layer = curve.plan(k)
            loss = loss if np.isfinite(loss) else np.inf
            found.append(Option(layer.rank, int(cost), size, loss, layer.reshape))
    return found


def _energy(option: Option, curve: WeightOptions) -> float:
    """-log of the energy that an option keeps: 0 for the weight itself."""
    place = int(np.searchsorted(curve.costs, option.numbers, side="right")) - 1
    dense = int(np.prod(curve.candidates[0].reshape.shape))
    return 0.0 if option.numbers >= dense else float(curve.losses[max(place, 0)])


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

"""Which plan a budget gets: by the energy of trained weights, by measurements, or balanced.

The plan itself is always `plan_network`'s (or that of measured options). Trained weights are weighed;
weights that are to be drawn anew, have no values yet, or look as they were drawn have nothing to weigh
and get proper orders, balanced dims and cores near cubes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from torch_bridge.compression.budget import Unit, numbers_within
from torch_bridge.compression.calibration import measure_of
from torch_bridge.compression.rank_selection import Evidence, check_values
from torch_bridge.compression.sensitivity import scan_sensitivity
from torch_bridge.compression.survey import Weight
from torch_bridge.weights.tucker_weight import dense_array
from tucker_core import NetworkPlan, plan_network
from tucker_core.noise import looks_random
from tucker_core.planner import fewest_params

Criterion = Literal["auto", "balanced", "spectra", "loss"]
_CRITERIA = ("auto", "balanced", "spectra", "loss")
_AROUND = (2.0, 1.0, 0.5, 0.25)  # times its fair share of the budget a weight is tried at


@dataclass(frozen=True)
class Wanted:
    """What is asked of a plan beside its budget; see `compress_model`."""

    criterion: Criterion | Evidence = "auto"
    order: int | Literal["auto"] = "auto"
    reshape: str = "auto"
    shared_core: bool | Literal["groups"] = False
    allow_dense: bool = False
    scratch: bool = False
    calibration: Any = None


def choose_plan(
    model: nn.Module, weights: Mapping[str, Weight], budget: float, unit: Unit, wanted: Wanted
) -> NetworkPlan:
    """Plan these weights of a model under a ceiling.

    Parameters
    ----------
    model : the dense model
    weights : name -> weight, of those to compress
    budget, unit : the ceiling, as `numbers_within` takes it
    wanted : what else is asked

    Raises
    ------
    ValueError
        If the budget is too small (the smallest possible one is named), an option is unknown, or options
        do not go together.

    Examples
    --------
    >>> from torch_bridge.compression.survey import survey
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> weights = {weight.name: weight for weight in survey(model).weights}
    >>> choose_plan(model, weights, 2, "ratio", Wanted()).n_params <= 290
    True
    """
    shapes = {name: weight.shape for name, weight in weights.items()}
    found = tuple(weights.values())
    if isinstance(wanted.criterion, Evidence):
        return _by_measurements(model, weights, budget, unit, wanted)
    if (wanted.criterion == "loss") is (wanted.calibration is None):
        raise ValueError(
            "criterion='loss' measures the model on calibration data, and nothing else does; give both "
            "criterion='loss' and calibration=, or neither"
        )
    weighed = _is_weighed(weights, wanted)
    least = sum(
        fewest_params(shape, wanted.order, wanted.reshape, weighed=weighed)
        for shape in shapes.values()
    )
    numbers = numbers_within(model, found, budget, unit, least)
    if wanted.criterion == "loss":
        return _by_loss(model, weights, numbers, wanted)
    arrays = (
        {name: dense_array(weight.parameter) for name, weight in weights.items()}
        if weighed
        else None
    )
    return plan_network(
        shapes, budget=numbers, order=wanted.order, reshape=wanted.reshape, weights=arrays,
        shared_core=wanted.shared_core, allow_dense=wanted.allow_dense,
    )  # fmt: skip


def _by_loss(
    model: nn.Module, weights: Mapping[str, Weight], numbers: int, wanted: Wanted
) -> NetworkPlan:
    """Measure every family of every weight at a few sizes around its share, and choose by that."""
    if wanted.shared_core:
        raise ValueError("criterion is 'loss', of single weights; a shared core is planned without")
    share = numbers / sum(weight.parameter.numel() for weight in weights.values())
    measured = scan_sensitivity(
        model, measure_of(model, wanted.calibration), include=list(weights),
        fractions=sorted({min(0.9, factor * share) for factor in _AROUND}),
        order=wanted.order, reshape=wanted.reshape, each_family=True, what="calibration loss",
    )  # fmt: skip
    return measured.plan(numbers, allow_dense=wanted.allow_dense)


def _by_measurements(
    model: nn.Module, weights: Mapping[str, Weight], budget: float, unit: Unit, wanted: Wanted
) -> NetworkPlan:
    assert isinstance(wanted.criterion, Evidence)
    if wanted.shared_core:
        raise ValueError("a scan measures single weights; a shared core is planned without it")
    if (wanted.order, wanted.reshape) != ("auto", "auto"):
        raise ValueError(
            "the scan measured dims of its own; give order and reshape to the scan, not here"
        )
    evidence = wanted.criterion.only(weights)
    numbers = numbers_within(model, tuple(weights.values()), budget, unit, evidence.least)
    return evidence.plan(numbers)


def _is_weighed(weights: Mapping[str, Weight], wanted: Wanted) -> bool:
    """Whether the values of the weights decide."""
    if not isinstance(wanted.criterion, str) or wanted.criterion not in _CRITERIA:
        raise ValueError(
            f"criterion is {wanted.criterion!r}; one of {_CRITERIA} or what a scan measured is needed"
        )
    if wanted.criterion == "spectra" or wanted.shared_core == "groups":
        check_values(weights)
        return True
    if wanted.criterion == "balanced" or wanted.scratch:
        return False
    if any(weight.parameter.is_meta for weight in weights.values()):
        return False
    check_values(weights)
    return not all(looks_random(dense_array(weight.parameter)) for weight in weights.values())

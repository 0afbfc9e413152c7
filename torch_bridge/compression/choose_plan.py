"""Which plan a budget gets: by the energy of trained weights, by measurements, or balanced.

The plan itself is always `plan_network`'s (or that of measured options). Trained weights are weighed;
weights that are to be drawn anew, have no values yet, or look as they were drawn have nothing to weigh
and get proper orders, balanced dims and cores near cubes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn

from torch_bridge.compression.budget import Unit, numbers_within
from torch_bridge.compression.rank_selection import Evidence, check_values
from torch_bridge.compression.survey import Weight
from torch_bridge.weights.tucker_weight import dense_array
from tucker_core import NetworkPlan, plan_network
from tucker_core.noise import looks_random
from tucker_core.planner import fewest_params

Basis = Literal["auto", "balanced", "spectra"]
_BASES = ("auto", "balanced", "spectra")


@dataclass(frozen=True)
class Wanted:
    """What is asked of a plan beside its budget; see `compress_model`."""

    evidence: Basis | Evidence = "auto"
    order: int | Literal["auto"] = "auto"
    reshape: str = "auto"
    shared_core: bool | Literal["groups"] = False
    allow_dense: bool = False
    scratch: bool = False


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
    if isinstance(wanted.evidence, Evidence):
        return _by_measurements(model, weights, budget, unit, wanted)
    weighed = _is_weighed(weights, wanted)
    least = sum(
        fewest_params(shape, wanted.order, wanted.reshape, weighed=weighed)
        for shape in shapes.values()
    )
    numbers = numbers_within(model, found, budget, unit, least)
    arrays = (
        {name: dense_array(weight.parameter) for name, weight in weights.items()}
        if weighed
        else None
    )
    return plan_network(
        shapes, budget=numbers, order=wanted.order, reshape=wanted.reshape, weights=arrays,
        shared_core=wanted.shared_core, allow_dense=wanted.allow_dense,
    )  # fmt: skip


def _by_measurements(
    model: nn.Module, weights: Mapping[str, Weight], budget: float, unit: Unit, wanted: Wanted
) -> NetworkPlan:
    assert isinstance(wanted.evidence, Evidence)
    if wanted.shared_core:
        raise ValueError("evidence is of single weights; a shared core is planned without it")
    if (wanted.order, wanted.reshape) != ("auto", "auto"):
        raise ValueError(
            "evidence was measured with dims of its own; give order and reshape to the scan, not here"
        )
    evidence = wanted.evidence.only(weights)
    numbers = numbers_within(model, tuple(weights.values()), budget, unit, evidence.least)
    return evidence.plan(numbers)


def _is_weighed(weights: Mapping[str, Weight], wanted: Wanted) -> bool:
    """Whether the values of the weights decide."""
    if not isinstance(wanted.evidence, str) or wanted.evidence not in _BASES:
        raise ValueError(
            f"evidence is {wanted.evidence!r}; 'auto', 'balanced', 'spectra' or a measured Evidence is "
            "needed"
        )
    if wanted.evidence == "spectra" or wanted.shared_core == "groups":
        check_values(weights)
        return True
    if wanted.evidence == "balanced" or wanted.scratch:
        return False
    if any(weight.parameter.is_meta for weight in weights.values()):
        return False
    check_values(weights)
    return not all(looks_random(dense_array(weight.parameter)) for weight in weights.values())

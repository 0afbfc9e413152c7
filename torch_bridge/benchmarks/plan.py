"""Which dims and core shape each weight of a benchmark gets: what `plan_network` chooses for its weights.

Depthwise convolutions, whose kernels share no channels, are left as they are.
"""

from typing import Any, Literal

from torch import nn

from torch_bridge.compression.survey import survey
from torch_bridge.weights.tucker_weight import dense_array
from tucker_core import NetworkPlan, plan_network

Evidence = Literal["balanced", "spectra"]


def plan_benchmark(
    model: nn.Module,
    budget: int,
    evidence: Evidence = "spectra",
    *,
    shared_core: bool | Literal["groups"] = False,
    reshape: str = "auto",
    order: int | Literal["auto"] = "auto",
    max_fraction: float = 1.0,
) -> NetworkPlan:
    """Plan all layers of a trained network under a ceiling.

    Parameters
    ----------
    model : dense
    budget : parameters that all cores and factors together may store, at most
    evidence : "spectra", dims and ranks that keep most energy of the weights; or "balanced", proper
        orders and cores near cubes, which serves better where little of the energy can be kept
    shared_core : one core for all (SCADA-Tucker), or for each of the "groups" of weights of equal shape
    reshape, order : the family and the order of the dims, as `plan_network` takes them
    max_fraction : of its own parameters that each weight may store, at most

    Raises
    ------
    ValueError
        If the budget is too small; the smallest possible one is named.

    Examples
    --------
    >>> plan = plan_benchmark(nn.Sequential(nn.Conv2d(16, 16, 3), nn.Conv2d(16, 32, 3)), 1_000)
    >>> 900 < plan.n_params <= 1_000
    True
    """
    weights = {
        weight.name: weight
        for weight in survey(model).weights
        if not any(is_depthwise(slot.layer) for slot in weight.slots)
    }
    arrays = None
    if evidence == "spectra" or shared_core == "groups":
        arrays = {name: dense_array(weight.parameter) for name, weight in weights.items()}
    return plan_network(
        {name: weight.shape for name, weight in weights.items()}, budget=budget, order=order,
        reshape=reshape, shared_core=shared_core, max_fraction=max_fraction, weights=arrays,
    )  # fmt: skip


def is_depthwise(layer: nn.Module) -> bool:
    """Whether a layer is a convolution that keeps its channels apart."""
    owner: Any = layer
    return getattr(owner, "groups", 1) > 1 and owner.weight.shape[1] == 1

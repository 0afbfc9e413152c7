"""Which implementation every layer of a network is trained in: decided once, before the first step.

The rule knows shapes, the batch and the dtype, never a stopwatch, so the same run computes the same sums
wherever it goes on. A step forward and backward costs about three forward passes in either
implementation, so these are what is compared.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from torch_bridge.forward.calls import Call, calls_of
from torch_bridge.forward.cost import CostModel, stated_costs
from torch_bridge.forward.implementation import can_choose
from torch_bridge.forward.modes import works
from torch_bridge.weights.parametrization import attribute_of
from torch_bridge.weights.tucker_weight import TuckerWeight, tucker_layers, tucker_parts


def choose_implementations(
    model: nn.Module,
    sample: Tensor,
    batch: int,
    *,
    implementation: str = "auto",
    dtype: torch.dtype = torch.float32,
) -> dict[str, str]:
    """Say in which implementation each layer of a model should be trained.

    Parameters
    ----------
    model : in Tucker form or not; it is not changed
    sample : one input, (1, ...), on the model's device; only its shape counts
    batch : how many of them a step takes at once
    implementation : "auto" for what needs less work, "reconstructed" or "factorized" for all that can
    dtype : in which the layers compute

    Returns
    -------
    name of each weight in Tucker form -> "reconstructed" or "factorized"

    Examples
    --------
    >>> from torch_bridge import compress_model
    >>> model = nn.Sequential(nn.Linear(800, 500), nn.Linear(500, 10))
    >>> _ = compress_model(model, 3_000)
    >>> choose_implementations(model, torch.zeros(1, 800), 256)
    {'0.weight': 'factorized', '1.weight': 'reconstructed'}
    """
    layers = {name: (layer, tucker_parts(layer, name)[0]) for name, layer in tucker_layers(model)}
    chosen = dict.fromkeys(layers, "reconstructed")
    can = [name for name, (layer, weight) in layers.items() if can_choose(layer, weight)]
    if implementation == "factorized":
        return chosen | dict.fromkeys(can, "factorized")
    if implementation == "reconstructed" or not can:
        return chosen
    calls, costs = calls_of(model, [sample]), stated_costs(sample.device.type, dtype)
    for name in can:
        layer, weight = layers[name]
        if attribute_of(name) == "weight" and id(layer) in calls:
            chosen[name] = _cheaper(layer, weight, calls[id(layer)], batch, costs)
    return chosen


def _cheaper(
    layer: nn.Module, weight: TuckerWeight, calls: Sequence[Call], batch: int, costs: CostModel
) -> str:
    """The implementation that takes less for all of a layer's calls in one step."""
    shapes = [tuple(given[0].shape) for given, _ in calls]
    found = [works(layer, weight.plan, (batch * shape[0], *shape[1:])) for shape in shapes]
    dense = sum(costs.seconds(each["dense"]) for each in found)
    making = costs.seconds(found[0]["reconstructed"]) - costs.seconds(found[0]["dense"])  # once
    factorized = sum(costs.seconds(each["factorized"]) for each in found)
    return "factorized" if factorized < dense + making else "reconstructed"

"""Finding the layers of a model that have, or can take, a Tucker weight."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.weight import TuckerWeight

COMPRESSIBLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding)


def compressible_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every dense layer that can take a Tucker weight."""
    for name, layer in model.named_modules():
        if isinstance(layer, COMPRESSIBLE) and not parametrize.is_parametrized(layer, "weight"):
            yield f"{name}.weight" if name else "weight", layer


def tucker_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every layer that has a Tucker weight."""
    layer: Any
    for name, layer in model.named_modules():
        if not parametrize.is_parametrized(layer, "weight"):
            continue
        if isinstance(layer.parametrizations.weight[0], TuckerWeight):
            yield f"{name}.weight" if name else "weight", layer


def tucker_parts(layer: nn.Module) -> tuple[TuckerWeight, Tensor, list[Tensor | None]]:
    """The parametrization of a layer with its core and one factor (or None) per mode."""
    owner: Any = layer
    weights = owner.parametrizations.weight
    core, *factors = (getattr(weights, f"original{k}") for k in range(weights.ntensors))
    return weights[0], core, weights[0].with_gaps(factors)


def weight_shape(layer: nn.Module) -> tuple[int, ...]:
    """Shape of a layer's weight."""
    weight: Any = layer.weight
    return tuple(int(dim) for dim in weight.shape)


def count_params(model: nn.Module) -> int:
    """Count the parameters that a model stores; what is shared counts once."""
    return sum(p.numel() for p in model.parameters())

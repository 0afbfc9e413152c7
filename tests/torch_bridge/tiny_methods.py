"""Small things that the tests of all methods need."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from torch_bridge.models import build_model

EACH = 3.5  # bits that a stored parameter is expected to take


def lenet300() -> nn.Module:
    return build_model("lenet300", seed=0)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Weights of all layers, rebuilt where they are."""
    layers: list[tuple[str, Any]] = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    return {name: layer.weight.detach() for name, layer in layers}

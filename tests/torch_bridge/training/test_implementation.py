"""Training computes from the factors where that needs less work, decided once and by shapes alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.torch_bridge.tiny_pictures import held_out, supply
from tests.torch_bridge.tiny_runs import fitted
from torch_bridge import attach_quantizers, build_model, compress_model
from torch_bridge.forward import choice
from torch_bridge.forward.choice import choose_implementations
from torch_bridge.forward.cost import CostModel
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.fit import fit
from torch_bridge.training.loop import train
from torch_bridge.weights.tucker_weight import TuckerWeight, tucker_layers, tucker_parts

CONFIG = TrainConfig(epochs=2, lr=1e-2, batch_size=64, precision="float32")


@pytest.fixture
def reconstructions(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Note the shape of every weight that is reconstructed while gradients are wanted."""
    shapes: list[tuple[int, ...]] = []
    forward = TuckerWeight.forward

    def watched(self: TuckerWeight, core: Tensor, *factors: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            shapes.append(self.plan.reshape.shape)
        return forward(self, core, *factors)

    monkeypatch.setattr(TuckerWeight, "forward", watched)
    return shapes


def lenet(*, rounded: bool = False) -> nn.Module:
    model = build_model("lenet300", seed=0)
    compress_model(model, 8_000, init="scratch")
    if rounded:
        attach_quantizers(model, 4.0)
    return model


@pytest.mark.parametrize("rounded", [False, True])
def test_what_needs_less_work_is_the_default(
    rounded: bool, reconstructions: list[tuple[int, ...]]
) -> None:
    config = replace(CONFIG, rate=1e-3 if rounded else 0.0)
    model, twin = lenet(rounded=rounded), lenet(rounded=rounded)
    fitted(model, config)
    assert set(reconstructions) == {(10, 100)}, "large layers need no weight, the smallest does"
    reconstructions.clear()
    fitted(twin, replace(config, implementation="reconstructed"))
    assert set(reconstructions) == {(300, 784), (100, 300), (10, 100)}
    for own, other in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-2, atol=1e-2)
    parts = [tucker_parts(layer, name)[0] for name, layer in tucker_layers(model)]
    assert {part.implementation for part in parts} == {"auto"}, "only while training"


def test_the_choice_is_a_matter_of_shapes_and_takes_no_stopwatch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for clock in ("perf_counter", "process_time", "monotonic", "perf_counter_ns"):
        monkeypatch.delattr(time, clock)
    model, one = lenet(), torch.zeros(1, 1, 28, 28)
    large, again = (choose_implementations(model, one, 256) for _ in range(2))
    assert large == again
    assert large["fc1.weight"] == large["fc2.weight"] == "factorized"
    assert choose_implementations(model, one, 1)["fc3.weight"] == "reconstructed"
    whole = nn.Sequential(nn.Flatten(), nn.Linear(784, 300))
    compress_model(whole, 200_000, init="scratch")  # nearly all of its parameters: nothing to save
    assert set(choose_implementations(whole, one, 256).values()) == {"reconstructed"}


def test_a_run_is_not_gone_on_with_in_another_implementation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fingerprint holds what was chosen, whether a setting or the rule says something else."""
    path = tmp_path / "run.npz"
    first = fitted(lenet(), CONFIG, path)
    again = fitted(lenet(), CONFIG, path)
    assert again == first, "the same run is done already: nothing is trained"
    other = fitted(lenet(), replace(CONFIG, implementation="reconstructed"), path)
    monkeypatch.setattr(choice, "stated_costs", lambda *_: CostModel(0.0, 0.0, 1.0))
    third = fitted(lenet(), CONFIG, path)
    assert len({first.checkpoint, other.checkpoint, third.checkpoint}) == 3


@pytest.mark.parametrize("implementation", ["auto", "reconstructed", "factorized"])
def test_the_same_seed_gives_the_same_weights(implementation: Any) -> None:
    config = replace(CONFIG, implementation=implementation)
    models = [lenet(), lenet()]
    for model in models:
        fitted(model, config)
    for own, other in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(own, other)


@contextmanager
def watched_convolutions() -> Iterator[list[tuple[bool, bool]]]:
    """Note of every conv2d whether images and weight have their channels last."""
    seen: list[tuple[bool, bool]] = []
    convolve = torch.nn.functional.conv2d

    def watched(images: Tensor, weight: Tensor, *rest: Any) -> Tensor:
        seen.append((images.stride(1) == 1, weight.stride(1) == 1))
        return convolve(images, weight, *rest)

    torch.nn.functional.conv2d = watched  # type: ignore[assignment]
    try:
        yield seen
    finally:
        torch.nn.functional.conv2d = convolve


def conv_net(channels: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.LazyLinear(4)
    )


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("options", [{}, {"kernel_size": 1}, {"groups": 2}, {"in_channels": 1}])
def test_a_reconstructed_weight_lies_in_memory_as_the_one_it_replaces(
    options: dict[str, Any], order: torch.memory_format
) -> None:
    layer = nn.Conv2d(**{"in_channels": 8, "out_channels": 16, "kernel_size": 3, **options})
    to: Any = layer.to  # torch's own stubs do not know of memory formats
    to(memory_format=order)
    strides = layer.weight.stride()
    compress_model(layer, layer.weight.numel() * 2, init="scratch")
    weight: Any = layer.weight
    assert weight.stride() == strides
    weight.sum().backward()
    assert all(p.grad is not None for p in layer.parameters() if p is not layer.bias)


def test_config_channels_last_reaches_reconstructed_weights() -> None:
    model = conv_net(3)
    model(torch.zeros(1, 3, 8, 8))
    compress_model(model, 300, include=["2"])
    config = TrainConfig(
        epochs=1, lr=1e-3, batch_size=8, precision="float32", channels_last=True,
        implementation="reconstructed",
    )  # fmt: skip
    with watched_convolutions() as seen:
        train(model, supply(), held_out(), config, progress=False)
    assert set(seen) == {(True, True)}


def test_images_of_one_channel_are_channels_last_by_their_strides() -> None:
    model, images = conv_net(1), torch.randn(20, 1, 8, 8)
    model(images)
    labels = torch.arange(20) % 4
    config = TrainConfig(epochs=1, lr=1e-3, batch_size=10, precision="float32")
    with watched_convolutions() as seen:
        fit(model, [images], labels, (images, labels), config, progress=False)
    assert {images_last for images_last, _ in seen} == {True}

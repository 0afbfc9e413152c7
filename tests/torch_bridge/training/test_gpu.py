"""A GPU gives what the CPU gives, the same each time, and a step on it waits for nothing."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.torch_bridge.tiny_runs import fitted, training_tensors
from torch_bridge import attach_quantizers, build_model, compress_model, use_implementation
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.data import AugmentedCopies
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.loop import training_run
from torch_bridge.training.precision import check_device

pytestmark = pytest.mark.gpu
CONFIG = TrainConfig(
    epochs=2, lr=1e-3, batch_size=40, precision="float32", rate=1e-3, deterministic=True
)
LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "linear": (nn.Linear(120, 100), (5, 120)),
    "embedding": (nn.Embedding(100, 120), (0,)),
    "conv1d": (nn.Conv1d(40, 50, 3), (2, 40, 9)),
    "conv2d": (nn.Conv2d(64, 64, 3, padding=1), (2, 64, 9, 8)),
    "conv3d": (nn.Conv3d(20, 30, 3), (2, 20, 4, 5, 6)),
    "transposed": (nn.ConvTranspose2d(20, 30, 3), (2, 20, 5, 6)),
}


@pytest.fixture
def device() -> torch.device:
    found = check_device("auto")
    if found.type == "cpu":
        pytest.skip("no GPU")
    return found


def network(*, rounded: bool = True) -> nn.Module:
    model = build_model("lenet5", seed=0)
    compress_model(model, 3_650, init="scratch")
    if rounded:
        attach_quantizers(model, 4.0)
    return model


@pytest.mark.parametrize("implementation", ["reconstructed", "factorized"])
@pytest.mark.parametrize("kind", LAYERS)
def test_every_kind_of_layer(kind: str, implementation: str, device: torch.device) -> None:
    layer, shape = copy.deepcopy(LAYERS[kind][0]), LAYERS[kind][1]
    compress_model(layer, 2_500)
    attach_quantizers(layer, 8.0)
    use_implementation(layer, implementation)
    inputs = torch.randn(shape) if sum(shape) else torch.arange(7)
    there: Any = copy.deepcopy(layer).to(device)
    found: Tensor = there(inputs.to(device))
    expected: Tensor = layer(inputs)
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-3, atol=1e-4)
    for outputs in (found, expected):
        outputs.square().mean().backward()  # type: ignore[no-untyped-call]
    for own, other in zip(layer.parameters(), there.parameters(), strict=True):
        if own.grad is not None:
            torch.testing.assert_close(other.grad.cpu(), own.grad, rtol=1e-2, atol=1e-4)


def test_qat_trains_as_on_the_cpu(device: torch.device) -> None:
    here, there = network(), network().to(device)
    losses = [fitted(model, CONFIG).history.table()[0]["loss"] for model in (here, there)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)


def test_the_same_seed_gives_the_same_weights_and_a_broken_run_goes_on(
    device: torch.device, tmp_path: Path
) -> None:
    whole, again, broken = (network().to(device) for _ in range(3))
    fitted(whole, CONFIG)
    path = fitted(again, CONFIG, tmp_path / "run.npz").checkpoint
    assert path is not None
    fitted(broken, CONFIG, tmp_path / "run.npz")  # from the checkpoint of the last epoch
    for model in (again, broken):
        for own, other in zip(whole.parameters(), model.parameters(), strict=True):
            assert torch.equal(own, other)


def test_a_step_waits_for_nothing(device: torch.device) -> None:
    if device.type != "cuda":
        pytest.skip("only CUDA tells")
    images, labels, _ = training_tensors()
    data, model = AugmentedCopies([images], labels, device), network().to(device)
    context = DistributedContext(device=device)
    with training_run(model, data, replace(CONFIG, deterministic=False), context) as run:
        batches = list(data.epoch(0, CONFIG.batch_size, 0, context))
        run.one_step(batches[0])  # the first looks at the bits, and makes what is kept
        torch.cuda.set_sync_debug_mode("error")
        try:
            for batch in batches[1:4]:
                run.one_step(batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")

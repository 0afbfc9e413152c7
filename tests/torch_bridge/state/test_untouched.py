"""What only looks at a model leaves it exactly as it was: buffers, modes, flags, gradients, dice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from torch_bridge import compress_model, scan_rate, scan_sensitivity, survey, to_network
from torch_bridge.compression.export import export_model
from torch_bridge.compression.profile import profile_model
from torch_bridge.state.untouched import untouched
from torch_bridge.training.evaluate import evaluate, predict

INPUTS = torch.randn(16, 30, generator=torch.Generator().manual_seed(1))


class Restless(nn.Module):
    """Everything that running can change: statistics, counters, dice, a buffer that is replaced."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(30, 40)
        self.norm = nn.BatchNorm1d(40)
        self.drop = nn.Dropout(0.5)
        self.frozen = nn.BatchNorm1d(40).eval().requires_grad_(False)
        self.last = nn.Linear(40, 10)
        self.calls: Tensor
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls = self.calls + 1
        hidden = self.drop(self.norm(self.first(inputs.reshape(len(inputs), -1)[:, :30])))
        result: Tensor = self.last(self.frozen(hidden) + 0.01 * torch.randn(40))
        return result


def net() -> Any:
    model = Restless()
    model.last.weight.grad = torch.ones(10, 40)
    return model


def compressed() -> Any:
    model = Restless()
    compress_model(model, 700)
    return model


def looks(model: nn.Module) -> list[Any]:
    """Everything that must not change, in values."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return [
        {name: tensor.tolist() for name, tensor in tensors.items()},
        {name: id(tensor) for name, tensor in tensors.items()},
        {n: (p.requires_grad, p.grad is None or p.grad.tolist()) for n, p in model.named_parameters()},
        {name: module.training for name, module in model.named_modules()},
        torch.get_rng_state().tolist(),
    ]  # fmt: skip


def loss(model: nn.Module) -> float:
    """A measure without manners."""
    model.eval()
    model.train()
    model.requires_grad_(True)
    value = model(INPUTS).square().mean()
    value.backward()
    return float(value.detach())


IMAGES = torch.zeros(4, 5, 6, dtype=torch.uint8)
WAYS: dict[str, tuple[Callable[[], Any], Callable[[Any, Any], object]]] = {
    "scan_sensitivity": (
        net, lambda m, _: scan_sensitivity(m, loss, fractions=(0.5, 0.2), progress=False),
    ),
    "scan_rate": (net, lambda m, _: scan_rate(m, progress=False)),
    "survey": (net, lambda m, _: survey(m)),
    "dry run": (net, lambda m, _: compress_model(m, 700, criterion="spectra", dry_run=True)),
    "profile": (compressed, lambda m, _: profile_model(m, [INPUTS], seconds=0.001)),
    "predict": (net, lambda m, _: predict(m, IMAGES)),
    "evaluate": (net, lambda m, _: evaluate(m, IMAGES, torch.zeros(4, dtype=torch.int64))),
    "to_network": (compressed, lambda m, _: to_network(m, "mine", levels=4.0)),
    "export": (compressed, lambda m, path: export_model(m, path / "net.npz")),
}  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_model_is_left_as_it_was(way: str, training: bool, tmp_path: Any) -> None:
    make, run = WAYS[way]
    model = make()
    model.norm.train(training)
    model.drop.train(training)
    before = looks(model)
    run(model, tmp_path)
    after = looks(model)
    if way in ("predict", "evaluate"):  # they run the model, and say so: it may count
        before, after = before[2:4], after[2:4]
    assert after == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("call", [1, 3])
def test_a_scan_that_fails_leaves_it_as_it_was(error: type[BaseException], call: int) -> None:
    model, calls = net(), 0

    def failing(model: nn.Module) -> float:
        nonlocal calls
        calls += 1
        value = loss(model)
        if calls == call:
            raise error("in the middle")
        return value

    before = looks(model)
    with pytest.raises(error, match="in the middle"):
        scan_sensitivity(model, failing, fractions=(0.5, 0.2), progress=False)
    assert looks(model) == before


def test_measurements_do_not_depend_on_those_before() -> None:
    """The same dice and statistics for each, so what differs is the weight alone."""
    both = scan_sensitivity(net(), loss, fractions=(0.5, 0.2), progress=False)
    alone = scan_sensitivity(net(), loss, include=["last"], fractions=(0.2,), progress=False)
    assert alone.options["last.weight"][-1] == both.options["last.weight"][-1]


def test_buffers_and_gradients_that_come_to_be_inside_are_gone_after() -> None:
    model = nn.Sequential(nn.Linear(3, 3))
    with untouched(model):
        model[0].register_buffer("cache", torch.ones(2))
        model(torch.ones(1, 3)).sum().backward()
    assert not dict(model.named_buffers())
    assert model[0].weight.grad is None

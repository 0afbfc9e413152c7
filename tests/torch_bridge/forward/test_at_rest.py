"""At inference a weight is made once, and anew whenever anything that it is made of has changed."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from torch_bridge import attach_quantizers, compress_model, materialize, use_implementation
from torch_bridge.weights.tucker_weight import TuckerWeight

Change = Callable[[nn.Module], object]


def made(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one with each reconstruction."""
    calls: list[int] = []
    plain = TuckerWeight.forward

    def counted(self: TuckerWeight, core: Tensor, *factors: Tensor) -> Tensor:
        calls.append(1)
        return plain(self, core, *factors)

    monkeypatch.setattr(TuckerWeight, "forward", counted)
    return calls


def net(*, quantised: bool = False) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 6)).eval()
    compress_model(model, 1.5, unit="ratio", allow_dense=True, criterion="balanced", order=2)
    if quantised:
        attach_quantizers(model, 8.0)
    return model


def parts(model: nn.Module) -> list[Any]:
    return [p for name, p in model.named_parameters() if "original" in name]


def step(model: nn.Module) -> None:
    with torch.enable_grad():
        model.train()(torch.ones(2, 12)).square().sum().backward()
        torch.optim.SGD(model.parameters(), 0.1).step()
    model.eval()


CHANGES: dict[str, Change] = {
    "a step": step,
    "in place": lambda model: parts(model)[1].mul_(2),
    "in place, a part": lambda model: parts(model)[0][0].mul_(3),
    "through data": lambda model: [part.data.mul_(2) for part in parts(model)],
    "other data": lambda model: setattr(parts(model)[0], "data", 2 * parts(model)[0].data),
    "a state dict": lambda model: model.load_state_dict(
        {n: 2 * t if "original" in n else t for n, t in model.state_dict().items()}
    ),
    "assigned": lambda model: setattr(model[0], "weight", torch.ones(8, 12)),  # type: ignore[index]
    "its own values": lambda model: torch.relu_(model[0].weight),  # type: ignore[index]
    "another dtype and back": lambda model: model.bfloat16().float(),
}  # fmt: skip


@pytest.mark.parametrize("implementation", ["auto", "reconstructed", "factorized"])
@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_a_part_is_seen(name: str, quantised: bool, implementation: str) -> None:
    model, inputs = net(quantised=quantised), torch.randn(3, 12)
    use_implementation(model, implementation)
    with torch.no_grad():
        model(inputs)
        CHANGES[name](model)
        fresh = copy.deepcopy(model)  # keeps nothing
        torch.testing.assert_close(model(inputs), fresh(inputs), rtol=1e-6, atol=1e-6)
        dense = materialize(copy.deepcopy(model))
        torch.testing.assert_close(model(inputs), dense(inputs), rtol=1e-4, atol=1e-5)


def test_a_learned_step_is_seen() -> None:
    model, inputs = net(quantised=True), torch.randn(3, 12)
    with torch.no_grad():
        before = model(inputs)
        for name, parameter in model.named_parameters():
            if name.endswith("log_step"):
                parameter.add_(0.5)
        after = model(inputs)
    assert not torch.equal(before, after)
    torch.testing.assert_close(after, materialize(copy.deepcopy(model))(inputs))


def test_it_is_made_once_and_given_up_for_training(monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = net(), torch.randn(3, 12)
    use_implementation(model, "reconstructed")
    weights = [weight for weight in model.modules() if isinstance(weight, TuckerWeight)]
    calls = made(model, monkeypatch)
    with torch.no_grad():
        for _ in range(3):
            model(inputs)
    assert len(calls) == len(weights)
    for _ in range(2):  # with gradients, at each call
        model(inputs).sum().backward()
    assert len(calls) == 3 * len(weights)
    model.requires_grad_(False)
    for _ in range(3):  # nothing to train
        model(inputs)
    assert len(calls) == 4 * len(weights)
    model.train()
    assert all(weight._rest is None for weight in weights)


def test_inference_mode_and_gradients_of_the_input_go_together() -> None:
    model, inputs = net().requires_grad_(False), torch.randn(3, 12, requires_grad=True)
    with torch.inference_mode():
        expected = model(inputs)
    outputs = model(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    torch.testing.assert_close(outputs, expected)


def test_copies_and_files_hold_nothing_but_core_and_factors() -> None:
    model, inputs = net(), torch.randn(3, 12)
    torch.save(model.state_dict(), before := io.BytesIO())
    with torch.no_grad():
        model(inputs)
    torch.save(model.state_dict(), after := io.BytesIO())
    assert before.tell() == after.tell()
    for weight in copy.deepcopy(model).modules():
        assert getattr(weight, "_rest", None) is None


@pytest.mark.parametrize(
    ("make", "shape", "order"),
    [
        (lambda: nn.Linear(64, 48), (3, 64), 2),
        (lambda: nn.Linear(64, 48, bias=False), (2, 3, 64), 4),
        (lambda: nn.Conv2d(24, 32, 3, padding=1), (2, 24, 9, 9), 3),
        (lambda: nn.Conv1d(24, 32, 3, stride=2, padding_mode="circular", padding=1), (2, 24, 9), 3),
        (lambda: nn.Conv2d(24, 32, 1), (2, 24, 5, 5), 2),
    ],
)
@pytest.mark.parametrize("implementation", ["auto", "reconstructed", "factorized"])
def test_at_rest_the_values_are_those_of_training(
    make: Callable[[], nn.Module], shape: tuple[int, ...], order: int, implementation: str
) -> None:
    torch.manual_seed(0)
    layer, inputs = make().double().eval(), torch.randn(shape, dtype=torch.float64)
    compress_model(layer, 2, unit="ratio", criterion="balanced", order=order)
    use_implementation(layer, implementation)
    expected = layer(inputs).detach()
    with torch.no_grad():
        torch.testing.assert_close(layer(inputs), expected)
        torch.testing.assert_close(layer(inputs), expected)

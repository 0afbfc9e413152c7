"""A state dict brings a freshly built model to the same outputs, to the last bit, or says why not."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from tests.torch_bridge.odd_modules import Recurrent, Tied
from torch_bridge import attach_quantizers, compress_model, materialize, to_network
from torch_bridge.forward.implementation import use_implementation
from torch_bridge.quantization.qat import rate
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, to_bytes

Prepare = Callable[[nn.Module], object]


def dense(scale: float = 1.0, seed: int = 0, dtype: torch.dtype = torch.float32) -> Any:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(),
        nn.Linear(64, 32), nn.Linear(32, 20),
    )  # fmt: skip
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model.to(dtype)


def rounded(model: nn.Module) -> Any:
    attach_quantizers(model, 3.0)


def trained(model: nn.Module) -> Any:
    """A few steps of training with rounded numbers, which move levels, steps and statistics."""
    attach_quantizers(model, 3.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    dtype = next(model.parameters()).dtype
    for seed in range(3):
        inputs = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
        loss = model(inputs.to(dtype)).square().mean() + 1e-4 * rate(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


STAGES: dict[str, Prepare] = {
    "dense": lambda m: None,
    "compressed": lambda m: compress_model(m, 900),
    "from scratch": lambda m: compress_model(m, 900, init="scratch"),
    "shared core": lambda m: compress_model(m, 1_200, shared_core=True),
    "quantised": lambda m: (compress_model(m, 900), rounded(m)),
    "quantised, shared core": lambda m: (
        compress_model(m, 1_200, shared_core=True), rounded(m),
    ),
    "factorized": lambda m: (compress_model(m, 900), use_implementation(m, "factorized")),
    "quantised, factorized": lambda m: (
        compress_model(m, 900), rounded(m), use_implementation(m, "factorized"),
    ),
    "after training": lambda m: (compress_model(m, 900), trained(m)),
    "materialized": lambda m: (compress_model(m, 900), materialize(m)),
}  # fmt: skip


def by_torch(state: dict[str, Tensor]) -> dict[str, Tensor]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Tensor] = torch.load(file)
    return loaded


def by_safetensors(state: dict[str, Tensor]) -> dict[str, Tensor]:
    copies = {name: tensor.detach().clone() for name, tensor in state.items()}
    return load_safetensors(save_safetensors(copies))


@pytest.mark.parametrize("way", [by_torch, by_safetensors])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("stage", STAGES)
def test_a_round_trip_is_exact(stage: str, dtype: torch.dtype, way: Any) -> None:
    """The fresh model has other weights, and so other units of its levels."""
    inputs = torch.randn(4, 3, 4, 4).to(dtype)
    model, fresh = dense(dtype=dtype), dense(scale=3.7, seed=1, dtype=dtype)
    for net in (model, fresh):
        STAGES[stage](net)
        net.eval()
    assert not torch.equal(fresh(inputs), model(inputs))
    assert fresh.load_state_dict(way(model.state_dict())).missing_keys == []
    assert torch.equal(fresh(inputs), model(inputs))
    if "quantised" in stage or "training" in stage:
        assert to_bytes(to_network(fresh, "m")) == to_bytes(to_network(model, "m"))
        assert torch.equal(rate(fresh), rate(model))


@pytest.mark.parametrize("make", [Tied, lambda: Recurrent(nn.LSTM)])
def test_round_trips_of_tied_and_recurrent_weights(make: Callable[[], nn.Module]) -> None:
    models = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        models.append(make())
        compress_model(models[-1], 600)
        attach_quantizers(models[-1], 3.0)
    model, fresh = models
    fresh.load_state_dict(model.state_dict())
    inputs = torch.randint(40, (2, 5)) if isinstance(model, Tied) else torch.randn(2, 5, 20)
    assert torch.equal(fresh(inputs), model(inputs))


def test_the_unit_survives_a_change_of_precision_and_a_copy() -> None:
    model = dense(scale=1e-7)
    compress_model(model, 900)
    attach_quantizers(model, 3.0)
    units = [float(v) for k, v in model.state_dict().items() if k.endswith("_extra_state")]
    again = copy.deepcopy(model).half().float()
    assert units == [float(v) for k, v in again.state_dict().items() if k.endswith("_extra_state")]
    assert len(set(units)) == len(units) == 6


@pytest.mark.parametrize("strict", [True, False])
def test_levels_without_their_unit_are_refused(strict: bool) -> None:
    model = dense()
    compress_model(model, 900)
    attach_quantizers(model, 3.0)
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("_extra_state")}
    with pytest.raises(RuntimeError, match=r"_extra_state, the unit of the levels, is missing"):
        model.load_state_dict(state, strict=strict)


def test_state_dicts_of_earlier_versions_load() -> None:
    """They have core and factors, and nothing in the place of the dense weight."""
    model, fresh, inputs = dense().eval(), dense(seed=1).eval(), torch.randn(2, 3, 4, 4)
    for net in (model, fresh):
        compress_model(net, 900)
    state = {
        k: v for k, v in model.state_dict().items() if k not in ("0.weight", "4.weight", "5.weight")
    }
    assert len(state) == len(model.state_dict()) - 3
    fresh.load_state_dict(state)
    assert torch.equal(fresh(inputs), model(inputs))


@pytest.mark.parametrize("strict", [True, False])
def test_states_do_not_pass_between_dense_and_tucker_form_unseen(strict: bool) -> None:
    """With strict=False a loader leaves random weights where it knows no key; so do others."""
    model, plain = dense(), dense(seed=1)
    compress_model(model, 900)
    with pytest.raises(RuntimeError, match=r"size mismatch for 4.weight: copying a param"):
        plain.load_state_dict(model.state_dict(), strict=strict)
    with pytest.raises(RuntimeError, match=r"4.weight is dense and this layer is in Tucker form"):
        model.load_state_dict(plain.state_dict(), strict=strict)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_levels_are_not_taken_for_numbers_nor_numbers_for_levels(
    strict: bool, shared: bool
) -> None:
    exact, levels = dense(), dense(seed=1)
    for model in (exact, levels):
        compress_model(model, 1_200, shared_core=shared)
    rounded(levels)
    with pytest.raises(RuntimeError, match=r"4.*original0 is rounded in the state dict and not so"):
        exact.load_state_dict(levels.state_dict(), strict=strict)
    with pytest.raises(RuntimeError, match=r"4.*original0 is not rounded in the .* without quant"):
        levels.load_state_dict(exact.state_dict(), strict=strict)
    biases = {name: tensor for name, tensor in exact.state_dict().items() if name.endswith("bias")}
    levels.load_state_dict(biases, strict=False)


def test_core_and_factors_of_another_reshape_are_refused() -> None:
    """All shapes agree; only which mode is which does not."""
    nets = []
    for order in ((0, 1), (1, 0)):
        net = nn.Sequential(nn.Linear(24, 24))
        plan = LayerPlan("0.weight", ReshapePlan((24, 24), (24, 24), order), (4, 4))
        compress_model(net, NetworkPlan((plan,)))
        nets.append(net)
    with pytest.raises(RuntimeError, match=r"0.weight was compressed by another plan"):
        nets[0].load_state_dict(nets[1].state_dict(), strict=False)


def test_marks_are_gone_when_the_dense_weights_are_back() -> None:
    model = dense()
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    compress_model(model, 900)
    assert model.state_dict()["4.weight"].shape != shapes["4.weight"]
    materialize(model)
    assert {name: tensor.shape for name, tensor in model.state_dict().items()} == shapes
    dense(seed=1).load_state_dict(model.state_dict())


def test_a_root_that_is_a_layer_itself() -> None:
    layer, fresh = nn.Linear(30, 20), nn.Linear(30, 20)
    for net in (layer, fresh):
        compress_model(net, 200)
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(fresh.weight, layer.weight)
    np.testing.assert_array_equal(layer.state_dict()["weight"][:2], [20, 30])

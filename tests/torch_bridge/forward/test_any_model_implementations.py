"""Implementations: the same values and gradients, chosen by cost, and told by `profile_model`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from torch_bridge import attach_quantizers, compress_model, materialize, use_implementation
from torch_bridge.compression.profile import profile_model, profile_table
from torch_bridge.forward import at_rest
from torch_bridge.forward import implementation as switching
from torch_bridge.forward.conv import patterns_are_faster
from torch_bridge.forward.cost import CostModel
from torch_bridge.forward.modes import split_modes, works
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, plan_reshape

Dims = tuple[int, ...]
Case = tuple[Callable[[], nn.Module], Dims, Dims, Dims]
# layer, shape of its input (or how many rows to look up), dims, rank
CASES: dict[str, Case] = {
    "linear": (lambda: nn.Linear(60, 40), (2, 5, 60), (5, 8, 10, 6), (3, 4, 4, 3)),
    "linear, one mode full": (lambda: nn.Linear(60, 40), (3, 60), (5, 8, 10, 6), (5, 4, 4, 6)),
    "linear, mode by mode": (lambda: nn.Linear(512, 512), (3, 512), (8,) * 6, (2,) * 6),
    "linear without bias": (lambda: nn.Linear(60, 40, bias=False), (60,), (40, 60), (7, 9)),
    "embedding": (lambda: nn.Embedding(40, 60), (0,), (5, 8, 60), (3, 4, 9)),
    "conv1d": (lambda: nn.Conv1d(12, 20, 3, dilation=2), (2, 12, 9), (20, 12, 3), (6, 5, 2)),
    "conv2d": (lambda: nn.Conv2d(12, 20, 5), (2, 12, 9, 7), (4, 5, 12, 25), (2, 4, 5, 6)),
    "conv2d, strided": (
        lambda: nn.Conv2d(12, 20, (3, 5), stride=2, bias=False),
        (2, 12, 9, 7),
        (20, 12, 15),
        (6, 5, 4),
    ),
    "conv2d, padded by zeros": (
        lambda: nn.Conv2d(12, 20, 3, padding=2),
        (2, 12, 9, 7),
        (20, 12, 9),
        (6, 5, 4),
    ),
    "conv2d, same size": (
        lambda: nn.Conv2d(12, 20, 3, padding="same"),
        (2, 12, 9, 7),
        (20, 12, 9),
        (20, 5, 4),
    ),
    "conv2d, few patterns": (
        lambda: nn.Conv2d(60, 50, 3, padding=1),
        (2, 60, 9, 7),
        (50, 60, 9),
        (50, 60, 2),
    ),
    "conv2d, few patterns, strided, mixed": (
        lambda: nn.Conv2d(80, 60, (3, 5), padding=(2, 1), stride=(1, 2), dilation=2, bias=False),
        (80, 9, 12),
        (6, 10, 80, 3, 5),
        (5, 10, 70, 2, 1),
    ),
    "conv1d, one pattern": (
        lambda: nn.Conv1d(80, 60, 9, padding="same"),
        (2, 80, 12),
        (60, 80, 9),
        (50, 80, 1),
    ),
    "conv3d, few patterns": (
        lambda: nn.Conv3d(30, 40, 3),
        (2, 30, 5, 4, 6),
        (40, 30, 27),
        (30, 30, 3),
    ),
    "conv2d, reflecting": (
        lambda: nn.Conv2d(12, 20, 3, padding=1, padding_mode="reflect"),
        (2, 12, 9, 7),
        (20, 12, 9),
        (6, 12, 9),
    ),
    "conv2d, circular, no batch": (
        lambda: nn.Conv2d(12, 20, 3, padding=1, padding_mode="circular"),
        (12, 9, 7),
        (20, 12, 9),
        (6, 5, 4),
    ),
    "conv2d, inputs not apart": (lambda: nn.Conv2d(12, 20, 3), (2, 12, 9, 7), (20, 108), (6, 9)),
    "conv2d of one channel": (lambda: nn.Conv2d(1, 20, 5), (2, 1, 9, 7), (4, 5, 25), (3, 4, 6)),
    "conv2d 1 x 1": (lambda: nn.Conv2d(12, 20, 1), (2, 12, 9, 7), (20, 12), (6, 5)),
    "conv3d": (lambda: nn.Conv3d(6, 8, 3), (2, 6, 5, 4, 4), (8, 6, 3, 9), (4, 3, 2, 5)),
}


def tucker_layer(name: str) -> tuple[nn.Module, Tensor]:
    """Make a layer in Tucker form, in double precision, and an input for it."""
    make, inputs, dims, rank = CASES[name]
    torch.manual_seed(0)
    layer = make().double()
    shape = tuple(layer.weight.shape)  # type: ignore[arg-type]
    plan = LayerPlan("weight", ReshapePlan(shape, dims, tuple(range(len(shape)))), rank)
    compress_model(layer, NetworkPlan((plan,)))
    if isinstance(layer, nn.Embedding):
        return layer, torch.randint(40, (3, 4))
    return layer, torch.randn(inputs, dtype=torch.float64, requires_grad=True)


def gradients(layer: nn.Module, inputs: Tensor, output: Tensor) -> list[Tensor]:
    leaves = [*layer.parameters(), *([inputs] if inputs.requires_grad else [])]
    upstream = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).reshape(output.shape)
    return list(torch.autograd.grad(output, leaves, upstream))


@pytest.mark.parametrize("name", CASES)
def test_factorized_gives_the_values_and_gradients_of_rebuilt(name: str) -> None:
    layer, inputs = tucker_layer(name)
    use_implementation(layer, "reconstructed")
    expected = layer(inputs)
    calls: list[str] = []
    chain: Any = layer.parametrizations.weight  # type: ignore[union-attr]
    reconstruct = chain.forward

    def watched() -> Tensor:
        calls.append(name)
        return reconstruct()  # type: ignore[no-any-return]

    chain.forward = watched
    assert use_implementation(layer, "factorized") == {"weight": "factorized"}
    found = layer(inputs)
    assert not calls, "the weight was reconstructed"
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    pairs = zip(gradients(layer, inputs, found), gradients(layer, inputs, expected), strict=True)
    for own, other in pairs:
        torch.testing.assert_close(own, other, rtol=1e-10, atol=1e-12)
    use_implementation(layer, "reconstructed")
    assert torch.equal(layer(inputs), expected)
    assert calls


@pytest.mark.parametrize(
    ("layer", "reshape"),
    [
        (nn.Linear(60, 40), ReshapePlan((40, 60), (48, 50), (0, 1))),
        (nn.Linear(60, 40), ReshapePlan((40, 60), (60, 40), (1, 0))),
        (nn.Linear(11, 7), ReshapePlan((7, 11), (8, 12), (0, 1), padded=(8, 12))),
        (nn.Conv2d(4, 6, 3), ReshapePlan((6, 4, 3, 3), (24, 9), (0, 1, 2, 3))),
        (nn.Conv2d(12, 20, 3, groups=2), plan_reshape((20, 6, 3, 3))),
        (nn.ConvTranspose2d(12, 20, 3), plan_reshape((12, 20, 3, 3))),
        (nn.Linear(60, 1), plan_reshape((1, 60), 2)),
    ],
    ids=["mixed", "permuted", "padded", "merged", "groups", "transposed", "one output"],
)
def test_other_layers_stay_rebuilt(layer: nn.Module, reshape: ReshapePlan) -> None:
    assert split_modes(layer, reshape) is None
    if reshape.shape not in ((7, 11), (1, 60)):
        plan = LayerPlan("weight", reshape, tuple(max(1, dim // 4) for dim in reshape.dims))
        compress_model(layer, NetworkPlan((plan,)))
        assert use_implementation(layer, "factorized") == {"weight": "reconstructed"}


def net() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(12, 24, 3), nn.Flatten(), nn.Linear(96, 40))
    compress_model(model, 700)
    return model


def test_copies_choose_for_themselves_and_rounding_is_kept() -> None:
    model, inputs = net(), torch.randn(3, 12, 4, 4)
    attach_quantizers(model, 2.0)
    expected = model(inputs)
    twin = copy.deepcopy(model)
    assert set(use_implementation(twin, "factorized").values()) == {"factorized"}
    torch.testing.assert_close(twin(inputs), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(model(inputs), expected)
    assert type(materialize(twin)[2]) is nn.Linear  # type: ignore[index]


@pytest.mark.parametrize(
    ("costs", "implementation"),
    [(CostModel(1.0, 0.0, 0.0), "factorized"), (CostModel(0.0, 0.0, 1.0), "reconstructed")],
)  # fmt: skip
def test_auto_takes_the_form_that_costs_less(
    costs: CostModel, implementation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The factorized implementation has fewer FLOPs and more calls."""
    layer, inputs = nn.Linear(800, 500), torch.ones(2, 800)
    compress_model(layer, 2_000)
    taken: list[str] = []
    monkeypatch.setattr(switching, "stated_costs", lambda *_: costs)
    factorized = at_rest.factorized

    def watched(*parts: Any) -> Tensor:
        taken.append("factorized")
        return factorized(*parts)

    monkeypatch.setattr(switching, "factorized", watched)
    use_implementation(layer, "auto")
    layer(inputs)
    assert (taken or ["reconstructed"]) == [implementation]


def test_flops_of_a_convolution_by_hand() -> None:
    plan = LayerPlan("weight", plan_reshape((20, 12, 3, 3)), (6, 5, 9))
    assert plan.reshape.dims == (20, 12, 9)
    found = works(nn.Conv2d(12, 20, 3, padding=1, stride=2), plan, (2, 12, 8, 6))
    places_in, places_out = 2 * 8 * 6, 2 * 4 * 3
    assert found["dense"].flops == 2 * 20 * 12 * 9 * places_out
    mixing, inner, unmixing = 5 * 12 * places_in, 6 * 5 * 9 * places_out, 20 * 6 * places_out
    assert found["factorized"].flops == 2 * (mixing + inner + unmixing)


def test_flops_of_few_patterns_by_hand() -> None:
    plan = LayerPlan("weight", plan_reshape((64, 64, 3, 3)), (8, 8, 8, 8, 2))
    found = works(nn.Conv2d(64, 64, 3, padding=1), plan, (5, 64, 8, 8))
    assert found["factorized"].flops == 2 * 2 * 64 * (64 + 9) * 5 * 8 * 8


def test_few_patterns_are_taken_where_they_save_and_padding_allows() -> None:
    assert patterns_are_faster(nn.Conv2d(64, 64, 3, padding=1), 2, 64)
    assert not patterns_are_faster(nn.Conv2d(64, 64, 3, padding=1), 9, 64)
    assert not patterns_are_faster(nn.Conv2d(64, 64, 3, padding=1, stride=4), 2, 64)
    assert not patterns_are_faster(nn.Conv2d(64, 64, 3, padding=1, padding_mode="reflect"), 1, 64)


def test_refused() -> None:
    with pytest.raises(ValueError, match="implementation is 'fast'; one of"):
        use_implementation(net(), "fast")
    with pytest.raises(ValueError, match="has no Tucker weight"):
        use_implementation(nn.Linear(9, 9), "auto")


def test_profile_has_every_layer_and_form_and_leaves_the_model_alone() -> None:
    model: Any = nn.Sequential(net(), nn.LSTM(40, 16))
    compress_model(model, 400)
    profiles = profile_model(model, [torch.randn(3, 12, 4, 4)], seconds=0.0)
    assert {p.name: list(p.seconds) for p in profiles} == {
        "0.0.weight": ["dense", "reconstructed", "factorized"],
        "0.2.weight": ["dense", "reconstructed", "factorized"],
        "whole network": ["dense", "reconstructed", "factorized", "auto"],
    }
    assert profiles[-1].stored_bytes["dense"] > 4 * profiles[-1].stored_bytes["reconstructed"]
    assert profile_table(profiles).count("<-") == 3
    assert not any(hooks for m in model.modules() for hooks in [m._forward_pre_hooks])

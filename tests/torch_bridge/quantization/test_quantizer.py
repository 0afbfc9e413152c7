"""Learned steps and the price of bits: values, gradients, and what the coder really takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.torch_bridge.tiny_runs import small_net
from torch_bridge import attach_quantizers, build_model, compress_model, to_network
from torch_bridge.quantization.fake_quantizer import Quantizer
from torch_bridge.quantization.qat import overrun, quantized_tensors, rate
from torch_bridge.weights.sharing import share
from tucker_core import LayerPlan, NetworkPlan, coded_bits, plan_reshape


def laplace(spread: float, n: int = 4_000) -> torch.Tensor:
    """Levels drawn from a Laplace law."""
    return torch.tensor(np.random.default_rng(0).laplace(0, spread, n), dtype=torch.float64)


def quantizer(step: float = 1.0, spread: float = 1.0, zeros: float = -30.0) -> Quantizer:
    made = Quantizer(0.25).double()
    with torch.no_grad():
        made.log_step.fill_(np.log(step))
        made.log_spread.fill_(np.log(spread))
        made.zeros.fill_(zeros)
    return made


@pytest.mark.parametrize("step", [0.5, 1.0, 3.0])
def test_rounds_to_multiples_of_unit_times_step(step: float) -> None:
    levels = laplace(2.0, 50)
    made = quantizer(step)
    out = made(levels).detach()
    torch.testing.assert_close(out, torch.round(levels / step) * step * 0.25)
    torch.testing.assert_close(made.symbols(levels) * made.step(), out)


def test_gradient_passes_to_levels_and_reaches_the_step() -> None:
    levels = torch.tensor([0.3, 1.4, -2.2], dtype=torch.float64, requires_grad=True)
    made = quantizer()
    made(levels).sum().backward()
    torch.testing.assert_close(levels.grad, torch.full((3,), 0.25, dtype=torch.float64))
    rounding = float((torch.round(levels) - levels).detach().sum())
    assert float(made.log_step.grad) == pytest.approx(0.25 * rounding)  # type: ignore[arg-type]


@pytest.mark.parametrize("spread", [0.1, 1.0, 6.0])
def test_entropy_is_that_of_the_counted_integers(spread: float) -> None:
    levels = laplace(spread)
    counts = np.unique(np.round(levels.numpy() / 0.5), return_counts=True)[1]
    wanted = -(counts * np.log2(counts / counts.sum())).sum()
    assert quantizer(0.5).entropy(levels) == pytest.approx(wanted)


def test_price_expects_other_bits_than_the_integers_take() -> None:
    model = small_net("rounded")
    (first, levels), *_ = quantized_tensors(model)
    with torch.no_grad():
        levels.copy_(laplace(0.22, levels.numel()).view_as(levels))  # nine of ten round to zero
        first.log_spread.fill_(-1.0)
        first.zeros.fill_(2.0)
        assert first.entropy(levels) > 1.1 * first.bits(levels).item()
    counted = sum(made.entropy(part) for made, part in quantized_tensors(model))
    assert overrun(model) == pytest.approx(counted / rate(model).item())


@pytest.mark.parametrize("spread", [0.3, 1.0, 6.0])
def test_bits_are_the_logarithm_of_the_laws_mass(spread: float) -> None:
    """Against the law's distribution function, written out here."""

    def below(x: float) -> float:
        return float(0.5 * np.exp(x / spread) if x < 0 else 1 - 0.5 * np.exp(-x / spread))

    for level in (-7.3, -0.6, -0.2, 0.0, 0.49, 0.51, 2.5):
        bits = quantizer(spread=spread).bits(torch.tensor([level], dtype=torch.float64))
        assert bits.item() == pytest.approx(
            -np.log2(below(level + 0.5) - below(level - 0.5)), rel=1e-6
        )


def test_bits_have_the_gradient_of_finite_differences() -> None:
    levels = torch.tensor([0.1, 0.7, -1.9, 3.3], dtype=torch.float64, requires_grad=True)
    made = quantizer(step=0.8, zeros=-1.0)
    assert torch.autograd.gradcheck(made.bits, (levels,))


def test_narrow_law_makes_zeros_cheap_and_others_dear() -> None:
    few, many = quantizer(zeros=-3.0), quantizer(zeros=3.0)
    zero, two = torch.zeros(1, dtype=torch.float64), torch.full((1,), 2.0, dtype=torch.float64)
    assert many.bits(zero) < few.bits(zero)
    assert many.bits(two) > few.bits(two)


def test_rate_is_near_what_the_coder_takes() -> None:
    model = build_model("lenet5", seed=0)
    compress_model(model, 4_000, init="scratch")
    attach_quantizers(model, 2.0)
    taken = sum(
        b for name, b in coded_bits(to_network(model, "lenet5")).items() if "weight" in name
    )
    assert float(rate(model).detach()) == pytest.approx(taken, rel=0.08)


def test_shared_tensors_have_one_quantizer_and_are_priced_once() -> None:
    units = LayerPlan("fc1.weight", plan_reshape((300, 784), 4), (4, 4, 5, 5))
    after = LayerPlan("fc2.weight", plan_reshape((100, 300), 4), (3, 3, 4, 4))
    model = build_model("lenet300", seed=0)
    compress_model(model, NetworkPlan((units, after)), init="scratch")
    share(model, ("fc1.weight", 0), ("fc2.weight", 2))
    attach_quantizers(model, 2.0)
    pairs = list(quantized_tensors(model))
    assert len(pairs) == 5 + 5 - 1
    assert len({id(quantizer) for quantizer, _ in pairs}) == len({id(t) for _, t in pairs}) == 9
    priced = sum(float(q.bits(tensor).detach()) for q, tensor in pairs)
    assert float(rate(model).detach()) == pytest.approx(priced)


def test_quantizers_are_attached_once_only() -> None:
    model = small_net("rounded")
    with pytest.raises(ValueError, match="has quantizers already"):
        attach_quantizers(model, 2.0)


def test_rate_of_a_model_without_quantizers_is_zero() -> None:
    assert float(rate(nn.Linear(2, 2))) == 0

"""One pass over all tensors gives what a pass for each gives: bits, rounded tensors, and gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from tests.torch_bridge.tiny_runs import small_net
from torch_bridge import attach_quantizers, build_model, compress_model
from torch_bridge.quantization.fake_quantizer import Quantizer
from torch_bridge.quantization.flat_quantizers import FlatQuantizers
from torch_bridge.quantization.qat import quantized_tensors
from torch_bridge.weights.sharing import share
from tucker_core import LayerPlan, NetworkPlan, plan_reshape

Pairs = list[tuple[Quantizer, Tensor]]


@pytest.fixture(params=["kernel", "torch"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By tucker_core's kernel, and by the operations that a GPU or a compiler gets."""
    if request.param == "torch":
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)


def drawn(dtype: torch.dtype, huge: float = 1e6) -> Pairs:
    """Tensors of many sizes, with zeros and huge levels, extreme steps, spreads and fractions."""
    rng, pairs = np.random.default_rng(0), Pairs()
    for log_spread in (-8.0, -3.0, 0.0, 4.0, 9.0):
        for zeros in (-20.0, -2.0, 30.0):
            quantizer = Quantizer(float(rng.uniform(0.01, 2)))
            levels = rng.laplace(0, np.exp(rng.uniform(-1, 3)), (int(rng.integers(1, 40)), 3))
            levels[0] = 0.0, -0.3 * huge, huge
            with torch.no_grad():
                quantizer.log_step.fill_(float(rng.normal()))
                quantizer.log_spread.fill_(log_spread)
                quantizer.zeros.fill_(zeros)
            pairs.append((quantizer.to(dtype), torch.tensor(levels, dtype=dtype).requires_grad_()))
    return pairs


def exactly(pairs: Pairs) -> Pairs:
    """The same in double precision."""
    return [(copy.deepcopy(q).double(), t.detach().double().requires_grad_()) for q, t in pairs]


def slopes(pairs: Pairs) -> list[Tensor | None]:
    """What stands in every .grad."""
    return [t.grad for quantizer, levels in pairs for t in (levels, *quantizer.parameters())]


def assert_close(found: list[Tensor | None], wanted: list[Tensor | None], rtol: float) -> None:
    for own, other in zip(found, wanted, strict=True):
        assert (own is None) == (other is None)
        if own is not None and other is not None:
            scale = float(other.abs().max())
            torch.testing.assert_close(own.double(), other.double(), rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("either")
def test_bits_and_gradients_are_the_sums_over_tensors(dtype: torch.dtype) -> None:
    pairs = drawn(dtype)
    reference = exactly(pairs)
    wanted = torch.stack([quantizer.bits(levels) for quantizer, levels in reference]).sum()
    found = FlatQuantizers(pairs).bits()
    assert found.dtype == dtype
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)
    (0.5 * found).backward()  # type: ignore[no-untyped-call]
    (0.5 * wanted).backward()  # type: ignore[no-untyped-call]
    assert_close(slopes(pairs), slopes(reference), 1e-6 if dtype == torch.float64 else 4e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounded_tensors_are_the_same_bits_and_gradients_alike(dtype: torch.dtype) -> None:
    pairs = drawn(dtype, 1e2)
    one_by_one = [(copy.deepcopy(q), t.detach().clone().requires_grad_()) for q, t in pairs]
    wanted = [quantizer(levels) for quantizer, levels in one_by_one]
    with FlatQuantizers(pairs).rounded():
        found = [quantizer(levels) for quantizer, levels in pairs]
    generator = torch.Generator().manual_seed(0)
    upstream = [torch.randn(part.shape, generator=generator, dtype=dtype) for part in wanted]
    assert all(map(torch.equal, found, wanted))
    torch.autograd.backward(found, upstream)
    torch.autograd.backward(wanted, upstream)
    # the slope of a step is a difference of sums in either case, which costs digits
    assert_close(slopes(pairs), slopes(one_by_one), 1e-8 if dtype == torch.float64 else 1e-3)


def shared_net() -> nn.Module:
    """A LeNet-300 whose two layers have a factor in common."""
    units = LayerPlan("fc1.weight", plan_reshape((300, 784), 4), (4, 4, 5, 5))
    after = LayerPlan("fc2.weight", plan_reshape((100, 300), 4), (3, 3, 4, 4))
    model = build_model("lenet300", seed=0)
    compress_model(model, NetworkPlan((units, after)), init="scratch")
    share(model, ("fc1.weight", 0), ("fc2.weight", 2))
    attach_quantizers(model, 2.0)
    return model


def step(model: nn.Module, flat: bool, precision: torch.dtype) -> tuple[float, list[Tensor | None]]:
    """Loss and gradients of one step, with a rate term, rounded in one pass or tensor by tensor."""
    model.zero_grad()
    own = next(model.parameters()).dtype
    inputs = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(own)
    quantizers = FlatQuantizers(quantized_tensors(model))
    with quantizers.rounded() if flat else torch.enable_grad():
        bfloat16 = torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16)
        with bfloat16, parametrize.cached():
            outputs = model(inputs)
        loss = outputs.to(own).square().mean() + 1e-4 * quantizers.bits()
    loss.backward()
    return loss.item(), [p.grad for p in model.parameters()]


@pytest.mark.parametrize("precision", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("net", [shared_net, lambda: small_net("rounded")])
def test_a_step_is_the_same_step(net: Callable[[], nn.Module], precision: torch.dtype) -> None:
    model = net().double() if precision == torch.float64 else net()
    found, wanted = (step(model, flat, precision) for flat in (True, False))
    assert found[0] == pytest.approx(wanted[0], rel=1e-6)
    assert_close(found[1], wanted[1], 1e-9 if precision == torch.float64 else 1e-3)


def test_nothing_is_kept_for_later() -> None:
    model = small_net("rounded")
    pairs = list(quantized_tensors(model))
    flat = FlatQuantizers(pairs)
    with pytest.raises(KeyError), flat.rounded():
        raise KeyError("a forward pass that fails")
    with torch.no_grad():
        before = flat.bits().item()
        for quantizer, levels in pairs:
            levels.mul_(2)
            torch.testing.assert_close(
                quantizer(levels), quantizer.symbols(levels) * quantizer.step()
            )
        assert flat.bits().item() > before


def test_other_tensors_are_rounded_on_their_own() -> None:
    ((quantizer, levels), *_) = pairs = drawn(torch.float32)
    with FlatQuantizers(pairs).rounded():
        moved = levels.detach() + 5
        torch.testing.assert_close(quantizer(moved), quantizer.symbols(moved) * quantizer.step())


def test_half_precision_is_rounded_as_it_will_be_used() -> None:
    """In units and steps of bfloat16, which a vector in another precision would not have."""
    pairs = drawn(torch.bfloat16)
    wanted = [quantizer(levels) for quantizer, levels in pairs]
    flat = FlatQuantizers(pairs)
    with flat.rounded():
        assert all(torch.equal(q(t), own) for (q, t), own in zip(pairs, wanted, strict=True))
    assert flat.bits().dtype == torch.float32
    flat.bits().backward()  # type: ignore[no-untyped-call]
    assert all(own is not None and own.dtype == torch.bfloat16 for own in slopes(pairs))


def test_a_model_without_quantizers_costs_nothing() -> None:
    flat = FlatQuantizers(quantized_tensors(nn.Linear(2, 2)))
    with flat.rounded():
        assert flat.bits().item() == 0

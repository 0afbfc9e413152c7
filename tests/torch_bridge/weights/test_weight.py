"""The Tucker weight: values, gradients, memory, and every kind of layer it serves."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from tests.torch_bridge.tiny_runs import stored_parts
from torch_bridge import TuckerWeight, compress_model, tucker_product
from torch_bridge.weights import product as product_module
from torch_bridge.weights.product import _torch_product
from tucker_core import (
    LayerPlan,
    NetworkPlan,
    ReshapePlan,
    TuckerPlan,
    plan_reshape,
    tucker_to_tensor,
)

Dims = tuple[int, ...]
Parts = tuple[Tensor, list[Tensor | None]]

# (dims, rank); a mode of full rank has no factor.
CASES: list[tuple[Dims, Dims]] = [
    ((5,), (3,)),
    ((5,), (5,)),
    ((4, 6), (2, 3)),
    ((4, 6), (4, 3)),
    ((4, 6), (4, 6)),
    ((3, 4, 5), (2, 2, 2)),
    ((3, 4, 5), (3, 2, 5)),
    ((3, 4, 5), (3, 4, 5)),
    ((2, 3, 4, 3), (2, 2, 3, 1)),
    ((2, 3, 2, 3, 4), (1, 3, 2, 2, 3)),
]
cases = pytest.mark.parametrize(("dims", "rank"), CASES)


def draw_parts(dims: Dims, rank: Dims, dtype: torch.dtype = torch.float64) -> Parts:
    """Draw core and factors that want gradients; None where the mode is full."""
    generator = torch.Generator().manual_seed(len(dims))
    core = torch.randn(rank, generator=generator, dtype=dtype, requires_grad=True)
    factors = [
        None if i == j else torch.randn(i, j, generator=generator, dtype=dtype, requires_grad=True)
        for i, j in zip(dims, rank, strict=True)
    ]
    return core, factors


def leaves(parts: Parts) -> tuple[Tensor, ...]:
    """List core and existing factors."""
    return (parts[0], *(factor for factor in parts[1] if factor is not None))


def as_numpy(parts: Parts) -> Any:
    """Give core and factors as views for tucker_core."""
    core, factors = parts
    return core.detach().numpy(), [None if f is None else f.detach().numpy() for f in factors]


def gradients(product: Callable[..., Tensor], parts: Parts, upstream: Tensor) -> Sequence[Tensor]:
    """Differentiate a product by core and factors."""
    return torch.autograd.grad(product(*parts), leaves(parts), upstream)


@cases
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_value_and_dtype_are_those_of_tucker_core(
    dims: Dims, rank: Dims, dtype: torch.dtype
) -> None:
    parts = draw_parts(dims, rank, dtype)
    result = tucker_product(*parts)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result.detach().numpy(), tucker_to_tensor(as_numpy(parts)))


@cases
def test_gradient_equals_autograd_of_the_torch_chain(dims: Dims, rank: Dims) -> None:
    parts = draw_parts(dims, rank)
    upstream = torch.randn(dims, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    ours = gradients(tucker_product, parts, upstream)
    theirs = gradients(product_module._torch_product, parts, upstream)
    for own, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-12, atol=1e-12)


@cases
def test_gradcheck(dims: Dims, rank: Dims) -> None:
    core, factors = draw_parts(dims, rank)
    inputs: tuple[Any, ...] = (core, *factors)
    assert torch.autograd.gradcheck(lambda c, *f: tucker_product(c, f), inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numpy_works_on_torchs_own_memory(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = draw_parts((3, 4, 5), (3, 2, 2), dtype)
    seen: list[Any] = []
    product = TuckerPlan.product_and_saved

    def watched(plan: TuckerPlan, core: Any, factors: Any) -> Any:
        full, saved = product(plan, core, factors)
        seen.extend([core, *(f for f in factors if f is not None), full])
        return full, saved

    monkeypatch.setattr(TuckerPlan, "product_and_saved", watched)
    result = tucker_product(*parts)
    for array, tensor in zip(seen, [*leaves(parts), result], strict=True):
        assert np.shares_memory(array, tensor.detach().numpy())
        assert torch.from_numpy(array).dtype == dtype


def test_a_graph_that_is_kept_can_be_walked_twice() -> None:
    parts = draw_parts((3, 4, 5), (3, 2, 2))
    loss = tucker_product(*parts).square().sum()
    first = torch.autograd.grad(loss, leaves(parts), retain_graph=True)
    tucker_product(*parts)  # another product of the same shape in between
    for one, other in zip(first, torch.autograd.grad(loss, leaves(parts)), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    "turn",
    [
        lambda w: w.permute(2, 0, 1),
        lambda w: w[:, ::2],
        lambda w: w.sum(0, keepdim=True).expand_as(w),
        lambda w: w.mean(),
    ],
    ids=["permuted", "strided", "expanded", "mean"],
)
def test_upstream_gradients_that_are_not_contiguous(turn: Callable[[Tensor], Tensor]) -> None:
    parts = draw_parts((3, 4, 5), (3, 2, 2))
    results = []
    for product in (tucker_product, product_module._torch_product):
        loss = turn(product(*parts)).square().sum()
        results.append(torch.autograd.grad(loss, leaves(parts)))
    for own, expected in zip(*results, strict=True):
        torch.testing.assert_close(own, expected)


def test_core_and_factors_that_are_not_contiguous() -> None:
    core, factor = torch.randn(2, 3).T, torch.randn(2, 4).T
    expected = torch.einsum("ij,kj->ik", core, factor)
    torch.testing.assert_close(tucker_product(core, [None, factor]), expected)


def test_gradients_of_two_full_weights_do_not_share_memory() -> None:
    """Clipping in place would otherwise change both, and so count twice."""
    first, second = (torch.ones(2, 3, requires_grad=True) for _ in range(2))
    total = tucker_product(first, [None, None]) + tucker_product(second, [None, None])
    (total * torch.randn(2, 3)).sum().backward()  # type: ignore[no-untyped-call]
    assert first.grad is not None
    assert second.grad is not None
    assert first.grad.data_ptr() != second.grad.data_ptr()


def test_second_derivatives_are_those_of_torch() -> None:
    core, factors = draw_parts((4, 6), (4, 3))
    parts = [core, *(factor for factor in factors if factor is not None)]
    slopes = torch.autograd.grad(
        tucker_product(core, factors).pow(3).sum(), parts, create_graph=True
    )
    found = torch.autograd.grad(slopes[0].square().sum() + core.sum(), parts)
    slopes = torch.autograd.grad(
        _torch_product(core, factors).pow(3).sum(), parts, create_graph=True
    )
    expected = torch.autograd.grad(slopes[0].square().sum() + core.sum(), parts)
    torch.testing.assert_close(found, expected)


def tucker_linear(plan: ReshapePlan, rank: Dims) -> tuple[nn.Linear, Tensor]:
    """Make a Linear layer with a Tucker weight; gives it and its weight from before."""
    torch.manual_seed(0)
    layer = nn.Linear(plan.shape[1], plan.shape[0])
    before = layer.weight.detach().clone()
    parametrize.register_parametrization(layer, "weight", TuckerWeight(LayerPlan("w", plan, rank)))
    return layer, before


@pytest.mark.parametrize("shape", [(12, 20), (20, 12), (7, 1), (30, 30)])
def test_right_inverse_at_full_rank_reproduces_the_weight(shape: Dims) -> None:
    plan = plan_reshape(shape, 3)
    layer, before = tucker_linear(plan, plan.dims)
    torch.testing.assert_close(layer.weight.detach(), before, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("dims", "permutation"), [((6, 4, 5), (1, 0)), ((5, 4, 6), (0, 1)), ((10, 12), (1, 0))]
)
def test_permuted_reshape_equals_undo(dims: Dims, permutation: Dims) -> None:
    plan = ReshapePlan((20, 6), dims, permutation)
    layer, _ = tucker_linear(plan, (3,) * len(dims))
    weight: Any = layer.parametrizations.weight[0]  # type: ignore[union-attr, index]
    core, *factors = stored_parts(layer)
    tensor = tucker_to_tensor(as_numpy((core, weight.with_gaps(factors))))
    np.testing.assert_array_equal(layer.weight.detach().numpy(), plan.undo(tensor))


def test_permuted_reshape_at_full_rank_reproduces_the_weight() -> None:
    layer, before = tucker_linear(ReshapePlan((20, 6), (6, 4, 5), (1, 0)), (6, 4, 5))
    torch.testing.assert_close(layer.weight.detach(), before, rtol=0, atol=1e-5)


LAYERS: dict[str, tuple[Callable[[], nn.Module], Dims]] = {
    "linear": (lambda: nn.Linear(20, 30), (3, 20)),
    "linear without bias": (lambda: nn.Linear(30, 12, bias=False), (2, 3, 30)),
    "conv1d": (lambda: nn.Conv1d(6, 8, 3, stride=2, padding=1), (2, 6, 11)),
    "conv1d dilated": (lambda: nn.Conv1d(6, 8, 3, dilation=2, bias=False), (2, 6, 11)),
    "conv2d": (lambda: nn.Conv2d(4, 6, 5), (2, 4, 9, 8)),
    "conv2d strided": (lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=2), (2, 4, 9, 8)),
    "conv2d grouped": (lambda: nn.Conv2d(4, 8, 3, groups=2, padding="same"), (2, 4, 9, 8)),
    "conv2d reflecting": (lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), (2, 4, 6, 6)),
    "conv2d dilated": (lambda: nn.Conv2d(4, 6, 3, dilation=2, bias=False), (2, 4, 9, 8)),
    "conv3d": (lambda: nn.Conv3d(3, 4, 2, stride=2, padding=1), (2, 3, 5, 4, 4)),
    "embedding": (lambda: nn.Embedding(40, 12), (2, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layer_computes_with_the_rebuilt_weight(name: str) -> None:
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    layer = make()
    plain: Any = copy.deepcopy(layer)
    plan = compress_model(layer, 250).plan.layers[0]
    inputs: Tensor = torch.randint(40, shape) if name == "embedding" else torch.randn(shape)
    weight: Any = layer.parametrizations.weight[0]  # type: ignore[union-attr, index]
    core, *factors = stored_parts(layer)
    reconstructed = plan.reshape.undo(tucker_to_tensor(as_numpy((core, weight.with_gaps(factors)))))
    plain.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(reconstructed)))
    torch.testing.assert_close(layer(inputs), plain(inputs))
    layer(inputs).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in layer.parameters())


def test_state_dict_round_trip() -> None:
    plan = plan_reshape((20, 30))
    layer, _ = tucker_linear(plan, (2,) * len(plan.dims))
    other, _ = tucker_linear(plan, (2,) * len(plan.dims))
    for part in stored_parts(layer):
        nn.init.normal_(part)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.weight, layer.weight)
    assert not any(name == "weight" for name in layer.state_dict())


def test_weight_stays_float32_under_autocast() -> None:
    layer, _ = tucker_linear(plan_reshape((20, 30)), (20, 5))
    inputs = torch.randn(4, 30)
    expected = layer(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.weight.dtype == torch.float32
        found = layer(inputs)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05)
    found.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in layer.parameters())


def test_layer_of_another_dtype_keeps_it() -> None:
    for dtype in (torch.float64, torch.bfloat16):
        layer = nn.Linear(20, 30, dtype=dtype)
        compress_model(layer, 200)
        assert layer(torch.randn(2, 20, dtype=dtype)).dtype == dtype


@pytest.mark.gpu
@cases
def test_cuda_equals_cpu(dims: Dims, rank: Dims) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    parts = draw_parts(dims, rank)
    there: Parts = (
        parts[0].detach().cuda().requires_grad_(),
        [None if f is None else f.detach().cuda().requires_grad_() for f in parts[1]],
    )
    torch.testing.assert_close(tucker_product(*there).cpu(), tucker_product(*parts))
    upstream = torch.randn(dims, dtype=torch.float64)
    ours = gradients(tucker_product, parts, upstream)
    theirs = gradients(tucker_product, there, upstream.cuda())
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(other.cpu(), own)


@pytest.mark.gpu
def test_cuda_layer_equals_cpu_layer() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    plan = plan_reshape((20, 30))
    layer = nn.Linear(30, 20).cuda()
    compress_model(layer, NetworkPlan((LayerPlan("weight", plan, plan.dims),)))
    on_gpu = layer(torch.ones(2, 30, device="cuda")).cpu()
    torch.testing.assert_close(layer.cpu()(torch.ones(2, 30)), on_gpu, rtol=1e-4, atol=1e-4)

"""Which weights the kernels reconstruct, and which are left to torch's matrix products."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from torch_bridge import tucker_product
from torch_bridge.weights import product as weight_module
from torch_bridge.weights.product import kernels_are_faster
from tucker_core import TuckerPlan, tucker_to_tensor


@pytest.mark.parametrize(
    ("dims", "rank"), [((300, 400), (30, 30)), ((400, 300), (7, 300)), ((60, 50, 40), (30, 3, 3))]
)
def test_large_tensors_of_few_modes_are_torchs_work(
    dims: tuple[int, ...], rank: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_module, "_CoreProduct", None)  # its use would be an error
    core = torch.randn(rank)
    factors = [None if i == j else torch.randn(i, j) for i, j in zip(dims, rank, strict=True)]
    with torch.autocast("cpu", torch.bfloat16):  # which weights are kept out of
        result = tucker_product(core, factors)
    arrays = [None if factor is None else factor.numpy() for factor in factors]
    expected = tucker_to_tensor((core.numpy(), arrays))
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("dims", "rank"),
    [((300, 400), (24, 24)), ((40, 50), (30, 30)), ((25, 20, 25, 32), (12, 12, 12, 30))],
)
def test_kernels_have_the_rest(dims: tuple[int, ...], rank: tuple[int, ...]) -> None:
    plan = TuckerPlan(dims, rank)
    assert kernels_are_faster(plan) == plan.is_compiled


def test_gradients_of_two_full_weights_do_not_share_memory_through_views() -> None:
    first, second = (torch.ones(2, 3, requires_grad=True) for _ in range(2))
    weights = [tucker_product(core, [None, None]).reshape(6) for core in (first, second)]
    (sum(weights) * torch.randn(6)).sum().backward()  # type: ignore[no-untyped-call]
    assert first.grad is not None
    assert second.grad is not None
    assert first.grad.data_ptr() != second.grad.data_ptr()

"""Which weights the kernels rebuild, and which are left to torch's matrix products."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from torch_bridge import tucker_product
from torch_bridge import weight as weight_module
from torch_bridge.weight import kernels_are_faster
from tucker_core import TuckerPlan, tucker_to_tensor


@pytest.mark.parametrize(
    ("dims", "rank"), [((300, 400), (30, 30)), ((400, 300), (7, 300)), ((60, 50, 40), (30, 3, 3))]
)
def test_large_tensors_of_few_modes_are_torchs_work(
    dims: tuple[int, ...], rank: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_module, "_CoreProduct", None)  # its use would be an error
    core = torch.randn(rank, dtype=torch.float64)
    factors = [
        None if i == j else torch.randn(i, j, dtype=torch.float64)
        for i, j in zip(dims, rank, strict=True)
    ]
    with torch.autocast("cpu", torch.bfloat16):
        result = tucker_product(core, factors)
    arrays = [None if factor is None else factor.numpy() for factor in factors]
    np.testing.assert_allclose(result, tucker_to_tensor((core.numpy(), arrays)), atol=1e-9)


@pytest.mark.parametrize(
    ("dims", "rank"),
    [((300, 400), (24, 24)), ((40, 50), (30, 30)), ((25, 20, 25, 32), (12, 12, 12, 30))],
)
def test_kernels_have_the_rest(dims: tuple[int, ...], rank: tuple[int, ...]) -> None:
    plan = TuckerPlan(dims, rank)
    assert kernels_are_faster(plan) == plan.is_compiled

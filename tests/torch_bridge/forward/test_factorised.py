"""The factorized linear layer: equal to reconstructing the weight, in value and in every gradient."""

import pytest
import torch

from torch_bridge.forward.linear import factorized_linear
from torch_bridge.weights.product import tucker_product

DIMS, RANK = (4, 5, 6, 3), (2, 3, 6, 2)


@pytest.mark.parametrize("out_modes", [1, 2, 3])
def test_it_equals_the_layer_with_the_weight_rebuilt(out_modes: int) -> None:
    torch.manual_seed(0)
    core = torch.randn(RANK, dtype=torch.float64, requires_grad=True)
    factors = [
        None if i == j else torch.randn(i, j, dtype=torch.float64, requires_grad=True)
        for i, j in zip(DIMS, RANK, strict=True)
    ]
    outputs = torch.tensor(DIMS[:out_modes]).prod().item()
    inputs = torch.randn(2, 7, 360 // int(outputs), dtype=torch.float64, requires_grad=True)
    bias = torch.randn(int(outputs), dtype=torch.float64, requires_grad=True)
    weight = tucker_product(core, factors).reshape(int(outputs), -1)
    expected = torch.nn.functional.linear(inputs, weight, bias)
    found = factorized_linear(inputs, core, factors, out_modes, bias)
    torch.testing.assert_close(found, expected)
    leaves = [inputs, core, *(f for f in factors if f is not None), bias]
    upstream = torch.randn_like(found)
    for own, other in zip(
        torch.autograd.grad(found, leaves, upstream),
        torch.autograd.grad(expected, leaves, upstream),
        strict=True,
    ):
        torch.testing.assert_close(own, other)


def test_what_does_not_fit_is_named() -> None:
    core = torch.ones(2, 3)
    with pytest.raises(ValueError, match=r"out_modes is 2.*1 to 1"):
        factorized_linear(torch.ones(1, 3), core, [None, None], 2)
    with pytest.raises(ValueError, match=r"length 4.*make up 3"):
        factorized_linear(torch.ones(1, 4), core, [None, None], 1)

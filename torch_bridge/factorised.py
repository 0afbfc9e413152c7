"""A linear layer that never rebuilds its weight: the input is contracted with the factors instead.

With the weight's reshape keeping output modes 1, ..., S and input modes S + 1, ..., N apart,

    y = x W^T = ((x P) C^T) Q^T,    P = M_(S+1) kron ... kron M_N,    Q = M_1 kron ... kron M_S

and C as a matrix (J_1 ... J_S, J_(S+1) ... J_N). For a batch of B this costs 2 B (prod of in dims
times in ranks + prod of out dims times out ranks + size of C) FLOPs instead of 2 B (in x out):
with small ranks far fewer. The Kronecker products are as small as the layer is narrow, and make
three matrix products of good shape out of a chain of thin ones.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def factorised_linear(
    inputs: Tensor,
    core: Tensor,
    factors: Sequence[Tensor | None],
    out_modes: int,
    bias: Tensor | None = None,
) -> Tensor:
    """Apply a linear layer whose weight is in Tucker format, without rebuilding the weight.

    Parameters
    ----------
    inputs : tensor of shape (..., product of the last N - S dims)
    core : tensor of shape (J_1, ..., J_N)
    factors : per mode a tensor (I_n, J_n), or None for the identity
    out_modes : S, how many of the first modes make up the outputs; 1 to N - 1
    bias : tensor of shape (product of the first S dims,)

    Returns
    -------
    tensor of shape (..., product of the first S dims), differentiable by everything

    Raises
    ------
    ValueError
        If out_modes leaves no mode on one side, or the inputs have another length than the input modes.

    Examples
    --------
    >>> core, factors = torch.ones(2, 3), [torch.ones(4, 2), None]
    >>> factorised_linear(torch.ones(1, 3), core, factors, 1)
    tensor([[6., 6., 6., 6.]])
    """
    if not 1 <= out_modes < core.dim():
        raise ValueError(
            f"out_modes is {out_modes}; a core of order {core.dim()} allows 1 to {core.dim() - 1}"
        )
    matrices = [
        torch.eye(rank, dtype=core.dtype, device=core.device) if factor is None else factor
        for rank, factor in zip(core.shape, factors, strict=True)
    ]
    into, out_of = _kronecker(matrices[out_modes:]), _kronecker(matrices[:out_modes])
    if inputs.shape[-1] != len(into):
        raise ValueError(
            f"inputs have length {inputs.shape[-1]}; the input modes {out_modes} to {core.dim() - 1} "
            f"make up {len(into)}"
        )
    hidden = inputs @ into @ core.reshape(out_of.shape[1], into.shape[1]).T
    return torch.nn.functional.linear(hidden, out_of, bias)


def _kronecker(matrices: Sequence[Tensor]) -> Tensor:
    """The Kronecker product of some matrices, the last index moving fastest."""
    product = matrices[0]
    for matrix in matrices[1:]:
        shape = len(product) * len(matrix), product.shape[1] * matrix.shape[1]
        product = torch.einsum("ij,kl->ikjl", product, matrix).reshape(shape)
    return product

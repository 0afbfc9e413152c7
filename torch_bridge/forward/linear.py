"""Layers that never reconstruct their weight: the input is contracted with the factors instead.

With the weight's reshape keeping output modes 1, ..., S and input modes S + 1, ..., N apart,

    y = x W^T = ((x P) C^T) Q^T,    P = M_(S+1) kron ... kron M_N,    Q = M_1 kron ... kron M_S

and C as a matrix (J_1 ... J_S, J_(S+1) ... J_N). A side is multiplied in one of two ways:

- by its Kronecker product, one matrix product of good shape: best for narrow layers;
- mode by mode, which takes prod(I) J_1 + ... multiplications instead of prod(I) prod(J). Each step is one
  plain matrix product, and its mode moves from one end of the tensor to the other.

A look-up in a table (an embedding) needs only the rows of Q that are asked for.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_THIN = 4  # a thin product of a mode takes about so many times longer per FLOP than a full one


def factorized_linear(
    inputs: Tensor,
    core: Tensor,
    factors: Sequence[Tensor | None],
    out_modes: int,
    bias: Tensor | None = None,
) -> Tensor:
    """Apply a linear layer whose weight is in Tucker format, without reconstructing the weight.

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
    >>> factorized_linear(torch.ones(1, 3), core, factors, 1)
    tensor([[6., 6., 6., 6.]])
    """
    _check_out_modes(core, out_modes)
    dims = [r if f is None else len(f) for r, f in zip(core.shape, factors, strict=True)]
    if inputs.shape[-1] != math.prod(dims[out_modes:]):
        raise ValueError(
            f"inputs have length {inputs.shape[-1]}; the input modes {out_modes} to {core.dim() - 1} "
            f"make up {math.prod(dims[out_modes:])}"
        )
    rows = inputs.reshape(-1, inputs.shape[-1])
    hidden = _contracted(rows, core.shape[out_modes:], factors[out_modes:])  # (J_in, rows)
    matrix = core.reshape(-1, len(hidden))  # (J_out, J_in)
    outputs = _expanded(matrix @ hidden, core.shape[:out_modes], factors[:out_modes])
    outputs = outputs if bias is None else outputs + bias
    return outputs.reshape(*inputs.shape[:-1], outputs.shape[-1])


def factorized_rows(
    indices: Tensor, core: Tensor, factors: Sequence[Tensor | None], out_modes: int
) -> Tensor:
    """Look up rows of a table in Tucker format, without reconstructing the table.

    Parameters
    ----------
    indices : integers of any shape, rows of the table
    core : tensor of shape (J_1, ..., J_N)
    factors : per mode a tensor (I_n, J_n), or None for the identity
    out_modes : S, how many of the first modes make up the rows

    Returns
    -------
    tensor of shape (*indices.shape, product of the last N - S dims)

    Raises
    ------
    ValueError
        If out_modes leaves no mode on one side.

    Examples
    --------
    >>> core, factors = torch.arange(6.0).reshape(2, 3), [None, None]
    >>> factorized_rows(torch.tensor([1]), core, factors, 1)
    tensor([[3., 4., 5.]])
    """
    _check_out_modes(core, out_modes)
    matrices = _matrices(core.shape, factors, core)
    dims = [len(matrix) for matrix in matrices[:out_modes]]
    flat = indices.reshape(-1)
    places = torch.unravel_index(flat, dims)
    rows = flat.new_ones((flat.shape[0], 1)).to(core.dtype)
    for matrix, place in zip(matrices, places, strict=False):
        rows = (rows[:, :, None] * matrix[place][:, None, :]).flatten(1)  # (rows, J_1 ... J_n)
    hidden = (rows @ core.reshape(rows.shape[1], -1)).T  # (J_in, rows)
    inner, inputs = core.shape[out_modes:], factors[out_modes:]
    tensor = _expanded(hidden, inner, inputs)
    return tensor.reshape(*indices.shape, tensor.shape[-1])


def flops_of_side(rank: Sequence[int], dims: Sequence[int], rows: int) -> tuple[float, bool]:
    """Cost of multiplying one side's factors onto so many rows, and whether mode by mode.

    In FLOPs of a full matrix product; a mode whose rank is its dim has no factor.

    Examples
    --------
    >>> flops_of_side((8, 8, 8), (16, 16, 16), 1)[1], flops_of_side((2, 2), (4, 4), 256)[1]
    (True, False)
    """
    kronecker, width, height = 0.0, 1, 1
    for r, dim in zip(rank, dims, strict=True):
        width, height = width * r, height * dim
        kronecker += 2.0 * width * height
    kronecker += 2.0 * rows * width * height
    chain, left = 0.0, list(dims)
    for n in reversed(range(len(dims))):
        if rank[n] < dims[n]:
            chain += 2.0 * rows * math.prod(left) * rank[n]
            left[n] = rank[n]
    by_modes = len(rank) > 1 and _THIN * chain < kronecker
    return (_THIN * chain if by_modes else kronecker), by_modes


def kronecker_product(matrices: Sequence[Tensor]) -> Tensor:
    """The Kronecker product of some matrices, the last index moving fastest.

    Examples
    --------
    >>> kronecker_product([torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0], [3.0]])])
    tensor([[1., 2.],
            [3., 6.]])
    """
    product = matrices[0]
    for matrix in matrices[1:]:
        shape = len(product) * len(matrix), product.shape[1] * matrix.shape[1]
        product = torch.einsum("ij,kl->ikjl", product, matrix).reshape(shape)
    return product


def side_matrix(
    rank: Sequence[int], factors: Sequence[Tensor | None], like: Tensor
) -> Tensor | None:
    """Kronecker product of some modes' factors; None if none of them has one."""
    if all(factor is None for factor in factors):
        return None
    return kronecker_product(_matrices(rank, factors, like))


def _contracted(rows: Tensor, rank: Sequence[int], factors: Sequence[Tensor | None]) -> Tensor:
    """Rows (rows, I_1 ... I_S) times all factors, transposed: (J_1 ... J_S, rows)."""
    if not _by_modes(rank, factors, rows.shape[0]):
        matrix = side_matrix(rank, factors, rows)
        return rows.T if matrix is None else matrix.T @ rows.T
    tensor, count = rows, rows.shape[0]
    for r, factor in zip(reversed(rank), reversed(factors), strict=True):
        before = tensor.reshape(-1, r if factor is None else len(factor))  # (all else, I_n)
        # A transposed factor of few columns sends BLAS a slow way: (16, 5) takes 526 us, its copy 36.
        tensor = before.T if factor is None else factor.T.contiguous() @ before.T
    return tensor.reshape(-1, count)


def _expanded(hidden: Tensor, rank: Sequence[int], factors: Sequence[Tensor | None]) -> Tensor:
    """Columns (J_1 ... J_S, rows) times all factors, transposed: (rows, I_1 ... I_S)."""
    if not _by_modes(rank, factors, hidden.shape[1]):
        matrix = side_matrix(rank, factors, hidden)
        return hidden.T if matrix is None else hidden.T @ matrix.T
    tensor, count = hidden, hidden.shape[1]
    for r, factor in zip(rank, factors, strict=True):
        before = tensor.reshape(r, -1)  # (J_n, all else)
        tensor = before.T if factor is None else before.T @ factor.T
    return tensor.reshape(count, -1)


def _by_modes(rank: Sequence[int], factors: Sequence[Tensor | None], rows: int) -> bool:
    """The better way for so many rows; for one, where a compiler leaves their number free."""
    if not isinstance(rows, int):
        rows = 1
    dims = [r if factor is None else len(factor) for r, factor in zip(rank, factors, strict=True)]
    return flops_of_side(rank, dims, rows)[1]


def _matrices(rank: Sequence[int], factors: Sequence[Tensor | None], like: Tensor) -> list[Tensor]:
    """One matrix per mode, the identity where there is no factor."""
    return [
        torch.eye(r, dtype=like.dtype, device=like.device) if factor is None else factor
        for r, factor in zip(rank, factors, strict=True)
    ]


def _check_out_modes(core: Tensor, out_modes: int) -> None:
    if not 1 <= out_modes < core.dim():
        raise ValueError(
            f"out_modes is {out_modes}; a core of order {core.dim()} allows 1 to {core.dim() - 1}"
        )

"""What a Tucker weight costs: numbers stored, bytes and floating-point operations, as formulas.

A layer of dims (I_1, ..., I_N) and rank (J_1, ..., J_N) stores prod(J_n) + sum(I_n J_n) numbers; a
mode of full rank, J_n = I_n, needs no factor and adds nothing to the sum. FLOPs count 2 per
multiply-add. Source: ADA-Tucker, section on complexity; the full-rank rule is ours.
"""

import math
from collections.abc import Sequence

from tucker_core.checks import check_rank

BYTES_PER_FLOAT32 = 4


def tucker_params(dims: Sequence[int], rank: Sequence[int]) -> int:
    """Count the numbers that a Tucker tensor of these dims (I_1, ..., I_N) and this rank stores.

    Raises
    ------
    ValueError
        If a rank is below 1 or above its dimension.

    Examples
    --------
    >>> tucker_params((20, 25, 50, 16), (6, 6, 7, 5))
    1960
    >>> tucker_params((20, 25), (20, 6))  # the first mode is full: no factor there
    270
    """
    ranks = check_rank(dims, rank)
    return math.prod(ranks) + sum(i * j for i, j in zip(dims, ranks, strict=True) if j < i)


def shared_core_params(all_dims: Sequence[Sequence[int]], rank: Sequence[int]) -> int:
    """Count the numbers of one core of shape `rank` and of the matrices of all tensors that share it.

    Every tensor has a matrix (I_n, J_n) in every mode: a full or even wider one (J_n > I_n) too, because
    the core is not its own.

    Raises
    ------
    ValueError
        If there is not one rank >= 1 for every mode of every tensor.

    Examples
    --------
    >>> shared_core_params([(20, 25), (10, 50)], (5, 6))  # 30 + 20*5 + 25*6 + 10*5 + 50*6
    630
    """
    for dims in all_dims:
        if len(dims) != len(rank) or min(rank) < 1:
            raise ValueError(
                f"rank is {tuple(rank)}; one rank >= 1 for each mode of dims {tuple(dims)} is needed"
            )
    matrices = (i * j for dims in all_dims for i, j in zip(dims, rank, strict=True))
    return math.prod(rank) + sum(matrices)


def tucker_bytes(dims: Sequence[int], rank: Sequence[int], bits: float = 32) -> float:
    """Count the bytes of those numbers at so many bits each, without header or scales.

    Examples
    --------
    >>> tucker_bytes((20, 25, 50, 16), (6, 6, 7, 5), bits=4)
    980.0
    """
    if not bits > 0:
        raise ValueError(f"bits is {bits}; a positive number of bits per number is needed")
    return tucker_params(dims, rank) * bits / 8


def dense_flops(shape: Sequence[int], positions: int = 1) -> int:
    """Count the FLOPs of a dense layer for one input, without the bias.

    Parameters
    ----------
    shape : shape of the weight, (out, in) or (out, in, height, width)
    positions : at how many places a convolution applies it; 1 for a linear layer

    Examples
    --------
    >>> dense_flops((500, 800))
    800000
    >>> dense_flops((20, 1, 5, 5), positions=24 * 24)
    576000
    """
    return 2 * math.prod(shape) * positions


def reconstruct_flops(dims: Sequence[int], rank: Sequence[int]) -> int:
    """Count the FLOPs of `tucker_to_tensor`, which expands the last mode first.

    Examples
    --------
    >>> reconstruct_flops((4, 5), (2, 3))  # (2, 3) -> (2, 5) -> (4, 5)
    140
    """
    ranks = list(check_rank(dims, rank))
    flops = 0
    for n in range(len(ranks) - 1, -1, -1):
        if ranks[n] == dims[n]:
            continue
        flops += 2 * math.prod(ranks) * dims[n]
        ranks[n] = dims[n]
    return flops


def gradient_flops(dims: Sequence[int], rank: Sequence[int]) -> int:
    """Count the FLOPs of `tucker_gradient`.

    That is the chain forward without its last step, and then two products a mode backward.

    Examples
    --------
    >>> gradient_flops((4, 5), (2, 3))  # 60 forward, then 2 * 140 backward
    340
    """
    ranks = check_rank(dims, rank)
    product = reconstruct_flops(dims, ranks)
    last = 0 if ranks[0] == dims[0] else 2 * ranks[0] * math.prod(dims)
    return product - last + 2 * product

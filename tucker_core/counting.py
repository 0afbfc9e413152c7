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

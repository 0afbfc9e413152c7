"""What a Tucker weight costs: parameters stored, bytes and floating-point operations, as formulas.

A layer of dims (I_1, ..., I_N) and rank (J_1, ..., J_N) stores prod(J_n) + sum(I_n J_n) numbers; a
mode of full rank, J_n = I_n, needs no factor and adds nothing to the sum. FLOPs count 2 per
multiply-add. Source: ADA-Tucker, section on complexity; the full-rank rule is ours.
"""

import math
from collections.abc import Sequence

from tucker_core.checks import check_integer, check_rank, check_real, check_sequence, check_shape

BYTES_PER_FLOAT32 = 4


def tucker_params(dims: Sequence[int], rank: Sequence[int]) -> int:
    """Count the parameters that a Tucker tensor of these dims (I_1, ..., I_N) and this rank stores.

    Raises
    ------
    TypeError, ValueError
        If dims or ranks are no integers, or a rank is below 1 or above its dimension.

    Examples
    --------
    >>> tucker_params((20, 25, 50, 16), (6, 6, 7, 5))
    1960
    >>> tucker_params((20, 25), (20, 6))  # the first mode is full: no factor there
    270
    """
    whole = check_shape(dims, "dims")
    return stored_params(whole, check_rank(whole, rank))


def stored_params(dims: tuple[int, ...], rank: tuple[int, ...]) -> int:
    """The same without a check, for searches.

    Examples
    --------
    >>> stored_params((20, 25), (20, 6))
    270
    """
    return math.prod(rank) + sum(i * j for i, j in zip(dims, rank, strict=True) if j < i)


def shared_core_params(all_dims: Sequence[Sequence[int]], rank: Sequence[int]) -> int:
    """Count the parameters of one core of shape `rank` and of the matrices of all tensors that share it.

    Every tensor has a matrix (I_n, J_n) in every mode: a full or even wider one (J_n > I_n) too, because
    the core is not its own.

    Raises
    ------
    TypeError, ValueError
        If dims or ranks are no integers, or there is not one rank >= 1 for every mode of every tensor.

    Examples
    --------
    >>> shared_core_params([(20, 25), (10, 50)], (5, 6))  # 30 + 20*5 + 25*6 + 10*5 + 50*6
    630
    """
    needed = "one rank >= 1 for each mode"
    ranks = tuple(
        check_integer(r, f"rank[{n}]", 1, limit=f"{needed} is needed")
        for n, r in enumerate(check_sequence(rank, "rank", needed))
    )
    every = [check_shape(dims, "dims") for dims in all_dims]
    for dims in every:
        if len(dims) != len(ranks):
            raise ValueError(f"rank is {ranks}; {needed} of dims {dims} is needed")
    return math.prod(ranks) + sum(i * j for dims in every for i, j in zip(dims, ranks, strict=True))


def check_bits(bits: float) -> float:
    """Return how many bits a number takes if that is positive and finite.

    Raises
    ------
    TypeError, ValueError
        If it is not.

    Examples
    --------
    >>> check_bits(4)
    4.0
    """
    needed = "a positive number of bits per parameter is needed"
    number = check_real(bits, "bits", needed)
    if not 0 < number < math.inf:
        raise ValueError(f"bits is {bits}; {needed}")
    return number


def dense_flops(shape: Sequence[int], positions: int = 1) -> int:
    """Count the FLOPs of a dense layer for one input, without the bias.

    Parameters
    ----------
    shape : shape of the weight, (out, in) or (out, in, height, width)
    positions : at how many places a convolution applies it; 1 for a linear layer

    Raises
    ------
    TypeError, ValueError
        If dimensions or positions are no integers >= 1.

    Examples
    --------
    >>> dense_flops((500, 800))
    800000
    >>> dense_flops((20, 1, 5, 5), positions=24 * 24)
    576000
    """
    return 2 * math.prod(check_shape(shape)) * check_integer(positions, "positions", 1)


def reconstruct_flops(dims: Sequence[int], rank: Sequence[int]) -> int:
    """Count the FLOPs of `tucker_to_tensor`, which expands the last mode first.

    Raises
    ------
    TypeError, ValueError
        As `tucker_params`.

    Examples
    --------
    >>> reconstruct_flops((4, 5), (2, 3))  # (2, 3) -> (2, 5) -> (4, 5)
    140
    """
    dims = check_shape(dims, "dims")
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

    Raises
    ------
    TypeError, ValueError
        As `tucker_params`.

    Examples
    --------
    >>> gradient_flops((4, 5), (2, 3))  # 60 forward, then 2 * 140 backward
    340
    """
    dims = check_shape(dims, "dims")
    ranks = check_rank(dims, rank)
    product = reconstruct_flops(dims, ranks)
    last = 0 if ranks[0] == dims[0] else 2 * ranks[0] * math.prod(dims)
    return product - last + 2 * product

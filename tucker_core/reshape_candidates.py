"""The tensors that a weight may become, by family: a planner with the weight at hand chooses among them.

No one reshape serves every weight. Measured at a quarter of the parameters, a factored pair loses less
energy than any higher order on most Linear, 1 x 1 and LSTM weights, and far more on spatial
convolutions; and of these some like their own modes, others equally long ones.

- "order 2": a matrix, so that its Tucker format with one full mode is a product of two thin matrices.
  Of a convolution (out, in, k, k) it is (out, in k k), a plain SVD, and (out k, in k), which suits
  kernels that are products of a column and a row (Jaderberg et al., arXiv 1405.3866).
- "natural": the modes that the weight has, (out, in, k k) and (out, in, k, k).
- "split": channels cut in two, (o1, o2, i1, i2, k k).
- "balanced": orders 3 to 6 of dims as equal as can be, one that mixes the modes of the weight and one
  that keeps them apart, with zeros behind primes.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from tucker_core.checks import shown
from tucker_core.factorize import balance_dims, check_size
from tucker_core.reshape import ReshapePlan
from tucker_core.reshape_ways import PLAIN, Way, best_ways, lengthened, mixed_way

Family = Literal["svd", "order 2", "natural", "split", "balanced"]
FAMILIES: tuple[str, ...] = get_args(Family)

_BALANCED_ORDERS = range(3, 7)
_LONGEST_MODE = 2048  # its singular vectors take about 2 s; a matrix has a shorter other side


class Candidate(NamedTuple):
    """One reshape of a weight, and the family that it is of."""

    family: str
    reshape: ReshapePlan


def check_family(family: str) -> str:
    """Return the name of a family, or "auto" for all.

    Raises
    ------
    ValueError
        If there is no such family.

    Examples
    --------
    >>> check_family("split")
    'split'
    """
    if not isinstance(family, str) or family not in ("auto", *FAMILIES):
        raise ValueError(
            f"reshape is {shown(family)}; one of {', '.join(map(repr, ('auto', *FAMILIES)))} is needed"
        )
    return family


def reshape_candidates(
    shape: Sequence[int], family: str = "auto", order: int | None = None
) -> tuple[Candidate, ...]:
    """Every reshape worth a try, each once.

    Parameters
    ----------
    shape : of the weight, (out, in, ...); modes of size 1 are dropped
    family : only those of one family; "svd" is the first of "order 2"
    order : only those of that many modes

    Returns
    -------
    the candidates; all of them where the weight has none of that family or order, as a vector has no
    channels to split

    Raises
    ------
    TypeError, ValueError
        If the shape is none of a weight, or the family unknown.

    Examples
    --------
    >>> for family, reshape in reshape_candidates((32, 16, 3, 3))[:7]:
    ...     print(family, reshape.dims)
    svd (32, 144)
    order 2 (96, 48)
    natural (32, 16, 9)
    natural (32, 16, 3, 3)
    split (4, 8, 4, 4, 9)
    balanced (16, 16, 18)
    balanced (8, 8, 8, 9)
    >>> [candidate.reshape.dims for candidate in reshape_candidates((997, 64), order=3)]
    [(40, 40, 40), (25, 40, 64)]
    """
    every = _every(check_size(shape))
    members = ("svd", "order 2") if family == "order 2" else (check_family(family),)
    wanted = [
        candidate
        for candidate in every
        if family == "auto" or candidate.family in members
        if order is None or len(candidate.reshape.dims) == order
    ]
    return tuple(wanted) or every


@lru_cache(256)
def _every(shape: tuple[int, ...]) -> tuple[Candidate, ...]:
    found: dict[tuple[object, ...], Candidate] = {}
    for family, way in _ways(shape):
        longest = min(way.dims) if len(way.dims) == 2 else max(way.dims)
        fits = family == "svd" or longest <= _LONGEST_MODE
        if fits and min(way.dims) > 1:
            padded = way.padded if way.padded != shape else ()
            reshape = ReshapePlan(shape, way.dims, way.permutation, family, padded)
            found.setdefault((way.dims, way.permutation, way.padded), Candidate(family, reshape))
    if not found:  # a vector of prime length
        whole = ReshapePlan(shape, (math.prod(shape),), tuple(range(len(shape))), "natural")
        return (Candidate("natural", whole),)
    return tuple(found.values())


def _ways(shape: tuple[int, ...]) -> Iterator[tuple[str, Way]]:
    straight = tuple(range(len(shape)))
    channels = tuple(dim for dim in shape[:2] if dim > 1)
    kernel = [mode for mode in straight[2:] if shape[mode] > 1]
    spots = math.prod(shape[2:])
    if len(channels) + len(kernel) > 1:
        first = next(dim for dim in shape if dim > 1)
        yield "svd", Way((first, math.prod(shape) // first), straight, shape)
    if len(channels) == 2 and kernel:
        row = shape[0] * shape[kernel[0]]
        others = tuple(mode for mode in straight[1:] if mode != kernel[0])
        yield "order 2", Way((row, math.prod(shape) // row), (0, kernel[0], *others), shape)
    if kernel:
        yield "natural", Way((*channels, spots), straight, shape)
        yield "natural", Way((*channels, *(shape[mode] for mode in kernel)), straight, shape)
    longer = lengthened(shape)
    if len(channels) == 2:
        yield "split", _split(longer)
    apart = best_ways(longer, PLAIN)
    for order in _BALANCED_ORDERS:
        yield "balanced", mixed_way(longer, order)
        yield "balanced", apart[order]
    if len(channels) + len(kernel) < 3:
        yield "balanced", mixed_way(longer, 2)


def _split(shape: tuple[int, ...]) -> Way:
    """Both channels cut in two, and the kernel as one mode."""
    dims = sum((balance_dims(dim, 2) for dim in shape[:2]), ())
    spots = math.prod(shape[2:])
    kernel = (spots,) if spots > 1 else ()
    return Way((*dims, *kernel), tuple(range(len(shape))), shape)

"""Writing a number as a product of a few others, as equal as possible.

The dims (I_1, ..., I_N) of a reshaped weight of n entries are a factorization of n. Of all of them the
one of least sum is the most balanced: its factor matrices are the smallest.
Source: ADA-Tucker, section on balanced dimensions; the measure "least sum, then least largest" is ours.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from tucker_core.checks import MAX_ORDER, check_integer, check_shape, shown

MAX_NUMBER = 2**40
_SMALL_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)
MAX_WAYS = 250_000  # half a second, 100 MB


def factorizations(n: int, order: int) -> tuple[tuple[int, ...], ...]:
    """List every way to write n as a product of `order` integers >= 1, their order aside.

    Parameters
    ----------
    n : the number to factorize, 1 to 2^40
    order : how many factors, 1 to 8

    Returns
    -------
    tuples (I_1 <= ... <= I_order) with product n, in lexicographic order, each once

    Raises
    ------
    TypeError
        If n or order is no integer.
    ValueError
        If n or order is out of range, or there are more than `MAX_WAYS` ways: a few large numbers have
        millions.

    Examples
    --------
    >>> factorizations(12, 2)
    ((1, 12), (2, 6), (3, 4))
    >>> factorizations(7, 3)
    ((1, 1, 7),)
    """
    from tucker_core.kernels.search import all_factorizations

    n, order = _check(n, order)
    if order == 1:
        return ((n,),)
    rows = all_factorizations(n, order, MAX_WAYS)
    if len(rows) > MAX_WAYS:
        raise ValueError(
            f"n is {n}; it has more than {MAX_WAYS:,} factorizations of order {order}: take a smaller "
            "order, or balance_dims for the most balanced one"
        )
    return tuple(zip(*rows.T.tolist(), strict=True))  # a quarter less time than row by row


def plain_factorizations(n: int, order: int, least: int = 1) -> Iterator[tuple[int, ...]]:
    """The same as one reads it: every divisor from `least` on, and behind it what may follow.

    Examples
    --------
    >>> list(plain_factorizations(12, 2))
    [(1, 12), (2, 6), (3, 4)]
    """
    if order == 1:
        yield (n,)
        return
    first = least
    while first**order <= n:
        if n % first == 0:
            for rest in plain_factorizations(n // first, order - 1, first):
                yield (first, *rest)
        first += 1


def balance_dims(n: int, order: int) -> tuple[int, ...]:
    """Factorise n into `order` dims as equal as possible: least sum, then least largest.

    Raises
    ------
    TypeError
        If n or order is no integer.
    ValueError
        If n is not 1 to 2^40 or order not 1 to 8.

    Examples
    --------
    >>> balance_dims(400_000, 4)
    (20, 25, 25, 32)
    >>> balance_dims(16_777_216, 2)  # a 4096 x 4096 weight
    (4096, 4096)
    """
    return _balanced(*_check(n, order))


@lru_cache(maxsize=4096)
def _balanced(n: int, order: int) -> tuple[int, ...]:
    from tucker_core.kernels.search import most_balanced

    return tuple(most_balanced(n, order).tolist())


def imbalance(dims: Sequence[int]) -> tuple[int, int]:
    """What `balance_dims` makes least: the sum, and at equal sums the largest.

    Examples
    --------
    >>> imbalance((14, 15, 22)) < imbalance((12, 14, 26))
    True
    """
    return sum(dims), max(dims)


@lru_cache(maxsize=4096)
def padded_size(n: int, order: int) -> int:
    """Least size >= n whose balanced dims have the least sum of all; n itself if padding gains nothing.

    The zeros that fill up are stored nowhere, but the dims that they lengthen are: the sum counts them.
    A size above 2^40 is none; n stays as it is.

    Examples
    --------
    >>> padded_size(997, 2)  # a prime, 1 x 997; but 999 = 27 x 37
    999
    >>> padded_size(800, 2)  # 25 x 32, and nothing larger has a smaller sum
    800
    """
    total = int(order * n ** (1 / order))  # no smaller one will do: arithmetic and geometric means
    while largest_product(total, order) < n:
        total += 1
    size = _least_product(n, order, total, 1)
    return size if size <= MAX_NUMBER else n


@lru_cache(maxsize=4096)
def smooth_size(n: int) -> int:
    """Least size >= n without a prime factor above 22, the proper dim: it falls into short dims.

    A vocabulary or a prime does not: 50,257 is 29 x 1733, and its neighbours split as by chance.

    Examples
    --------
    >>> smooth_size(50_257), smooth_size(784)  # 50_274 is 2 x 3^3 x 7^2 x 19
    (50274, 784)
    """
    while _rough_part(n) > 1:
        n += 1
    return n


def _rough_part(n: int) -> int:
    """What is left of a number without its small prime factors."""
    for prime in _SMALL_PRIMES:
        while n % prime == 0:
            n //= prime
    return n


def largest_product(total: int, order: int) -> int:
    """Largest product of `order` integers of this sum: they differ by 1 at most.

    Examples
    --------
    >>> largest_product(11, 3)  # 3 x 4 x 4
    48
    """
    even, more = divmod(total, order)
    return int(even ** (order - more) * (even + 1) ** more)


def _least_product(n: int, order: int, total: int, first: int) -> int:
    """Least product >= n of `order` integers >= `first` of this sum, of which one is known to exist.

    The search walks from equal integers to unequal ones, whose products only fall: so the first
    integer below which no product reaches n ends it. Two integers of one sum need no search.
    """
    if order == 1:
        return total
    if order == 2:
        apart = math.isqrt(total * total - 4 * n)  # a (total - a) >= n where |total - 2 a| <= apart
        smaller = max(first, (total - apart + 1) // 2)
        return smaller * (total - smaller)
    best = largest_product(total, order)
    for smallest in range(total // order, first - 1, -1):
        needed, rest = -(-n // smallest), total - smallest
        if largest_product(rest, order - 1) < needed:
            break
        best = min(best, smallest * _least_product(needed, order - 1, rest, smallest))
        if best == n:
            break
    return best


def check_size(shape: Iterable[int], name: str = "shape") -> tuple[int, ...]:
    """Return `shape` as a tuple of ints if it holds at most 2^40 entries.

    Raises
    ------
    TypeError, ValueError
        If it is no shape, or a larger one.

    Examples
    --------
    >>> check_size([300, 784])
    (300, 784)
    """
    dims = check_shape(shape, name)
    if math.prod(dims) > MAX_NUMBER:
        raise ValueError(
            f"{name} is {shown(dims)}; tensors of at most {MAX_NUMBER:,} entries can be planned"
        )
    return dims


def _check(n: int, order: int) -> tuple[int, int]:
    needed = f"a number of entries from 1 to {MAX_NUMBER:,} is needed"
    supported = f"orders 1 to {MAX_ORDER} are supported"
    return (
        check_integer(n, "n", 1, MAX_NUMBER, needed),
        check_integer(order, "order", 1, MAX_ORDER, supported),
    )

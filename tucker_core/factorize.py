"""Writing a number as a product of a few others, as equal as possible.

The dims (I_1, ..., I_N) of a reshaped weight of n entries are a factorisation of n. Of all of them the
one of least sum is the most balanced: its factor matrices are the smallest.
Source: ADA-Tucker, section on balanced dimensions; the measure "least sum, then least largest" is ours.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from tucker_core.checks import MAX_ORDER

MAX_NUMBER = 2**40


@lru_cache(maxsize=4096)
def factorizations(n: int, order: int) -> tuple[tuple[int, ...], ...]:
    """List every way to write n as a product of `order` integers >= 1, their order aside.

    Parameters
    ----------
    n : the number to factorise, 1 to 2^40
    order : how many factors, 1 to 8

    Returns
    -------
    tuples (I_1 <= ... <= I_order) with product n, in lexicographic order, each once

    Raises
    ------
    ValueError
        If n or order is out of range.

    Examples
    --------
    >>> factorizations(12, 2)
    ((1, 12), (2, 6), (3, 4))
    >>> factorizations(7, 3)
    ((1, 1, 7),)
    """
    from tucker_core.kernels.search import all_factorizations

    _check(n, order)
    if order == 1:
        return ((n,),)
    columns = all_factorizations(n, order).T.tolist()
    return tuple(zip(*columns, strict=True))  # a quarter less time than row by row


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


@lru_cache(maxsize=4096)
def balance_dims(n: int, order: int) -> tuple[int, ...]:
    """Factorise n into `order` dims as equal as possible: least sum, then least largest.

    Raises
    ------
    ValueError
        If n is not 1 to 2^40 or order not 1 to 8.

    Examples
    --------
    >>> balance_dims(400_000, 4)
    (20, 25, 25, 32)
    >>> balance_dims(16_777_216, 2)  # a 4096 x 4096 weight
    (4096, 4096)
    """
    from tucker_core.kernels.search import most_balanced

    _check(n, order)
    return tuple(most_balanced(n, order).tolist())


def imbalance(dims: Sequence[int]) -> tuple[int, int]:
    """What `balance_dims` makes least: the sum, and at equal sums the largest.

    Examples
    --------
    >>> imbalance((14, 15, 22)) < imbalance((12, 14, 26))
    True
    """
    return sum(dims), max(dims)


def padded_size(n: int, order: int) -> int:
    """Least size >= n whose balanced dims have the least sum of all; n itself if padding gains nothing.

    The zeros that fill up are stored nowhere, but the dims that they lengthen are: the sum counts them.

    Examples
    --------
    >>> padded_size(997, 2)  # a prime, 1 x 997; but 999 = 27 x 37
    999
    >>> padded_size(800, 2)  # 25 x 32, and nothing larger has a smaller sum
    800
    """
    size, least = n, sum(balance_dims(n, order))
    larger = n + 1
    while order * larger ** (1 / order) < least:
        total = sum(balance_dims(larger, order))
        if total < least:
            size, least = larger, total
        larger += 1
    return size


def _check(n: int, order: int) -> None:
    if not 1 <= n <= MAX_NUMBER:
        raise ValueError(f"n is {n}; a number of entries from 1 to {MAX_NUMBER:,} is needed")
    if not 1 <= order <= MAX_ORDER:
        raise ValueError(f"order is {order}; orders 1 to {MAX_ORDER} are supported")

"""The most balanced of all ways to reshape a weight, for every order of the result.

A way puts the modes of the weight into groups; a group of several modes is merged into one dim, and a
single mode may be split into several dims. Groups of neighbours are few and all are tried. There are far
more groups of any modes, so the best are built up from the best for fewer modes.
Modes of size 1 are dropped. Both searches are exact up to `MOST_MODES` modes, which takes less than a
second; above it, neighbours of least product are merged beforehand until so many are left.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from tucker_core.checks import MAX_ORDER
from tucker_core.factorize import balance_dims, imbalance, padded_size, smooth_size

MOST_MODES = 10
_MOST_LENGTHENED = 1.05

Group: TypeAlias = tuple[int, ...]
"""Modes of the weight that are taken together."""

Cuts: TypeAlias = tuple[tuple[Group, int], ...]
"""Groups, and into how many pieces each is cut: 1 if it is a merged one."""


class Way(NamedTuple):
    """One way to reshape a weight: its modes in this order and with zeros behind them, then the dims."""

    dims: tuple[int, ...]
    permutation: tuple[int, ...]
    padded: tuple[int, ...]


class Constraints(NamedTuple):
    """What is asked of the splits of a mode: padding, and the natural parts of some modes."""

    pad: bool
    natural: Mapping[int, tuple[int, ...]]


PLAIN = Constraints(pad=False, natural={})


def lengthened(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with zeros behind outputs and inputs that do not fall into short dims, such as primes.

    A mode that would be lengthened by more than a twentieth stays as it is: those zeros cost more than
    the balance brings.

    Examples
    --------
    >>> lengthened((50_257, 768)), lengthened((23, 64, 3, 3))
    ((50274, 768), (24, 64, 3, 3))
    """
    longer = (smooth_size(dim) for dim in shape[:2])
    kept = (
        n if n <= _MOST_LENGTHENED * dim else dim for n, dim in zip(longer, shape, strict=False)
    )
    return (*kept, *shape[2:])


def mixed_way(shape: tuple[int, ...], order: int) -> Way:
    """The most balanced factorization of the number of entries, whatever it does to the modes.

    Examples
    --------
    >>> mixed_way((300, 784), 3).dims
    (56, 60, 70)
    """
    return Way(balance_dims(math.prod(shape), order), tuple(range(len(shape))), shape)


def best_ways(
    shape: tuple[int, ...], constraints: Constraints, *, permute: bool = False
) -> dict[int, Way]:
    """The way of least sum of dims, then least largest dim, for every order from 1 to 8.

    Of equally good ways the first is taken: neighbours before others, merged before apart.

    Examples
    --------
    >>> best_ways((7, 64, 7), PLAIN)[2].dims
    (448, 7)
    >>> best_ways((7, 64, 7), PLAIN, permute=True)[2]
    Way(dims=(49, 64), permutation=(0, 2, 1), padded=(7, 64, 7))
    """
    units = _units(shape)
    best = {
        order: min(
            _neighbours(shape, units, order, constraints), key=lambda way: imbalance(way.dims)
        )
        for order in range(1, MAX_ORDER + 1)
    }
    if permute:
        for order, way in _any_groups(shape, units, constraints).items():
            if imbalance(way.dims) < imbalance(best[order].dims):
                best[order] = way
    return best


def _units(shape: tuple[int, ...]) -> list[Group]:
    """The modes that are planned, each alone; neighbours merged where there would be too many."""
    units: list[Group] = [(mode,) for mode, dim in enumerate(shape) if dim > 1] or [(0,)]
    while len(units) > MOST_MODES:
        sizes = [_size(shape, a + b) for a, b in itertools.pairwise(units)]
        k = sizes.index(min(sizes))
        units[k : k + 2] = [units[k] + units[k + 1]]
    return units


def _neighbours(
    shape: tuple[int, ...], units: Sequence[Group], order: int, constraints: Constraints
) -> Iterator[Way]:
    """Every way to reach `order` dims by merging neighbours or splitting single modes."""
    for cuts in itertools.product((False, True), repeat=len(units) - 1):
        edges = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(units)]
        groups = [sum(units[a:b], ()) for a, b in itertools.pairwise(edges)]
        for pieces in _compositions(order, [len(group) == 1 for group in groups]):
            yield _way(shape, tuple(zip(groups, pieces, strict=True)), constraints)


def _any_groups(
    shape: tuple[int, ...], units: Sequence[Group], constraints: Constraints
) -> dict[int, Way]:
    """The best way for every order by merging any modes or splitting single ones.

    best[subset][order] is the best for a subset of the units, as bits of a number: the group with its
    first unit, and the best for the others. Sum and largest dim of a whole only grow with those of its
    parts, so nothing but the best of each is needed.
    """
    subsets = range(1 << len(units))
    merged = [
        sum((unit for k, unit in enumerate(units) if subset >> k & 1), ()) for subset in subsets
    ]
    choices = [[], *(_choices(shape, group, constraints) for group in merged[1:])]
    best: list[dict[int, tuple[int, int, Cuts]]] = [{0: (0, 0, ())}]
    for subset in subsets[1:]:
        found = dict[int, tuple[int, int, Cuts]]()
        for members in _subsets_with_first(subset):
            for others, (total, largest, rest) in best[subset ^ members].items():
                for pieces, (more, dim) in enumerate(choices[members][: MAX_ORDER - others], 1):
                    way = (total + more, max(largest, dim), ((merged[members], pieces), *rest))
                    if others + pieces not in found or way < found[others + pieces]:
                        found[others + pieces] = way
        best.append(found)
    return {order: _way(shape, cuts, constraints) for order, (_, _, cuts) in best[-1].items()}


def _choices(
    shape: tuple[int, ...], group: Group, constraints: Constraints
) -> list[tuple[int, int]]:
    """Sum and largest of the dims that a group becomes if it is merged, or cut into 1, 2, ... pieces."""
    most = MAX_ORDER if len(group) == 1 else 1
    return [imbalance(_cut(shape, group, k, constraints)[0]) for k in range(1, most + 1)]


def _subsets_with_first(subset: int) -> Iterator[int]:
    """All subsets, as bits of a number, that hold the lowest bit."""
    first = subset & -subset
    others = members = subset ^ first
    while members:
        yield first | members
        members = (members - 1) & others
    yield first


def _way(shape: tuple[int, ...], cuts: Cuts, constraints: Constraints) -> Way:
    """Put together what each group becomes."""
    dims, padded = tuple[int, ...](), list(shape)
    for group, pieces in cuts:
        parts, padded[group[0]] = _cut(shape, group, pieces, constraints)
        dims += parts
    taken = [mode for group, _ in cuts for mode in group]
    if taken == sorted(taken):  # only modes of size 1 are left out, wherever they are
        return Way(dims, tuple(range(len(shape))), tuple(padded))
    dropped = [mode for mode in range(len(shape)) if mode not in taken]
    return Way(dims, (*taken, *dropped), tuple(padded))


def _cut(
    shape: tuple[int, ...], group: Group, pieces: int, constraints: Constraints
) -> tuple[tuple[int, ...], int]:
    """Dims that a group becomes, and the length, padding included, of its first mode."""
    mode = group[0]
    if pieces == 1:
        return (_size(shape, group),), shape[mode]
    if mode in constraints.natural:
        return _split_parts(constraints.natural[mode], pieces), shape[mode]
    length = padded_size(shape[mode], pieces) if constraints.pad else shape[mode]
    return balance_dims(length, pieces), length


@lru_cache(256)
def _split_parts(parts: tuple[int, ...], pieces: int) -> tuple[int, ...]:
    """Split a mode into so many dims, between its natural parts or inside single ones."""
    ways = _neighbours(parts, _units(parts), pieces, PLAIN)
    return min((way.dims for way in ways), key=imbalance)


def _compositions(total: int, splits: Sequence[bool]) -> Iterator[tuple[int, ...]]:
    """Every way to write `total` as one integer >= 1 for each group; 1 where it is not to be split."""
    if not splits:
        if total == 0:
            yield ()
        return
    most = total - len(splits) + 1 if splits[0] else min(1, total)
    for pieces in range(1, most + 1):
        for rest in _compositions(total - pieces, splits[1:]):
            yield (pieces, *rest)


def _size(shape: tuple[int, ...], group: Group) -> int:
    return math.prod(shape[mode] for mode in group)

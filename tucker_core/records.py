"""What a `.ada` file says of one parameter before its integers: name, shapes, rank, what is shared.

`write_record` and `read_record` mirror each other line by line. Every number is written as a choice
among the values that it can have at that place: a dim is one of the divisors of the entries that are
left, a rank is at most its dim, and a shared tensor is one of the earlier ones of the right shape.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from tucker_core.checks import MAX_ORDER
from tucker_core.codec import Decoder, Encoder
from tucker_core.reshape import ReshapePlan

_PADDED = 0  # in place of a scale code: the padding comes first

Shape = tuple[int, ...]


class FileFormatError(ValueError):
    """A file is no whole and undamaged `.ada` file; the message says where and how."""


@dataclass(frozen=True)
class ParameterRecord:
    """What the header says of one parameter.

    Attributes
    ----------
    name : e.g. "fc1.weight"
    reshape : between the parameter's shape and the dims (I_1, ..., I_N)
    rank : shape of the core (J_1, ..., J_N)
    parts : number of the core's tensor in the file, then per mode that of its factor, or None
    scale_code : of the number that the Tucker product of the integers is multiplied by
    """

    name: str
    reshape: ReshapePlan
    rank: Shape
    parts: tuple[int | None, ...]
    scale_code: int

    def is_plain(self, next_new: int) -> bool:
        """Whether the parameter is stored as it is: no reshape, no factors, nothing shared."""
        shape = self.reshape.shape
        straight = self.reshape.permutation == tuple(range(len(shape)))
        own = self.parts == (next_new, *(None for _ in shape))
        return straight and self.reshape.dims == shape and own


@dataclass
class Shelf:
    """The stored tensors met so far, by number, with their shapes.

    Attributes
    ----------
    shapes : of the tensors, in order
    stored : entries of all of them
    """

    shapes: list[Shape] = field(default_factory=list)
    stored: int = 0
    _fitting: dict[Shape, list[int]] = field(default_factory=lambda: defaultdict(list))
    _cores: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def fitting(self, shape: Shape) -> Sequence[int]:
        """Numbers of the tensors of that shape, rising."""
        return self._fitting.get(shape, ())

    def cores(self, order: int) -> Sequence[int]:
        """Numbers of the tensors of that order, rising."""
        return self._cores.get(order, ())

    def add(self, shape: Shape) -> int:
        """Put a new tensor on the shelf and give its number."""
        number = len(self.shapes)
        self.shapes.append(shape)
        self.stored += math.prod(shape)
        self._fitting[shape].append(number)
        self._cores[len(shape)].append(number)
        return number


def write_record(encoder: Encoder, record: ParameterRecord, shelf: Shelf, scale_codes: int) -> None:
    """Write one parameter, but for its name and shape; `shelf` holds what was written before.

    There are `scale_codes` codes of scales to choose among.
    """
    shape, dims = record.reshape.shape, record.reshape.dims
    if record.reshape.padding:
        encoder.choice(_PADDED, scale_codes)
        for whole, dim in zip(record.reshape.padded, shape, strict=True):
            encoder.integer(whole - dim)
    encoder.choice(record.scale_code + scale_codes // 2, scale_codes)
    plain = record.is_plain(len(shelf.shapes))
    encoder.choice(int(not plain), 2)
    if plain:
        shelf.add(shape)
        return
    encoder.choice(len(dims) - 1, MAX_ORDER)
    for left, mode in zip(
        range(len(shape), 0, -1), _places(record.reshape.permutation), strict=True
    ):
        encoder.choice(mode, left)
    for dim, choices in _dim_choices(dims):
        encoder.choice(choices.index(dim), len(choices))
    core, *factors = record.parts
    new = _write_part(encoder, core, shelf.cores(len(dims)), len(shelf.shapes))
    for dim, rank, factor in zip(dims, record.rank, factors, strict=True):
        if new:
            _write_rank(encoder, dim, rank, full=factor is None)
        elif rank == dim:
            encoder.choice(int(factor is not None), 2)
    if new:
        shelf.add(record.rank)
    for dim, rank, factor in zip(dims, record.rank, factors, strict=True):
        fitting = shelf.fitting((dim, rank))
        if factor is not None and _write_part(encoder, factor, fitting, len(shelf.shapes)):
            shelf.add((dim, rank))


def read_record(
    decoder: Decoder, name: str, shape: Shape, shelf: Shelf, scale_codes: int, most: int
) -> ParameterRecord:
    """Read one parameter back, as `write_record` wrote it; its tensors are put on the shelf.

    It may have `most` entries, padding included.

    Raises
    ------
    ValueError
        If what is read cannot be a parameter.
    """
    padded: Shape = ()
    code = decoder.choice(scale_codes)
    if code == _PADDED:
        padded = tuple(dim + decoder.integer() for dim in shape)
        if math.prod(padded) > most:
            raise ValueError(f"shape {shape} padded to {padded}; {most:,} entries are expected")
        code = decoder.choice(scale_codes)
    scale_code = code - scale_codes // 2
    if not decoder.choice(2):
        plan = ReshapePlan.straight(shape)
        parts: tuple[int | None, ...] = (shelf.add(shape), *(None for _ in shape))
        return ParameterRecord(name, plan, shape, parts, scale_code)
    order = decoder.choice(MAX_ORDER) + 1
    permutation = _unplaced([decoder.choice(left) for left in range(len(shape), 0, -1)])
    dims = _read_dims(decoder, math.prod(padded or shape), order)
    plan = ReshapePlan(shape, dims, permutation, padded=padded)
    core = _read_part(decoder, shelf.cores(order))
    if core is None:
        ranks = [_read_rank(decoder, dim) for dim in plan.dims]
        rank, full = tuple(r for r, _ in ranks), [is_full for _, is_full in ranks]
        core = shelf.add(rank)
    else:
        rank = shelf.shapes[core]
        full = [r == dim and not decoder.choice(2) for dim, r in zip(plan.dims, rank, strict=True)]
    factors: list[int | None] = []
    for dim, r, is_full in zip(plan.dims, rank, full, strict=True):
        number = None if is_full else _read_part(decoder, shelf.fitting((dim, r)))
        factors.append(None if is_full else shelf.add((dim, r)) if number is None else number)
    return ParameterRecord(name, plan, rank, (core, *factors), scale_code)


def write_shape(encoder: Encoder, shape: Shape) -> None:
    """Write the shape of a parameter that no table knows."""
    encoder.choice(len(shape) - 1, MAX_ORDER)
    for dim in shape:
        encoder.integer(dim)


def read_shape(decoder: Decoder) -> Shape:
    """Read a shape back; no dim is 0."""
    shape = tuple(decoder.integer() for _ in range(decoder.choice(MAX_ORDER) + 1))
    if 0 in shape:
        raise ValueError(f"a parameter of shape {shape}; every dimension is at least 1")
    return shape


def _write_part(
    encoder: Encoder, number: int | None, earlier: Sequence[int], next_new: int
) -> bool:
    """Write which tensor a part is: a new one (returns True) or one of those earlier ones."""
    new = number == next_new
    if earlier:
        encoder.choice(int(not new), 2)
        if not new:
            encoder.choice(bisect_left(earlier, number or 0), len(earlier))
    return new


def _read_part(decoder: Decoder, earlier: Sequence[int]) -> int | None:
    """The number of an earlier tensor, or None for a new one."""
    if not earlier or not decoder.choice(2):
        return None
    return earlier[decoder.choice(len(earlier))]


def _write_rank(encoder: Encoder, dim: int, rank: int, *, full: bool) -> None:
    """A rank below its dim, or the full one without a factor; anything else behind an escape."""
    usual = rank < dim or full
    encoder.choice(rank - 1 if usual else dim, dim + 1)
    if not usual:
        encoder.integer(rank)


def _read_rank(decoder: Decoder, dim: int) -> tuple[int, bool]:
    """Rank, and whether the mode is full and has no factor."""
    value = decoder.choice(dim + 1)
    if value < dim:
        return value + 1, value + 1 == dim
    rank = decoder.integer()
    if rank < dim:
        raise ValueError(f"a rank of {rank} where at least {dim} must be")
    return rank, False


def _dim_choices(dims: Shape) -> list[tuple[int, Sequence[int]]]:
    """Each dim but the last, and the divisors among which it was chosen."""
    entries, found = math.prod(dims), list[tuple[int, Sequence[int]]]()
    choices = divisors(entries)
    for dim in dims[:-1]:
        found.append((dim, choices))
        entries //= dim
        choices = tuple(d for d in choices if entries % d == 0)
    return found


def _read_dims(decoder: Decoder, entries: int, order: int) -> Shape:
    dims, choices = list[int](), divisors(entries)
    for _ in range(order - 1):
        dims.append(choices[decoder.choice(len(choices))])
        entries //= dims[-1]
        choices = tuple(d for d in choices if entries % d == 0)
    return (*dims, entries)


@lru_cache(maxsize=1024)
def divisors(n: int) -> tuple[int, ...]:
    """All divisors of n in rising order.

    Examples
    --------
    >>> divisors(20)
    (1, 2, 4, 5, 10, 20)
    """
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return (*small, *(n // d for d in reversed(small) if d * d != n))


def _places(permutation: Shape) -> list[int]:
    """A permutation as choices: each mode's place among those not taken yet."""
    left = list(range(len(permutation)))
    places = []
    for mode in permutation:
        places.append(left.index(mode))
        left.remove(mode)
    return places


def _unplaced(places: list[int]) -> Shape:
    """The permutation that `_places` turned into choices."""
    left = list(range(len(places)))
    return tuple(left.pop(place) for place in places)

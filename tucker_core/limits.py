"""What a `.ada` file can hold, and what a reader believes of one.

Whatever fits into memory can be written. A reader measures what a file declares by the file's own size
before it takes memory, so that a small file cannot declare a giant network.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from tucker_core.checks import MAX_ORDER
from tucker_core.factorize import MAX_NUMBER
from tucker_core.names import check_name, check_unique, printable
from tucker_core.network import CodedParameter, CompressedNetwork
from tucker_core.quantize import Symbols, check_symbols
from tucker_core.records import ParameterRecord, Shelf
from tucker_core.symbol_model import SymbolModel

# A file of any size may declare so much, and more in proportion to its bytes.
SMALL_WEIGHTS, WEIGHTS_PER_BYTE = 1 << 28, 1 << 10
SMALL_STORED, STORED_PER_BYTE = 1 << 24, 1 << 8
# A zero costs 1/284 bit under the most certain of all models, and a parameter's record 4 bytes at least.
CODED_PER_BYTE, RECORD_BYTES = 2_304, 4
_KEPT_BACK = 8  # bytes at a stream's end that need not be written


class Limits(NamedTuple):
    """What a file may declare, looked at before memory is taken.

    Attributes
    ----------
    weights : entries of all parameters, padding included
    stored : entries of all cores and factors
    coded : those of them that are not in a tensor of zeros, which takes no bits
    parameters : how many
    """

    weights: int
    stored: int
    coded: int
    parameters: int


def limits_of(n_bytes: int, max_entries: int | None = None) -> Limits:
    """What a file of so many bytes may declare.

    Parameters
    ----------
    n_bytes : of its coded stream
    max_entries : how many weights, and how many stored parameters, a reader has room for; by default
        2^28 and 2^24, or 1,024 and 256 for each byte of a larger file

    Examples
    --------
    >>> limits_of(1 << 20)[:2] == (1 << 30, 1 << 28)
    True
    """
    kept = n_bytes + _KEPT_BACK
    weights = max(SMALL_WEIGHTS, WEIGHTS_PER_BYTE * n_bytes)
    stored = max(SMALL_STORED, STORED_PER_BYTE * n_bytes)
    if max_entries is not None:
        weights = stored = max_entries
    return Limits(weights, stored, CODED_PER_BYTE * kept, kept // RECORD_BYTES)


def check_parameters(network: CompressedNetwork) -> None:
    """Refuse names, and shapes of parameters, that could not be read back.

    Raises
    ------
    TypeError
        If a name is no text.
    ValueError
        If a name is too long, no UTF-8 or given twice, or a parameter has too many modes, too many
        entries or a rank of 0.
    """
    check_name(network.architecture, "the architecture")
    for parameter in network.parameters:
        check_name(parameter.name, "a parameter")
        _check_order(parameter)
    check_unique(parameter.dense_name for parameter in network.parameters)


def check_tensors(network: CompressedNetwork) -> list[Symbols]:
    """The stored tensors as int32 arrays, each once, in order of first use.

    Raises
    ------
    TypeError
        If one holds no integers.
    ValueError
        If an integer is too large.
    """
    checked: dict[int, Symbols] = {}
    for parameter in network.parameters:
        for place, tensor in enumerate(parameter.tensors):
            if id(tensor) not in checked:
                part = f"factor {place} of" if place else "the core of"
                checked[id(tensor)] = check_symbols(tensor, f"{part} {printable(parameter.name)}")
    return list(checked.values())


def check_size(name: str, weights: int, shelf: Shelf, limits: Limits) -> None:
    """Refuse more than a file may declare.

    Parameters
    ----------
    name : of the last parameter that was read
    weights : entries of all parameters up to it, padding included
    shelf : the tensors up to its own
    limits : of the file

    Raises
    ------
    ValueError
        If these are too many.
    """
    if weights > limits.weights or shelf.stored > limits.stored:
        raise ValueError(
            f"up to {printable(name)} the network declares {weights:,} weights from {shelf.stored:,} "
            f"stored parameters; {limits.weights:,} from {limits.stored:,} are expected of a file of "
            "this size: give max_entries to load or from_bytes if you trust it"
        )


def check_reach(record: ParameterRecord, limits: Limits) -> None:
    """Refuse matrices so wide that a product on the way to the weight outgrows every weight.

    Raises
    ------
    ValueError
        If dims and ranks, the larger of both in each mode, multiply to more than all weights may be.
    """
    reach = math.prod(map(max, record.reshape.dims, record.rank))
    if reach > limits.weights:
        raise ValueError(
            f"{printable(record.name)} of dims {record.reshape.dims} has rank {record.rank}, so that "
            f"{reach:,} numbers may be between core and weight; {limits.weights:,} are expected of a "
            "file of this size: give max_entries to load or from_bytes if you trust it"
        )


def check_coded(shelf: Shelf, models: Sequence[SymbolModel], limits: Limits) -> None:
    """Refuse more integers than the bytes of a file can tell.

    Raises
    ------
    ValueError
        If those of all models that know other integers than 0 are too many.
    """
    pairs = zip(shelf.shapes, models, strict=True)
    coded = sum(math.prod(shape) for shape, model in pairs if model.largest)
    if coded > limits.coded:
        raise ValueError(
            f"the network declares {coded:,} integers, more than the {limits.coded:,} that a file of "
            "this size can tell: it was cut off or changed"
        )


def _check_order(parameter: CodedParameter) -> None:
    shape, dims, rank = parameter.reshape.shape, parameter.reshape.dims, parameter.core.shape
    if not all(1 <= len(modes) <= MAX_ORDER for modes in (shape, dims)):
        raise ValueError(
            f"{printable(parameter.name)} has {len(shape)} modes as dims {dims}; 1 to {MAX_ORDER} can "
            "be stored: reshape it first"
        )
    if math.prod(dims) > MAX_NUMBER:
        raise ValueError(
            f"{printable(parameter.name)} has dims {dims}; a parameter of at most {MAX_NUMBER:,} entries "
            "can be stored: split it"
        )
    if 0 in rank:
        raise ValueError(
            f"{printable(parameter.name)} has rank {rank}; every rank is at least 1: leave the "
            "parameter out if it is zero"
        )

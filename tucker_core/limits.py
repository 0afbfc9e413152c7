"""What a `.ada` file can hold. The same checks stand before writing and behind reading."""

import math
from collections.abc import Sequence

from tucker_core.checks import MAX_ORDER
from tucker_core.names import check_name, check_unique, printable
from tucker_core.network import CodedParameter, CompressedNetwork
from tucker_core.quantize import Symbols, check_symbols
from tucker_core.records import ParameterRecord, Shelf
from tucker_core.symbol_model import SymbolModel

MAX_FILE_BYTES = 1 << 25  # nothing within the other limits takes more
MAX_SYMBOLS = 1 << 22
MAX_WEIGHTS = 1 << 28
MAX_PARAMETERS = 4_096
MAX_TENSORS = 1 << 14
MAX_TABLES = 1 << 20  # integers that all symbol models of a file know, together


def check_parameters(network: CompressedNetwork) -> None:
    """Refuse names, and shapes of parameters, that could not be read back.

    Raises
    ------
    TypeError
        If a name is no text.
    ValueError
        If a name is too long, no UTF-8 or given twice, there are too many parameters, or one has too
        many modes or a rank of 0.
    """
    check_name(network.architecture, "the architecture")
    if len(network.parameters) > MAX_PARAMETERS:
        raise ValueError(
            f"there are {len(network.parameters):,} parameters; at most {MAX_PARAMETERS:,} can be in a "
            "file: merge some, or write several files"
        )
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


def check_size(name: str, weights: int, shelf: Shelf) -> None:
    """Refuse more than a file holds.

    Parameters
    ----------
    name : of the last parameter that was added
    weights : entries of all parameters up to it, padding included
    shelf : the tensors up to its own

    Raises
    ------
    ValueError
        If these are too many.
    """
    if weights > MAX_WEIGHTS or shelf.stored > MAX_SYMBOLS:
        raise ValueError(
            f"up to {printable(name)} the network declares {weights:,} weights from {shelf.stored:,} "
            f"stored parameters; at most {MAX_WEIGHTS:,} from {MAX_SYMBOLS:,} can be in a file: use "
            "smaller ranks, or write several files"
        )
    if len(shelf.shapes) > MAX_TENSORS:
        raise ValueError(
            f"up to {printable(name)} there are {len(shelf.shapes):,} tensors; at most {MAX_TENSORS:,} "
            "can be in a file: use lower orders, or write several files"
        )


def check_reach(record: ParameterRecord) -> None:
    """Refuse matrices so wide that a product on the way to the weight outgrows every weight.

    Raises
    ------
    ValueError
        If dims and ranks, the larger of both in each mode, multiply to more than 2^28.
    """
    reach = math.prod(map(max, record.reshape.dims, record.rank))
    if reach > MAX_WEIGHTS:
        raise ValueError(
            f"{printable(record.name)} of dims {record.reshape.dims} has rank {record.rank}, so that "
            f"{reach:,} numbers may be between core and weight; at most {MAX_WEIGHTS:,} can be: use "
            "smaller ranks"
        )


def check_tables(models: Sequence[SymbolModel]) -> None:
    """Refuse symbol models that take too much memory.

    Raises
    ------
    ValueError
        If all together know more than 2^20 integers.
    """
    known = sum(2 * model.largest + 1 for model in models)
    if known > MAX_TABLES:
        raise ValueError(
            f"symbol models know {known:,} integers; at most {MAX_TABLES:,} may be: take larger steps"
        )


def _check_order(parameter: CodedParameter) -> None:
    shape, dims, rank = parameter.reshape.shape, parameter.reshape.dims, parameter.core.shape
    if not all(1 <= len(modes) <= MAX_ORDER for modes in (shape, dims)):
        raise ValueError(
            f"{printable(parameter.name)} has {len(shape)} modes as dims {dims}; 1 to {MAX_ORDER} can "
            "be stored: reshape it first"
        )
    if 0 in rank:
        raise ValueError(
            f"{printable(parameter.name)} has rank {rank}; every rank is at least 1: leave the "
            "parameter out if it is zero"
        )

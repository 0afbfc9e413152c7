"""The `.ada` file: a whole compressed network in one short, checked file.

Layout, version 2; docs/file_format.md tells it byte by byte.

    3 bytes   "ADA"
    1 byte    version, 2
    4 bytes   CRC-32 of everything after it, little-endian
    rest      one range-coded stream (`codec`): the architecture; every parameter's record (`records`);
              every tensor's symbol model; every tensor's integers

Nothing is pickled, the checksum is looked at first, and every number that is read has a limit that is
checked before memory is taken. What is decoded are integers and one scale per parameter.
"""

import math
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tucker_core.architectures import ARCHITECTURES
from tucker_core.codec import Decoder, Encoder
from tucker_core.files import replacing
from tucker_core.network import CodedParameter, CompressedNetwork
from tucker_core.quantize import Symbols
from tucker_core.records import (
    FileFormatError,
    ParameterRecord,
    Shape,
    Shelf,
    read_record,
    read_shape,
    write_record,
    write_shape,
)
from tucker_core.symbol_model import SymbolModel, fit_model

MAGIC = b"ADA"
VERSION = 2
PREFIX_BYTES = len(MAGIC) + 1 + 4
MAX_FILE_BYTES = 1 << 26
MAX_SYMBOLS = 1 << 22
MAX_WEIGHTS = 1 << 28
MAX_PARAMETERS = 4_096
MAX_TABLES = 1 << 20  # integers that all symbol models of a file know, together
KNOWN = tuple(ARCHITECTURES)  # named by their number in this list; append only
NAMED = 255  # in place of that number: the name follows as a text


def save(path: str | os.PathLike[str], network: CompressedNetwork) -> CompressedNetwork:
    """Write a network to a file, through a temporary file that is renamed when it is complete.

    Returns
    -------
    the same network with `n_bytes` set to the size of the file

    Raises
    ------
    ValueError
        If a parameter is none of the network's known architecture, or is beyond the format's limits.
    OSError
        If the file cannot be written; an older file of that name is then left as it was.

    Examples
    --------
    >>> import tempfile
    >>> from tucker_core.reshape import plan_reshape
    >>> core = np.array([[1, 2], [3, 4]], np.int32)
    >>> parameter = CodedParameter("w", plan_reshape((2, 2), 2), core, (None, None), scale_code=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save(f"{folder}/w.ada", CompressedNetwork("mine", (parameter,)))
    ...     load(f"{folder}/w.ada").to_dense()["w"].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    content = to_bytes(network)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return CompressedNetwork(network.architecture, network.parameters, len(content))


def load(path: str | os.PathLike[str]) -> CompressedNetwork:
    """Read a network from a `.ada` file.

    Raises
    ------
    FileFormatError
        If the file is not a whole and undamaged `.ada` file of a known version; says what is wrong.
    OSError
        If the file cannot be read at all.
    """
    size = os.path.getsize(path)
    if size > MAX_FILE_BYTES:
        raise FileFormatError(f"{path}: {size:,} bytes; .ada files have at most {MAX_FILE_BYTES:,}")
    try:
        return from_bytes(Path(path).read_bytes())
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error


def to_bytes(network: CompressedNetwork) -> bytes:
    """The content of the file, the same bytes for the same network.

    Raises
    ------
    ValueError
        As `save`.
    """
    encoder, shelf = Encoder(), Shelf()
    named = network.architecture not in KNOWN
    encoder.choice(NAMED if named else KNOWN.index(network.architecture), NAMED + 1)
    if named:
        encoder.text(network.architecture)
        encoder.integer(len(network.parameters))
    numbers = {id(tensor): number for number, tensor in enumerate(network.tensors)}
    for name, parameter in _in_order(network):
        if not named:
            encoder.choice(int(parameter is not None), 2)
        if parameter is None:
            continue
        if named:
            encoder.text(name)
            write_shape(encoder, parameter.reshape.shape)
        write_record(encoder, _record(parameter, numbers), shelf)
    _check_size(sum(math.prod(p.reshape.dims) for p in network.parameters), shelf.shapes)
    models = [fit_model(tensor) for tensor in network.tensors]
    _check_tables(models)
    for model in models:
        encoder.model(model)
    for tensor, model in zip(network.tensors, models, strict=True):
        encoder.tensor(tensor, model)
    body = encoder.content()
    return MAGIC + bytes([VERSION]) + zlib.crc32(body).to_bytes(4, "little") + body


def from_bytes(content: bytes) -> CompressedNetwork:
    """Rebuild the network from the content of a file.

    Raises
    ------
    FileFormatError
        If the content is not that of a whole and undamaged `.ada` file of a known version.
    """
    decoder, shelf = Decoder(_checked_body(content)), Shelf()
    try:
        architecture, records = _read_records(decoder, shelf)
        models = [decoder.model() for _ in shelf.shapes]
        _check_tables(models)
        tensors = [
            decoder.tensor(math.prod(shape), model).reshape(shape)
            for shape, model in zip(shelf.shapes, models, strict=True)
        ]
        parameters = tuple(_parameter(record, tensors) for record in records)
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(str(error)) from error
    return CompressedNetwork(architecture, parameters, len(content))


def coded_bits(network: CompressedNetwork) -> dict[str, float]:
    """Bits that each parameter's integers cost in the coded stream, name -> bits.

    What several parameters share is counted for the first of them. Records and models come on top,
    see `n_bytes` for the whole.
    """
    bits: dict[str, float] = {}
    seen: set[int] = set()
    for parameter in network.parameters:
        bits[parameter.name] = 0.0
        for tensor in parameter.tensors:
            if id(tensor) not in seen:
                seen.add(id(tensor))
                model = fit_model(tensor)
                chances = model.probabilities()[tensor.ravel() + model.largest]
                bits[parameter.name] -= float(np.log2(chances).sum())
    return bits


def _checked_body(content: bytes) -> bytes:
    if content[: len(MAGIC)] != MAGIC:
        raise FileFormatError(
            f"starts with {content[:3]!r}, not {MAGIC!r}: this is not an .ada file"
        )
    if len(content) < PREFIX_BYTES:
        raise FileFormatError(
            f"ends after {len(content)} bytes; the prefix alone has {PREFIX_BYTES}"
        )
    version = content[len(MAGIC)]
    if version != VERSION:
        raise FileFormatError(f"has format version {version}; this program reads version {VERSION}")
    body = content[PREFIX_BYTES:]
    expected, found = int.from_bytes(content[4:8], "little"), zlib.crc32(body)
    if expected != found:
        raise FileFormatError(
            f"checksum is {found:08x}, the file says {expected:08x}: damaged or cut off"
        )
    return body


def _in_order(network: CompressedNetwork) -> Iterator[tuple[str, CodedParameter | None]]:
    """The parameters to write; of a known architecture all of its own, with None where one is zero."""
    present = {parameter.name: parameter for parameter in network.parameters}
    table = ARCHITECTURES.get(network.architecture)
    if table is None:
        yield from present.items()
        return
    for name, parameter in present.items():
        if table.get(name) != parameter.reshape.shape:
            raise ValueError(
                f"{name} of shape {parameter.reshape.shape} is no parameter of "
                f"{network.architecture}: {dict(table)}"
            )
    yield from ((name, present.get(name)) for name in table)


def _read_records(decoder: Decoder, shelf: Shelf) -> tuple[str, list[ParameterRecord]]:
    number = decoder.choice(NAMED + 1)
    if number < NAMED:
        if number >= len(KNOWN):
            raise FileFormatError(f"has architecture number {number}; known: 0 to {len(KNOWN) - 1}")
        table = ARCHITECTURES[KNOWN[number]]
        present = ((name, shape) for name, shape in table.items() if decoder.choice(2))
        return KNOWN[number], _read_each(decoder, shelf, present)
    name = decoder.text()
    count = decoder.integer(MAX_PARAMETERS)
    given = ((decoder.text(), read_shape(decoder)) for _ in range(count))
    return name, _read_each(decoder, shelf, given)


def _read_each(
    decoder: Decoder, shelf: Shelf, named: Iterator[tuple[str, Shape]]
) -> list[ParameterRecord]:
    records, weights = [], 0
    for name, shape in named:
        _check_size(weights + math.prod(shape), shelf.shapes)  # before its divisors are sought
        records.append(read_record(decoder, name, shape, shelf))
        weights += math.prod(records[-1].reshape.dims)
        _check_size(weights, shelf.shapes)
    return records


def _check_size(weights: int, shapes: Sequence[Shape]) -> None:
    stored = sum(math.prod(shape) for shape in shapes)
    if weights > MAX_WEIGHTS or stored > MAX_SYMBOLS:
        raise FileFormatError(
            f"declares {weights:,} weights from {stored:,} stored numbers; at most {MAX_WEIGHTS:,} from "
            f"{MAX_SYMBOLS:,} can be in a file"
        )


def _check_tables(models: Sequence[SymbolModel]) -> None:
    known = sum(2 * model.largest + 1 for model in models)
    if known > MAX_TABLES:
        raise FileFormatError(
            f"symbol models know {known:,} integers; at most {MAX_TABLES:,} may be: take larger steps"
        )


def _record(parameter: CodedParameter, numbers: dict[int, int]) -> ParameterRecord:
    parts = (parameter.core, *parameter.factors)
    return ParameterRecord(
        parameter.name,
        parameter.reshape,
        tuple(parameter.core.shape),
        tuple(None if part is None else numbers[id(part)] for part in parts),
        parameter.scale_code,
    )


def _parameter(record: ParameterRecord, tensors: Sequence[Symbols]) -> CodedParameter:
    core, *factors = (None if number is None else tensors[number] for number in record.parts)
    assert core is not None, "read_record gives every core a tensor"
    return CodedParameter(record.name, record.reshape, core, tuple(factors), record.scale_code)

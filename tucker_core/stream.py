"""The coded stream of a `.ada` file: the network as choices and integers, written and read.

In this order: the architecture; every parameter's record (`records`); every tensor's symbol model;
every tensor's integers. What is decoded are integers and one scale per parameter.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tucker_core.architectures import ARCHITECTURES
from tucker_core.codec import Decoder, Encoder
from tucker_core.limits import (
    Limits,
    check_coded,
    check_parameters,
    check_reach,
    check_size,
    check_tensors,
)
from tucker_core.names import check_unique, printable
from tucker_core.network import CodedParameter, CompressedNetwork
from tucker_core.quantize import SCALE_CODES, Symbols
from tucker_core.records import (
    ParameterRecord,
    Shape,
    Shelf,
    read_record,
    read_shape,
    write_record,
    write_shape,
)
from tucker_core.symbol_model import fit_model
from tucker_core.words import split_name

KNOWN = tuple(ARCHITECTURES)  # named by their number in this list; append only
NAMED = 255  # in place of that number: the name follows as a text


def write_network(
    encoder: Encoder, network: CompressedNetwork, scale_codes: int = SCALE_CODES
) -> None:
    """Write a network, each scale as one of so many codes.

    Raises
    ------
    TypeError, ValueError
        If it could not be read back: see `limits`.
    """
    check_parameters(network)
    network = _in_order(network)
    tensors = check_tensors(network)
    _write_records(encoder, network, scale_codes)
    models = [fit_model(tensor) for tensor in tensors]
    for model in models:
        encoder.model(model)
    for tensor, model in zip(tensors, models, strict=True):
        encoder.tensor(tensor, model)


def read_network(decoder: Decoder, scale_codes: int, limits: Limits) -> CompressedNetwork:
    """Read the network that a coded stream begins with, without checksum and end.

    Parameters
    ----------
    decoder : of all bytes of a file after the first eight
    scale_codes : among how many each scale was chosen
    limits : of what is believed

    Raises
    ------
    ValueError
        If what is read cannot be a network.
    """
    shelf = Shelf()
    architecture, records = _read_records(decoder, shelf, scale_codes, limits)
    models = [decoder.model() for _ in shelf.shapes]
    check_coded(shelf, models, limits)
    tensors = [
        decoder.tensor(math.prod(shape), model).reshape(shape)
        for shape, model in zip(shelf.shapes, models, strict=True)
    ]
    return CompressedNetwork(architecture, tuple(_parameter(r, tensors) for r in records))


def _write_records(encoder: Encoder, network: CompressedNetwork, scale_codes: int) -> None:
    numbers = {id(tensor): number for number, tensor in enumerate(network.tensors)}
    records = {p.name: _record(p, numbers) for p in network.parameters}
    named = network.architecture not in KNOWN
    encoder.choice(NAMED if named else KNOWN.index(network.architecture), NAMED + 1)
    if named:
        encoder.text(network.architecture)
        encoder.integer(len(records))
    shelf = Shelf()
    for name in records if named else ARCHITECTURES[network.architecture]:
        record = records.get(name)
        if not named:
            encoder.choice(int(record is not None), 2)
        if record is None:
            continue
        if named:
            encoder.text(name)
            write_shape(encoder, record.reshape.shape)
        write_record(encoder, record, shelf, scale_codes)


def _in_order(network: CompressedNetwork) -> CompressedNetwork:
    """The network with its parameters in the order of its architecture, if that is a known one."""
    table = ARCHITECTURES.get(network.architecture)
    if table is None:
        return network
    for parameter in network.parameters:
        if table.get(parameter.name) != tuple(parameter.reshape.shape):
            raise ValueError(
                f"{printable(parameter.name)} of shape {parameter.reshape.shape} is no parameter of "
                f"{network.architecture}: {dict(table)}"
            )
    places = {name: place for place, name in enumerate(table)}
    ordered = sorted(network.parameters, key=lambda parameter: places[parameter.name])
    return replace(network, parameters=tuple(ordered))


def _read_records(
    decoder: Decoder, shelf: Shelf, scale_codes: int, limits: Limits
) -> tuple[str, list[ParameterRecord]]:
    number = decoder.choice(NAMED + 1)
    if number < NAMED:
        if number >= len(KNOWN):
            raise ValueError(f"has architecture number {number}; known: 0 to {len(KNOWN) - 1}")
        table = ARCHITECTURES[KNOWN[number]]
        present = ((name, shape) for name, shape in table.items() if decoder.choice(2))
        return KNOWN[number], _read_each(decoder, shelf, present, scale_codes, limits)
    name = decoder.text()
    if name in KNOWN:
        raise ValueError(f"gives the name of {name}; it has the number {KNOWN.index(name)}")
    count = decoder.integer(limits.parameters)
    given = ((decoder.text(), read_shape(decoder)) for _ in range(count))
    records = _read_each(decoder, shelf, given, scale_codes, limits)
    check_unique(split_name(record.name)[0] for record in records)
    return name, records


def _read_each(
    decoder: Decoder,
    shelf: Shelf,
    named: Iterator[tuple[str, Shape]],
    scale_codes: int,
    limits: Limits,
) -> list[ParameterRecord]:
    records, weights = [], 0
    for name, shape in named:
        # before its divisors are sought
        check_size(name, weights + math.prod(shape), shelf, limits)
        try:
            record = read_record(decoder, name, shape, shelf, scale_codes, limits.weights - weights)
        except ValueError as error:
            raise ValueError(f"{printable(name)}: {error}") from error
        weights += math.prod(record.reshape.dims)
        check_size(name, weights, shelf, limits)
        check_reach(record, limits)
        records.append(record)
    return records


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

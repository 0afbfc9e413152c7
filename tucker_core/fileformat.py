"""The `.ada` file: a whole compressed network in one short, checked file.

Layout, version 1 (all integers are LEB128 varints unless a width is given):

    3 bytes   "ADA"
    1 byte    version, 1
    4 bytes   CRC-32 of everything after it, little-endian
    string    architecture (length, then UTF-8)
    int       number of parameters, then for each of them
        known architecture:  int index of the parameter in the table
        otherwise:           string name; int order; the shape
        int order N; the dims I_1 ... I_N
        1 byte 0, or 1 and then the permutation
        N ints: the rank J_n
        one reference for the core and for each mode's factor: 0 = no factor (a full mode, J_n = I_n),
        1 = the next new tensor, k + 1 = the k-th tensor of the file
    for each tensor: 1 byte step code (signed); int largest; if it is not 0, 1 byte theta code
              and 1 byte rho code
    rest      the integers of all tensors, range coded

Nothing is pickled, every length is checked before memory is taken, and the checksum is checked first.
"""

import math
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tucker_core.architectures import ARCHITECTURES
from tucker_core.codec import SymbolModel, decode, encode, fit_model
from tucker_core.files import replacing
from tucker_core.network import CodedParameter, CompressedNetwork
from tucker_core.quantize import CodedTensor
from tucker_core.records import (
    NEW_TENSOR,
    NO_FACTOR,
    FileFormatError,
    ParameterRecord,
    Reader,
    Writer,
)

MAGIC = b"ADA"
VERSION = 1
PREFIX_BYTES = len(MAGIC) + 1 + 4
MAX_FILE_BYTES = 1 << 28
MAX_SYMBOLS = 1 << 24
MAX_WEIGHTS = 1 << 28


def save(path: str | os.PathLike[str], network: CompressedNetwork) -> CompressedNetwork:
    """Write a network to a file, through a temporary file that is renamed when it is complete.

    Returns
    -------
    the same network with `n_bytes` set to the size of the file

    Raises
    ------
    ValueError
        If a known architecture has no parameter of that name and shape.
    OSError
        If the file cannot be written; an older file of that name is then still whole.

    Examples
    --------
    >>> import tempfile
    >>> from tucker_core import CodedParameter, plan_reshape, quantize
    >>> bias = CodedParameter("bias", plan_reshape((3,), 1), quantize(np.ones(3), 0.5), (None,))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = save(f"{folder}/tiny.ada", CompressedNetwork("tiny", (bias,)))
    ...     load(f"{folder}/tiny.ada").to_dense()["bias"]
    array([1., 1., 1.], dtype=float32)
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
    """The content of the file, the same bytes for the same network."""
    numbers = {id(tensor): k for k, tensor in enumerate(network.tensors, 1)}
    seen: set[int] = set()
    writer = Writer()
    writer.text(network.architecture)
    writer.integer(len(network.parameters))
    for parameter in network.parameters:
        writer.parameter(_record(parameter, numbers, seen), ARCHITECTURES.get(network.architecture))
    models = [fit_model(tensor.symbols) for tensor in network.tensors]
    for tensor, model in zip(network.tensors, models, strict=True):
        writer.signed_byte(tensor.step_code)
        writer.integer(model.largest)
        if model.largest:
            writer.byte(model.theta_code)
            writer.byte(model.rho_code)
    body = writer.content() + encode([tensor.symbols for tensor in network.tensors], models)
    return MAGIC + bytes([VERSION]) + zlib.crc32(body).to_bytes(4, "little") + body


def from_bytes(content: bytes) -> CompressedNetwork:
    """Rebuild the network from the content of a file.

    Raises
    ------
    FileFormatError
        If the content is not that of a whole and undamaged `.ada` file of a known version.
    """
    reader = Reader(_checked_body(content))
    try:
        architecture = reader.text()
        table = ARCHITECTURES.get(architecture)
        records = [reader.parameter(table) for _ in range(reader.integer(reader.left))]
        shapes, uses = _resolve(records)
        steps, models = [], []
        for _ in shapes:
            steps.append(reader.signed_byte())
            largest = reader.integer()
            models.append(
                SymbolModel(largest, *(reader.byte(), reader.byte()) if largest else (0, 0))
            )
        symbols = decode(reader.rest(), [math.prod(shape) for shape in shapes], models)
        tensors = [
            CodedTensor(flat.reshape(shape), step)
            for flat, shape, step in zip(symbols, shapes, steps, strict=True)
        ]
        parameters = tuple(
            _parameter(record, use, tensors) for record, use in zip(records, uses, strict=True)
        )
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(str(error)) from error
    return CompressedNetwork(architecture, parameters, len(content))


def coded_bits(network: CompressedNetwork) -> dict[str, float]:
    """Bits that each parameter's integers cost in the coded part, name -> bits.

    What several parameters share is counted for the first of them. The header and the models come on
    top, see `n_bytes` for the whole.
    """
    bits: dict[str, float] = {}
    seen: set[int] = set()
    for parameter in network.parameters:
        bits[parameter.name] = 0.0
        for tensor in parameter.tensors:
            if id(tensor) not in seen:
                seen.add(id(tensor))
                model = fit_model(tensor.symbols)
                chances = model.probabilities()[tensor.symbols.ravel() + model.largest]
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


def _record(parameter: CodedParameter, numbers: dict[int, int], seen: set[int]) -> ParameterRecord:
    references = []
    for tensor in (parameter.core, *parameter.factors):
        if tensor is None:
            references.append(NO_FACTOR)
        elif id(tensor) in seen:
            references.append(NEW_TENSOR + numbers[id(tensor)])
        else:
            references.append(NEW_TENSOR)
            seen.add(id(tensor))
    rank = tuple(int(r) for r in parameter.core.symbols.shape)
    return ParameterRecord(parameter.name, parameter.reshape, rank, tuple(references))


def _resolve(
    records: Sequence[ParameterRecord],
) -> tuple[list[tuple[int, ...]], list[list[int | None]]]:
    """Shapes of the stored tensors, and for each record which of them its core and factors are."""
    shapes: list[tuple[int, ...]] = []
    uses: list[list[int | None]] = []
    weights = stored = 0
    for record in records:
        weights += math.prod(record.reshape.dims)
        use: list[int | None] = []
        for shape, reference in zip(record.tensor_shapes(), record.references, strict=True):
            if reference == NEW_TENSOR:
                shapes.append(shape)
                stored += math.prod(shape)
            elif reference > NEW_TENSOR and (
                reference - NEW_TENSOR > len(shapes) or shapes[reference - NEW_TENSOR - 1] != shape
            ):
                raise FileFormatError(
                    f"{record.name}: refers to a tensor {reference - 1} that does not fit"
                )
            use.append({NO_FACTOR: None, NEW_TENSOR: len(shapes) - 1}.get(reference, reference - 2))
        uses.append(use)
    if weights > MAX_WEIGHTS or stored > MAX_SYMBOLS:
        raise FileFormatError(
            f"declares {weights:,} weights from {stored:,} stored numbers; at most {MAX_WEIGHTS:,} from "
            f"{MAX_SYMBOLS:,} are read"
        )
    return shapes, uses


def _parameter(
    record: ParameterRecord, use: Sequence[int | None], tensors: Sequence[CodedTensor]
) -> CodedParameter:
    core, *factors = (None if k is None else tensors[k] for k in use)
    assert core is not None, "Reader.parameter refuses a core without a tensor"
    return CodedParameter(record.name, record.reshape, core, tuple(factors))

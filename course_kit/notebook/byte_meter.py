"""Reading a `.ada` file with a meter beside it: how many bytes each thing in it takes.

All things in a file share one range-coded stream, so they don't end at whole bytes. But each answer
that the decoder gives takes as many bits as its probability says, log2(1 / p), and these add up to
the length of the stream, but for the rounding at its end.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tucker_core import ARCHITECTURES, Symbols
from tucker_core.codec import Decoder
from tucker_core.limits import limits_of
from tucker_core.quantize import SCALE_CODES
from tucker_core.records import ParameterRecord, Shelf, read_record
from tucker_core.symbol_model import SymbolModel

_LARGEST_COUNT = 1 << 16  # a choice among more is read as two, each of which counts itself


class Segment(NamedTuple):
    """A run of bytes of a file, which may begin and end inside a byte.

    Attributes
    ----------
    label : what it says
    kind : what sort of thing that is
    n_bytes : how long it is
    """

    label: str
    kind: str
    n_bytes: float


class Meter(Decoder):
    """A decoder that adds up the bits it reads.

    Parameters
    ----------
    content : the stream of a file, without the prefix

    Attributes
    ----------
    bits : read so far

    Examples
    --------
    >>> from tucker_core.codec import Encoder
    >>> encoder = Encoder()
    >>> encoder.choice(5, 8)
    >>> encoder.choice(1, 2)
    >>> meter = Meter(encoder.content())
    >>> meter.choice(8), meter.choice(2), meter.bits
    (5, 1, 4.0)
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.bits = 0.0
        self._last = 0.0

    def choice(self, count: int) -> int:
        """One of 0, ..., count - 1, for log2(count) bits."""
        if count <= _LARGEST_COUNT:
            self.bits += math.log2(count)
        return super().choice(count)

    def choices(self, size: int, count: int) -> Symbols:
        """So many of 0, ..., count - 1, an int32 array of shape (size,), for log2(count) bits each."""
        self.bits += size * math.log2(count)
        return super().choices(size, count)

    def tensor(self, size: int, model: SymbolModel) -> Symbols:
        """So many integers of a model, an int32 array of shape (size,), at -log2(p) bits each."""
        symbols = super().tensor(size, model)
        self.bits += ideal_bits(symbols, model)
        return symbols

    def lap(self) -> float:
        """Bytes read since the last call."""
        since, self._last = self.bits - self._last, self.bits
        return since / 8


def ideal_bits(symbols: Symbols, model: SymbolModel) -> float:
    """Bits that a model gives some integers: the sum of -log2(p).

    Examples
    --------
    >>> model = SymbolModel(size_code=1, zeta_code=4, theta_code=11)  # 1/4, 1/2, 1/4
    >>> ideal_bits(np.array([0, 0, 1], np.int32), model)
    4.0
    """
    chances = model.probabilities()[symbols.ravel() + model.largest]
    return -float(np.log2(chances).sum())


def file_segments(content: bytes) -> list[Segment]:
    """What each byte of a file says, in the file's order; the last piece is what rounding adds.

    Parameters
    ----------
    content : of a whole `.ada` file of version 2 and a built-in architecture, with its prefix of 8 bytes

    Examples
    --------
    >>> from course_kit.notebook.paths import model_path
    >>> found = file_segments(model_path("lenet5_small.ada").read_bytes())
    >>> round(sum(segment.n_bytes for segment in found))
    868
    """
    found = [Segment("ADA 2", "prefix", 4), Segment("CRC", "prefix", 4)]
    found += _segments(Meter(content[8:]), len(content) - 8)
    return [*found, Segment("end", "end", len(content) - sum(piece.n_bytes for piece in found))]


def _segments(meter: Meter, n_bytes: int) -> Iterator[Segment]:
    """Read a stream from its beginning to its end, and say of each thing how long it is."""
    architecture = list(ARCHITECTURES)[meter.choice(256)]
    yield Segment("architecture", "shapes", meter.lap())
    shelf, records = Shelf(), []
    for name, shape in ARCHITECTURES[architecture].items():
        if meter.choice(2):
            most = limits_of(n_bytes).weights
            records.append(read_record(meter, name, shape, shelf, SCALE_CODES, most))
        yield Segment(name.removesuffix(".weight"), "shapes", meter.lap())
    models = [meter.model() for _ in shelf.shapes]
    yield Segment("models", "models", meter.lap())
    labels = _labels(records)
    for part, (shape, model) in enumerate(zip(shelf.shapes, models, strict=True)):
        meter.tensor(math.prod(shape), model)
        kind = "matrices" if labels[part].startswith("$") else "cores, bias"
        yield Segment(labels[part], kind, meter.lap())


def _labels(records: list[ParameterRecord]) -> dict[int, str]:
    """What each stored tensor is called: its parameter's name for a core, M_n for a factor."""
    labels: dict[int, str] = {}
    for record in records:
        for place, part in enumerate(record.parts):
            if part is not None:
                core = record.name.removesuffix(".weight")
                labels.setdefault(part, f"$M_{place}$" if place else core)
    return labels

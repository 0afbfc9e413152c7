"""One stream of bits for everything a file says: small numbers, texts and tensors of integers.

`Encoder` and `Decoder` mirror each other method by method. All that is written goes through one range
coder (constriction's), so that a choice among twelve costs log2(12) = 3.6 bits and not a byte, and
nothing is ever padded. The decoder takes no length on trust: every number it reads has a limit.
"""

from collections.abc import Callable
from typing import Any

import constriction
import numpy as np

from tucker_core.quantize import Symbols
from tucker_core.symbol_model import CODES, SIZES, SymbolModel

_WORD = 4  # the range coder's bytes come in words of 32 bits
_DIGIT = 1 << 7  # larger numbers are written seven bits at a time
_MOST = 1 << 16  # more choices than that are split in two: the coder's probabilities have 24 bits
MAX_INTEGER = (1 << 31) - 1

_uniform: Callable[[int], Any] = constriction.stream.model.Uniform


class Encoder:
    """Writes numbers, texts and tensors into one string of bytes.

    Examples
    --------
    >>> encoder = Encoder()
    >>> encoder.choice(7, 12)
    >>> encoder.text("conv1")
    >>> decoder = Decoder(encoder.content())
    >>> decoder.choice(12), decoder.text()
    (7, 'conv1')
    """

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()
        self._written: list[tuple[Any, Any]] = []  # (integers, model), to see whether bytes suffice

    def choice(self, value: int, count: int) -> None:
        """One of 0, ..., count - 1, all equally likely; with only one choice nothing is written.

        Raises
        ------
        ValueError
            If the value is none of them.
        """
        if not 0 <= value < count:
            raise ValueError(f"{value} is none of the {count} choices 0 to {count - 1}")
        if count > _MOST:
            self.choice(value // _MOST, -(-count // _MOST))
            self._write(value % _MOST, _uniform(_MOST))
        elif count > 1:
            self._write(value, _uniform(count))

    def choices(self, values: Symbols, count: int) -> None:
        """Many of 0, ..., count - 1, an int32 array, all equally likely; count is at most 65,536.

        Raises
        ------
        ValueError
            If one of them is none of these, or count is too large.
        """
        if count > _MOST or not np.all((values >= 0) & (values < count)):
            raise ValueError(f"some value is none of the {count} choices, or these exceed {_MOST}")
        if count > 1 and len(values):
            self._write(values, _uniform(count))

    def integer(self, value: int) -> None:
        """A number from 0 to 2^31 - 1: seven bits at a time, each with a bit whether more follow."""
        while value >= _DIGIT:
            self.choice(value % _DIGIT + _DIGIT, 2 * _DIGIT)
            value //= _DIGIT
        self.choice(value, 2 * _DIGIT)

    def text(self, value: str) -> None:
        """A length and then UTF-8."""
        encoded = value.encode()
        self.integer(len(encoded))
        for byte in encoded:
            self.choice(byte, 256)

    def model(self, model: SymbolModel) -> None:
        """The codes of a symbol model; of one that knows only zeros the first is enough."""
        self.choice(model.size_code, SIZES)
        if model.largest:
            self.choice(model.zeta_code, CODES)
            self.choice(model.theta_code, CODES)

    def tensor(self, symbols: Symbols, model: SymbolModel) -> None:
        """The integers of a tensor in C order.

        Raises
        ------
        ValueError
            If an integer is larger than the model knows.
        """
        flat = np.ascontiguousarray(symbols, np.int32).ravel()
        if np.abs(flat).max(initial=0) > model.largest:
            raise ValueError(f"an integer exceeds the model's largest, {model.largest}")
        if model.largest:
            self._write(flat + np.int32(model.largest), _categorical(model))

    def content(self) -> bytes:
        """All that was written, in as few bytes as decode to it (the decoder reads zeros at the end)."""
        words = self._coder.get_compressed()
        whole = bytes(words.astype(">u4"))
        for length in range(max(0, len(whole) - 2 * _WORD), len(whole)):
            cut = int.from_bytes(whole[:length], "big")
            for number in (cut, cut + 1):
                if number < 1 << (8 * length) and self._suffices(number.to_bytes(length, "big")):
                    return number.to_bytes(length, "big")
        return whole

    def _write(self, values: Any, model: Any) -> None:
        self._coder.encode(values, model)
        self._written.append((values, model))

    def _suffices(self, content: bytes) -> bool:
        decoder = _range_decoder(content)
        try:
            return all(
                np.array_equal(decoder.decode(model, *_count(values)), values)
                for values, model in self._written
            )
        except AssertionError:  # these bytes fit no integer of a model
            return False


class Decoder:
    """Reads back what `Encoder` wrote.

    Parameters
    ----------
    content : the bytes of `Encoder.content`
    """

    def __init__(self, content: bytes) -> None:
        self._coder = _range_decoder(content)

    def choice(self, count: int) -> int:
        """One of 0, ..., count - 1.

        Raises
        ------
        ValueError
            If the bits name none of them.
        """
        if count <= _MOST:
            return int(self._read(_uniform(count))) if count > 1 else 0
        value = self.choice(-(-count // _MOST)) * _MOST + self.choice(_MOST)
        if value >= count:
            raise ValueError(f"{value} is none of the {count} choices 0 to {count - 1}")
        return value

    def choices(self, size: int, count: int) -> Symbols:
        """So many of 0, ..., count - 1, an int32 array of shape (size,).

        Raises
        ------
        ValueError
            If the bits name none of them.
        """
        if count <= 1 or not size:
            return np.zeros(size, np.int32)
        return np.asarray(self._read(_uniform(count), size), np.int32)

    def integer(self, limit: int = MAX_INTEGER) -> int:
        """A number of at most `limit`.

        Raises
        ------
        ValueError
            If it is larger.
        """
        value, place = 0, 1
        while True:
            digit = self.choice(2 * _DIGIT)
            value += digit % _DIGIT * place
            if value > limit:
                raise ValueError(f"an integer of {value} where at most {limit} can be")
            if digit < _DIGIT:
                return value
            place *= _DIGIT
            if place > MAX_INTEGER:
                raise ValueError(f"an integer above {MAX_INTEGER}")

    def text(self, limit: int = 1_000) -> str:
        """A text of at most `limit` bytes.

        Raises
        ------
        ValueError
            If it is longer, or no UTF-8.
        """
        encoded = bytes(self.choice(256) for _ in range(self.integer(limit)))
        try:
            return encoded.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"a name is no UTF-8 text: {encoded!r}") from error

    def model(self) -> SymbolModel:
        """A symbol model."""
        size_code = self.choice(SIZES)
        codes = (self.choice(CODES), self.choice(CODES)) if size_code else (0, 0)
        return SymbolModel(size_code, *codes)

    def tensor(self, size: int, model: SymbolModel) -> Symbols:
        """So many integers of a model, an int32 array of shape (size,).

        Raises
        ------
        ValueError
            If the bytes fit no integer of the model.
        """
        if not model.largest:
            return np.zeros(size, np.int32)
        integers: Symbols = np.asarray(self._read(_categorical(model), size), np.int32)
        return integers - np.int32(model.largest)

    def _read(self, model: Any, *count: int) -> Any:
        try:
            return self._coder.decode(model, *count)
        except AssertionError as error:
            raise ValueError("the coded stream fits no value that could stand here") from error


def _count(values: Any) -> tuple[int, ...]:
    """What decode needs to know beside the model: nothing for one number, else how many."""
    return () if isinstance(values, int) else (len(values),)


def _categorical(model: SymbolModel) -> Any:
    return constriction.stream.model.Categorical(model.probabilities(), perfect=False)


def _range_decoder(content: bytes) -> Any:
    padded = content + bytes(-len(content) % _WORD)
    return constriction.stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))

"""One stream of bits for everything a file says: small numbers, texts and tensors of integers.

`Encoder` and `Decoder` mirror each other method by method. All that is written goes through one range
coder (constriction's), so that a choice among twelve costs log2(12) = 3.6 bits and not a byte, and
nothing is ever padded. The decoder takes no length on trust: every number it reads has a limit.
"""

import operator
from functools import lru_cache
from typing import Any

import constriction
import numpy as np

from tucker_core.names import MAX_NAME_BYTES
from tucker_core.quantize import Symbols, check_symbols
from tucker_core.symbol_model import CODES, SIZES, SymbolModel

_WORD = 4  # the range coder's bytes come in words of 32 bits
_STATE = 2  # words that the range coder keeps back
_DIGIT = 1 << 7  # larger numbers are written seven bits at a time
_MOST = 1 << 16  # more choices than that are split in two: the coder's probabilities have 24 bits
MAX_INTEGER = (1 << 31) - 1

_RangeEncoder: Any = constriction.stream.queue.RangeEncoder


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
        self._coder = _RangeEncoder()

    def choice(self, value: int, count: int) -> None:
        """One of 0, ..., count - 1, all equally likely; with only one choice nothing is written.

        Raises
        ------
        ValueError
            If the value is none of them.
        """
        value = operator.index(value)  # the coder takes Python's own integers
        if not 0 <= value < count:
            raise ValueError(f"{value} is none of the {count} choices 0 to {count - 1}")
        if count > _MOST:
            self.choice(value // _MOST, -(-count // _MOST))
            self._coder.encode(value % _MOST, _uniform(_MOST))
        elif count > 1:
            self._coder.encode(value, _uniform(count))

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
            self._coder.encode(np.ascontiguousarray(values, np.int32), _uniform(count))

    def integer(self, value: int) -> None:
        """A number from 0 to 2^31 - 1: seven bits at a time, each with a bit whether more follow.

        Raises
        ------
        ValueError
            If it is another one.
        """
        if not 0 <= value <= MAX_INTEGER:
            raise ValueError(f"an integer of {value}; 0 to {MAX_INTEGER} can be written")
        while value >= _DIGIT:
            self.choice(value % _DIGIT + _DIGIT, 2 * _DIGIT)
            value //= _DIGIT
        self.choice(value, 2 * _DIGIT)

    def text(self, value: str) -> None:
        """A length and then UTF-8, at most 1,000 bytes.

        Raises
        ------
        ValueError
            If it is longer, or cannot be written as UTF-8.
        """
        encoded = value.encode()
        if len(encoded) > MAX_NAME_BYTES:
            raise ValueError(
                f"a text of {len(encoded)} bytes; at most {MAX_NAME_BYTES} can be written"
            )
        self.integer(len(encoded))
        self.choices(np.frombuffer(encoded, np.uint8).astype(np.int32), 256)

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
        TypeError
            If these are no integers.
        ValueError
            If an integer is larger than the model knows.
        """
        flat = check_symbols(symbols).ravel()
        if np.abs(flat).max(initial=0) > model.largest:
            raise ValueError(f"an integer exceeds the model's largest, {model.largest}")
        if model.largest:
            self._coder.encode(flat + np.int32(model.largest), _categorical(model))

    def content(self) -> bytes:
        """All that was written, in as few bytes as decode to it (the decoder reads zeros at the end)."""
        return _fewest_bytes(self._coder)


class Decoder:
    """Reads back what `Encoder` wrote.

    Parameters
    ----------
    content : the bytes of `Encoder.content`
    """

    def __init__(self, content: bytes) -> None:
        padded = content + bytes(-len(content) % _WORD)
        words = np.frombuffer(padded, ">u4").astype(np.uint32)
        self._coder = constriction.stream.queue.RangeDecoder(words)
        self._content, self._again = content, _RangeEncoder()

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
                if digit == 0 < place - 1:
                    raise ValueError(f"an integer of {value} ends in a zero that nobody writes")
                return value
            place *= _DIGIT
            if place > MAX_INTEGER:
                raise ValueError(f"an integer above {MAX_INTEGER}")

    def text(self, limit: int = MAX_NAME_BYTES) -> str:
        """A text of at most `limit` bytes.

        Raises
        ------
        ValueError
            If it is longer, or no UTF-8.
        """
        encoded = self.choices(self.integer(limit), 256).astype(np.uint8).tobytes()
        try:
            return encoded.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"a name is no UTF-8 text: {encoded[:40]!r}") from error

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
        integers -= np.int32(model.largest)
        return integers

    def finish(self) -> None:
        """Say that all has been read: the content must be what an encoder writes for it.

        Raises
        ------
        ValueError
            If bytes follow, or some at the end are missing or others.
        """
        needed = _fewest_bytes(self._again)
        if needed != self._content:
            raise ValueError(
                f"the coded stream has {len(self._content):,} bytes, not the {len(needed):,} that are "
                "written for what it holds: bytes were added, lost or changed"
            )

    def _read(self, model: Any, *count: int) -> Any:
        try:
            values = self._coder.decode(model, *count)
        except AssertionError as error:
            raise ValueError("the coded stream fits no value that could stand here") from error
        self._again.encode(values, model)
        return values


def _fewest_bytes(coder: Any) -> bytes:
    """The shortest bytes in a range encoder's interval; of two of that length the greatest.

    What was written lies between `low` and `low + width`, binary fractions of so many words; any
    number in between decodes to it.
    """
    words = coder.get_compressed()
    sealed = bytes(words.astype(">u4"))  # some number in between
    position, (state, width) = coder.pos()
    n_bits = 8 * _WORD * (position + _STATE)
    inside = int.from_bytes(sealed, "big") << (n_bits - 8 * len(sealed))
    low = inside - (inside - state) % (1 << 8 * _WORD * _STATE)
    for length in range(max(0, len(sealed) - _WORD * _STATE), len(sealed)):
        unit = n_bits - 8 * length
        number: int = max(inside >> unit, -(-low >> unit))
        if number << unit < low + width and number < 1 << (8 * length):
            return number.to_bytes(length, "big")
    return sealed


@lru_cache(maxsize=1024)
def _uniform(count: int) -> Any:
    return constriction.stream.model.Uniform(count)


def _categorical(model: SymbolModel) -> Any:
    return constriction.stream.model.Categorical(model.probabilities(), perfect=False)

"""Symbol models and the coded stream: everything comes back, in about as many bits as it should take."""

import math
import zlib
from fractions import Fraction

import constriction
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core.codec import Decoder, Encoder
from tucker_core.symbol_model import CODES, SymbolModel, fit_model

# what the encoder gave for the tensor of the test that uses it, on x86-64 with constriction 0.5.0
GOLDEN = "0e49c676d827557d8f5b589d49c7afe80e57f6b8b06d1c5d4bfc3d"

MODELS = 2193398174  # CRC-32 of the codes that were found on x86-64

integers = st.lists(st.integers(-40, 40), min_size=1, max_size=200)


def coded(tensor: np.ndarray) -> bytes:
    encoder = Encoder()
    encoder.tensor(tensor, fit_model(tensor))
    return encoder.content()


@given(st.lists(integers, min_size=1, max_size=4), st.lists(st.integers(0, 11), max_size=9))
def test_integers_and_choices_come_back(lists: list[list[int]], choices: list[int]) -> None:
    tensors = [np.array(values, np.int32) for values in lists]
    models = [fit_model(tensor) for tensor in tensors]
    encoder = Encoder()
    for choice in choices:
        encoder.choice(choice, 12)
    for tensor, model in zip(tensors, models, strict=True):
        encoder.tensor(tensor, model)
    decoder = Decoder(encoder.content())
    assert [decoder.choice(12) for _ in choices] == choices
    for tensor, model in zip(tensors, models, strict=True):
        np.testing.assert_array_equal(decoder.tensor(tensor.size, model), tensor)


@given(st.lists(st.integers(0, (1 << 31) - 1), max_size=5), st.text(max_size=40))
def test_numbers_and_texts_come_back(numbers: list[int], text: str) -> None:
    encoder = Encoder()
    for number in numbers:
        encoder.integer(number)
    encoder.text(text)
    decoder = Decoder(encoder.content())
    assert [decoder.integer() for _ in numbers] == numbers
    assert decoder.text() == text


@pytest.mark.parametrize("extreme", [np.array([32768, -32768, 0]), np.zeros(9), np.array([-1])])
def test_extreme_integers_come_back(extreme: np.ndarray) -> None:
    tensor = extreme.astype(np.int32)
    back = Decoder(coded(tensor)).tensor(tensor.size, fit_model(tensor))
    np.testing.assert_array_equal(back, tensor)


class Remembering(Encoder):
    """An encoder that can say whether bytes decode to what it wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[np.ndarray, SymbolModel]] = []

    def tensor(self, symbols: np.ndarray, model: SymbolModel) -> None:
        self.written.append((symbols, model))
        super().tensor(symbols, model)

    def suffices(self, content: bytes) -> bool:
        decoder = Decoder(content)
        try:
            return all(np.array_equal(decoder.tensor(t.size, m), t) for t, m in self.written)
        except ValueError:
            return False


@given(
    st.lists(st.tuples(integers, st.integers(0, CODES - 1), st.integers(0, CODES - 1)), max_size=3)
)
def test_no_shorter_bytes_decode_to_the_same(lists: list[tuple[list[int], int, int]]) -> None:
    encoder = Remembering()
    for values, zeta, theta in lists:
        tensor = np.array(values, np.int32)
        encoder.tensor(tensor, SymbolModel(fit_model(tensor).size_code, zeta, theta))
    content = encoder.content()
    assert encoder.suffices(content)
    number = int.from_bytes(content, "big")
    for length in range(max(0, len(content) - 9), len(content)):
        cut = number >> 8 * (len(content) - length)
        near = (k for k in (cut - 1, cut, cut + 1) if 0 <= k < 1 << 8 * length)
        assert not any(encoder.suffices(k.to_bytes(length, "big")) for k in near)


def test_the_decoder_knows_where_the_stream_ends() -> None:
    encoder = Encoder()
    encoder.integer(1_000)
    encoder.tensor(np.array([3, -1, 0, 0, 2], np.int32), SymbolModel(3, 5, 5))
    content = encoder.content()
    for body in (content, content + b"\0", content + b"x", content + bytes(40)):
        decoder = Decoder(body)
        assert decoder.integer() == 1_000
        decoder.tensor(5, SymbolModel(3, 5, 5))
        if body == content:
            decoder.finish()
        else:
            with pytest.raises(ValueError, match=rf"stream has {len(body)} bytes, not the \d+"):
                decoder.finish()


def test_the_documented_coder_is_the_one_that_is_used() -> None:
    encoder, coder = Encoder(), constriction.stream.queue.RangeEncoder()
    for byte in b"conv1":
        encoder.choice(byte, 256)
        coder.encode(byte, constriction.stream.model.Uniform(256))
    assert bytes(coder.get_compressed().astype(">u4")).startswith(encoder.content()[:-1])


def test_choices_cost_no_more_than_their_logarithm() -> None:
    encoder = Encoder()
    for number in range(1000):
        encoder.choice(number % 12, 12)
    assert abs(len(encoder.content()) - 1000 * np.log2(12) / 8) < 2


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("law", ["normal", "laplace"])
def test_coded_size_is_near_the_entropy(law: str, scale: float) -> None:
    rng = np.random.default_rng(0)
    tensor = np.rint(getattr(rng, law)(0, scale, 4000)).astype(np.int32)
    counts = np.unique(tensor, return_counts=True)[1]
    entropy = -float(np.sum(counts * np.log2(counts / counts.sum()))) / 8
    assert entropy - 1 <= len(coded(tensor)) <= 1.03 * entropy + 8


def test_the_fitted_model_is_the_cheapest_of_all() -> None:
    tensor = np.rint(np.random.default_rng(5).laplace(0, 1.5, 300)).astype(np.int32)
    fitted = fit_model(tensor)

    def bits(model: SymbolModel) -> float:
        return -float(np.log2(model.probabilities()[tensor + model.largest]).sum())

    models = [SymbolModel(fitted.size_code, t, r) for t in range(CODES) for r in range(CODES)]
    assert bits(fitted) == pytest.approx(min(map(bits, models)), rel=1e-12)


def exact_cost(tensor: np.ndarray, model: SymbolModel) -> Fraction:
    """Two to the power of the bits, by whole numbers alone."""
    half = model.probabilities()[model.largest :]
    weights = [Fraction(float(p)) for p in half]
    counts = np.bincount(np.abs(tensor), minlength=len(half)).tolist()
    return 1 / math.prod((w**c for w, c in zip(weights, counts, strict=True)), start=Fraction(1))


@pytest.mark.parametrize("seed", range(40))
def test_of_models_that_cost_the_same_the_first_is_taken(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tensor = np.rint(rng.laplace(0, 0.5, int(rng.integers(1, 12)))).astype(np.int32)
    fitted = fit_model(tensor)
    if not fitted.size_code:
        return
    models = [SymbolModel(fitted.size_code, z, t) for z in range(CODES) for t in range(CODES)]
    costs = [exact_cost(tensor, model) for model in models]
    found = costs[models.index(fitted)]
    assert found <= min(costs) * (1 + Fraction(1, 1 << 24))  # as much as logarithms are rounded
    equal = (k for k, cost in enumerate(costs) if abs(cost / found - 1) < Fraction(1, 1 << 40))
    assert models.index(fitted) == next(equal)


def test_models_are_the_same_on_every_machine() -> None:
    rng = np.random.default_rng(7)  # PCG64 and these integers are the same everywhere
    digest = zlib.crc32(b"")
    for size in range(1, 200):
        wide = int(rng.integers(1, 12))
        tensor = rng.integers(-wide, wide + 1, size) * rng.integers(0, 2, size)
        model = fit_model(tensor.astype(np.int32))
        digest = zlib.crc32(bytes([model.size_code, model.zeta_code, model.theta_code]), digest)
    assert digest == MODELS


@pytest.mark.parametrize("codes", [(0, 0, 0), (5, 15, 15), (28, 0, 0), (30, 1, 1), (9, 8, 3)])
def test_every_model_gives_every_integer_a_chance(codes: tuple[int, int, int]) -> None:
    chances = SymbolModel(*codes).probabilities()
    assert chances.min() > 0
    assert chances.sum() == pytest.approx(1, abs=1e-9)
    np.testing.assert_array_equal(chances, chances[::-1])


def test_coded_bytes_are_the_same_on_every_machine() -> None:
    tensor = (np.arange(60, dtype=np.int32) ** 2) % 11 - 5
    assert fit_model(tensor) == SymbolModel(5, 6, 8)
    assert coded(tensor).hex() == GOLDEN


def test_what_cannot_be_written_or_read_is_refused() -> None:
    encoder = Encoder()
    with pytest.raises(ValueError, match="12 is none of the 12"):
        encoder.choice(12, 12)
    with pytest.raises(ValueError, match="exceeds"):
        encoder.tensor(np.array([3], np.int32), SymbolModel(2, 0, 0))
    for number in (-1, 1 << 31):
        with pytest.raises(ValueError, match=f"an integer of {number}"):
            encoder.integer(number)
    with pytest.raises(ValueError, match="1001 bytes; at most 1000"):
        encoder.text("w" * 1_001)
    encoder.integer(1_000)
    with pytest.raises(ValueError, match="at most 999"):
        Decoder(encoder.content()).integer(999)
    with pytest.raises(ValueError, match="32768"):
        fit_model(np.array([40_000], np.int32))


def test_many_choices_come_back_and_others_are_refused() -> None:
    values = np.array([0, 4, 2, 4], np.int32)
    encoder = Encoder()
    encoder.choices(values, 5)
    encoder.choices(np.zeros(3, np.int32), 1)
    decoder = Decoder(encoder.content())
    np.testing.assert_array_equal(decoder.choices(4, 5), values)
    np.testing.assert_array_equal(decoder.choices(3, 1), [0, 0, 0])
    for wrong, count in ((values, 4), (-values, 5), (values, 1 << 17)):
        with pytest.raises(ValueError, match=f"none of the {count} choices"):
            Encoder().choices(wrong, count)

"""The range coder in JavaScript, held to constriction's: values, ends of streams, carries."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from tests.playground.engine import Engine
from tucker_core.codec import Encoder

READ = """(() => {{
  const decoder = new RangeDecoder(file);
  const values = {counts}.map((count) => decoder.choice(count));
  decoder.finish();
  return values;
}})()"""


def encoded(values: Sequence[int], counts: Sequence[int]) -> bytes:
    encoder = Encoder()
    for value, count in zip(values, counts, strict=True):
        encoder.choice(value, count)
    return encoder.content()


def assert_reads_the_same(engine: Engine, values: Sequence[int], counts: Sequence[int]) -> None:
    """Also that the stream ends as our own writer ends it: `finish` compares every byte."""
    engine.put("file", encoded(values, counts))
    assert engine.json(READ.format(counts=json.dumps(counts))) == values


@pytest.mark.parametrize("most", [3, 300, 1 << 16, 1 << 28])
def test_choices_are_read_and_the_stream_ends_alike(engine: Engine, most: int) -> None:
    rng = np.random.default_rng(most)
    for _ in range(150):
        counts = [int(count) for count in rng.integers(1, most + 2, int(rng.integers(0, 9)))]
        values = [int(rng.choice([0, n - 1, int(rng.integers(n))])) for n in counts]
        assert_reads_the_same(engine, values, counts)


@pytest.mark.parametrize("shifts", [1, 2, 3, 4])
def test_a_carry_runs_through_words_of_ones(engine: Engine, shifts: int) -> None:
    """Values whose intervals hold the middle, until many words are 1: the next value is above it."""
    count, low, span, middle = 999, 0, (1 << 64) - 1, 1 << 63
    values, shifted = list[int](), 0
    width = (1 << 24) // count
    while True:
        step = span >> 24
        value = min((middle - low) // step // width, count - 1)
        done = shifted == shifts and value < count - 2
        values.append(value + done)
        low += step * width * values[-1]
        span = step * ((1 << 24) - width * (count - 1) if values[-1] == count - 1 else width)
        if done:
            break
        if span < 1 << 32:
            low, span, middle, shifted = low << 32, span << 32, middle << 32, shifted + 1
    assert low > middle  # and every value before had its start below
    assert_reads_the_same(engine, values, [count] * len(values))


def test_bits_that_fit_no_value_are_refused(engine: Engine) -> None:
    engine.put("file", b"\xff" * 16)
    with pytest.raises(Exception, match="fits no value that could stand here"):
        engine.json(READ.format(counts=[3] * 20))

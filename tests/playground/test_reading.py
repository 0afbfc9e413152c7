"""From strokes to an answer: the pixels that the page makes of them, and the networks' logits."""

import json

import numpy as np
import numpy.typing as npt
import pytest

from course_kit.notebook.numpy_net import logits
from course_kit.notebook.paths import bundled_digits, model_path
from tests.playground.engine import Engine
from tests.playground.strokes import DIGITS, Stroke
from tucker_core import load

LENETS = sorted(path.name for path in model_path("lenet5_small.ada").parent.glob("lenet*.ada"))
EACH = "for (let k = 0; k < n; k++) out.set(runLenet(net.architecture, dense, \
images.subarray(784 * k, 784 * k + 784)).logits, 10 * k);"


def pixels(engine: Engine, strokes: list[Stroke]) -> npt.NDArray[np.uint8]:
    return engine.array(f"toDigit({json.dumps(strokes)})", np.uint8).reshape(28, 28)


def largest_difference(engine: Engine, name: str, n: int) -> float:
    """Between the logits of the page and those of numpy, for the first n held-out digits."""
    images = bundled_digits()[0][:n]
    assert engine.decode(model_path(name).read_bytes()) == ""
    engine.put("images", images.tobytes())
    code = f"{{ var n = {n}, out = new Float32Array(10 * n); {EACH} }} out"
    found = engine.array(code, np.float32).reshape(n, 10)
    network = load(model_path(name))
    return float(np.abs(found - logits(network.architecture, network.to_dense(), images)).max())


@pytest.mark.parametrize("name", LENETS)
def test_logits_of_digits_agree(engine: Engine, name: str) -> None:
    assert largest_difference(engine, name, n=25) < 1e-4


def test_logits_of_a_thousand_digits_agree(engine: Engine) -> None:
    """Of the network that the page holds."""
    assert largest_difference(engine, "lenet5_small.ada", n=1_000) < 1e-4


@pytest.mark.parametrize("name", ["lenet5_small.ada", "lenet300_smallest.ada"])
@pytest.mark.parametrize("digit", DIGITS)
def test_digits_drawn_by_hand_are_read(engine: Engine, name: str, digit: int) -> None:
    """Also small ones, and ones at the edge of the pad."""
    assert engine.decode(model_path(name).read_bytes()) == ""
    for size, left, top in ((1.0, 0.0, 0.0), (0.6, 0.35, 0.4), (0.7, -0.1, 0.0)):
        strokes = [[(left + size * x, top + size * y) for x, y in line] for line in DIGITS[digit]]
        answer = (
            f"softmax(runLenet(net.architecture, dense, toDigit({json.dumps(strokes)})).logits)"
        )
        chances = engine.json(answer)
        assert np.argmax(chances) == digit
        assert sum(chances) == pytest.approx(1)


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_is_in_a_box_of_20_with_its_mass_in_the_middle(engine: Engine, digit: int) -> None:
    image = pixels(engine, DIGITS[digit]).astype(float)
    rows, columns = np.flatnonzero(image.sum(1)), np.flatnonzero(image.sum(0))
    extents = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert 20 <= max(extents) <= 22  # a soft edge of one pixel
    middle = np.arange(28) + 0.5
    assert (image.sum(1) @ middle / image.sum()) == pytest.approx(14, abs=0.1)
    assert (image.sum(0) @ middle / image.sum()) == pytest.approx(14, abs=0.1)


def test_digits_are_as_dark_as_mnists(engine: Engine) -> None:
    drawn = np.mean([pixels(engine, strokes).mean() for strokes in DIGITS.values()])
    assert drawn == pytest.approx(bundled_digits()[0].mean(), rel=0.1)


def test_a_dot_stays_a_dot_and_no_stroke_is_no_digit(engine: Engine) -> None:
    for dot in ([(0.1, 0.9)], [(0.1, 0.9), (0.12, 0.89)]):
        assert 2 <= np.count_nonzero(pixels(engine, [dot]).any(0)) <= 6
    assert engine.run("toDigit([]) === null")

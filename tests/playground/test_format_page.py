"""docs/file_format.md tells all that a reader in another language needs, and tells it right."""

import re
from pathlib import Path

import constriction
import numpy as np
import numpy.typing as npt
import pytest

from tests.playground.engine import Engine
from tucker_core.symbol_model import CODES, SIZES, SymbolModel

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "file_format.md").read_text(encoding="utf-8")
STEP = (1 << 40) - 1  # of a fresh coder: 2^64 - 1 over 2^24
TOTAL = 1 << 24


def told_table(model: SymbolModel) -> npt.NDArray[np.int64]:
    """C of the page's four steps, in float64."""
    chances = model.probabilities()
    sums = np.concatenate([[0.0], np.cumsum(chances)])  # one after the other
    factor = (TOTAL - len(chances)) / sums[-1]
    table: npt.NDArray[np.int64] = np.floor(sums * factor).astype(np.int64) + np.arange(len(sums))
    table[-1] = TOTAL
    return table


def coded_interval(model: SymbolModel, value: int) -> tuple[int, int]:
    """Where the coder itself puts the first value: its start in the table, and its width."""
    encoder = constriction.stream.queue.RangeEncoder()
    encoder.encode(
        value, constriction.stream.model.Categorical(model.probabilities(), perfect=False)
    )
    _, (low, width) = encoder.pos()
    return low // STEP, width // STEP


@pytest.mark.parametrize("size_code", range(1, 12))
def test_the_page_tells_the_coders_own_table(engine: Engine, size_code: int) -> None:
    """The page's steps are the script's for every pair of codes, and the coder's at the ends and amid."""
    for zeta in range(CODES):
        for theta in range(CODES):
            model = SymbolModel(size_code, zeta, theta)
            table = told_table(model)
            script = engine.array(f"symbolTable({model.largest}, {zeta}, {theta})", np.uint32)
            assert np.array_equal(script, table), model
            for value in (0, model.largest, 2 * model.largest):
                width = int(table[value + 1] - table[value])
                assert coded_interval(model, value) == (table[value], width), model


@pytest.mark.parametrize("size_code", [20, SIZES - 1])
def test_large_tables_are_the_same(engine: Engine, size_code: int) -> None:
    for zeta, theta in ((0, 0), (5, 3), (15, 15)):
        model = SymbolModel(size_code, zeta, theta)
        script = engine.array(f"symbolTable({model.largest}, {zeta}, {theta})", np.uint32)
        assert np.array_equal(script, told_table(model)), model


def test_the_example_on_the_page_is_right() -> None:
    example = PAGE[PAGE.index("Example, s = 2, zeta = 4, theta = 11") :].split("\n\n")[0]
    numbers = [int(number) for number in re.findall(r"\d{7,}|(?<=table is )0", example)]
    weights, table = numbers[:5], numbers[5:]
    model = SymbolModel(2, 4, 11)
    assert np.array_equal(table, told_table(model))
    assert np.array_equal(np.divide(weights, sum(weights)), model.probabilities())


def test_whole_numbers_would_give_another_table_as_the_page_says() -> None:
    """The models with theta of code 0 and few integers suffice to see one of the 52."""
    model = SymbolModel(2, 5, 0)
    chances = [4, 4, 6, 4, 4]  # sixteenths of the weights: zeta is 3/2
    whole = [sum(chances[:j]) * (TOTAL - 5) // sum(chances) + j for j in range(5)]
    assert np.count_nonzero(told_table(model)[:-1] != whole) == 1

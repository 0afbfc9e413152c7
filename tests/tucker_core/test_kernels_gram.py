"""Gram matrices: tiles and BLAS against einsum, in every layout of a block and both precisions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core.checks import FloatArray
from tucker_core.kernels.gram import LARGEST_TILED, gram_in_numpy, mode_gram

PRECISIONS = [(np.float32, np.float32), (np.float32, np.float64), (np.float64, np.float64)]


def error_of(gram: FloatArray, block: FloatArray) -> float:
    """Largest error of a Gram matrix, in units of what rounding its sums may cost."""
    exact = np.einsum("lir,ljr->ij", block.astype(float), block.astype(float))
    sizes = np.einsum("lir,ljr->ij", *[np.abs(block).astype(float)] * 2)
    terms = block.shape[0] * block.shape[2]
    return float((np.abs(gram - exact) / sizes).max() / (terms * np.finfo(gram.dtype).eps))


def draw_block(shape: tuple[int, ...], dtype: type[np.floating[Any]]) -> FloatArray:
    rng = np.random.default_rng(sum(shape))
    return rng.standard_normal(shape).astype(dtype)


@given(st.integers(1, 7), st.integers(1, 20), st.integers(1, 9), st.sampled_from(PRECISIONS))
def test_small_blocks(left: int, rows: int, right: int, precision: Any) -> None:
    dtype, target = precision
    block = draw_block((left, rows, right), dtype)
    for gram in (mode_gram(block, target), gram_in_numpy(block, np.dtype(target))):
        assert gram.dtype == target
        assert error_of(gram, block) <= 1
        np.testing.assert_array_equal(gram, gram.T)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    "shape",
    [
        (1, 3, 50_000),  # several panels of one slab
        (3, 17, 64),  # slabs just long enough to be used where they lie
        (2000, 5, 63),  # slabs just too thin: several bufferfuls of gathered ones
        (40_000, 7, 1),  # last mode, several bufferfuls
        (2, LARGEST_TILED, 65),
        (2, LARGEST_TILED + 1, 65),  # BLAS
    ],
)
def test_every_path(shape: tuple[int, ...], precision: Any) -> None:
    dtype, target = precision
    block = draw_block(shape, dtype)
    assert error_of(mode_gram(block, target), block) <= 1
    assert error_of(gram_in_numpy(block, np.dtype(target)), block) <= 1


def test_summing_in_float64_keeps_what_float32_loses() -> None:
    block = np.full((1, 1, 100_000), 1e-4, np.float32)
    block[0, 0, 0] = 1.0
    exact = 1 + 99_999 * float(np.float32(1e-4)) ** 2
    assert float(mode_gram(block, np.float64)[0, 0]) == pytest.approx(exact, rel=1e-14)


def test_a_block_that_may_not_be_written_is_read() -> None:
    block = np.ones((2, 3, 4))
    block.flags.writeable = False
    np.testing.assert_array_equal(mode_gram(block), np.full((3, 3), 8.0))


@pytest.mark.parametrize(
    ("block", "dtype", "error", "message"),
    [
        (np.ones((2, 3, 4), int), None, TypeError, "int64"),
        (np.ones((2, 3, 4)), np.float32, TypeError, "float64 and the sum float32"),
        (np.ones((2, 3)), None, ValueError, r"shape \(2, 3\)"),
        (np.ones((2, 3, 4)).transpose(2, 1, 0), None, ValueError, "C-contiguous"),
        (np.ones((2, 0, 4)), None, ValueError, "entries"),
    ],
)
def test_unsuitable_blocks_are_named(
    block: Any, dtype: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        mode_gram(block, dtype)

"""Unfoldings and n-mode products: by hand, against einsum and TensorLy, and their identities.

Everything is run by the compiled kernel and by plain numpy.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorly as tl
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import tensors, tolerance
from tucker_core import algebra, fold, mode_dot, multi_mode_dot, unfold
from tucker_core.checks import FloatArray

# X[i, j, k] = 6 i + 2 j + k, written out
X = np.array([[[0.0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [10, 11]]])
BY_HAND = {
    0: [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]],
    1: [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]],
    2: [[0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9, 11]],
}


@pytest.fixture(params=["compiled", "numpy"], scope="module", autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the kernel do the work, or its readable twin."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(algebra, "can_compile", lambda: False)
        yield


@pytest.mark.parametrize("shape", [(3, 100, 1100), (100, 2050), (70, 200), (300, 20, 7)])
@pytest.mark.parametrize("transpose", [False, True])
def test_long_columns_and_wide_slabs(shape: tuple[int, ...], transpose: bool) -> None:
    rng = np.random.default_rng(0)
    tensor = rng.standard_normal(shape)
    for mode, dim in enumerate(shape):
        matrix = rng.standard_normal((5, dim))
        found = mode_dot(tensor, matrix.T.copy() if transpose else matrix, mode, transpose)
        expected = np.moveaxis(np.tensordot(matrix, tensor, (1, mode)), 0, mode)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(tensor, dim))


@pytest.mark.parametrize("mode", BY_HAND)
def test_unfold_by_hand(mode: int) -> None:
    np.testing.assert_array_equal(unfold(X, mode), BY_HAND[mode])


def test_mode_dot_by_hand() -> None:
    matrix = np.array([[1.0, 0, -1], [2, 1, 0]])
    expected = [[[-4.0, -4], [2, 5]], [[-4, -4], [20, 23]]]
    np.testing.assert_array_equal(mode_dot(X, matrix, 1), expected)
    np.testing.assert_array_equal(mode_dot(X, matrix.T, 1, transpose=True), expected)


@given(tensors(), st.data())
def test_fold_undoes_unfold_and_both_agree_with_tensorly(
    tensor: FloatArray, data: st.DataObject
) -> None:
    mode = data.draw(st.integers(0, tensor.ndim - 1))
    matrix = unfold(tensor, mode)
    np.testing.assert_array_equal(matrix, tl.unfold(tensor, mode))
    np.testing.assert_array_equal(fold(matrix, mode, tensor.shape), tensor)


@given(tensors(), st.integers(1, 4), st.booleans(), st.data())
def test_mode_dot_is_the_sum_over_that_index(
    tensor: FloatArray, rows: int, transpose: bool, data: st.DataObject
) -> None:
    mode = data.draw(st.integers(0, tensor.ndim - 1))
    rng = np.random.default_rng(rows)
    matrix = rng.standard_normal((rows, tensor.shape[mode])).astype(tensor.dtype)
    before = tensor.copy()
    result = mode_dot(tensor, matrix.T if transpose else matrix, mode, transpose)
    letters = "abcdefgh"[: tensor.ndim]
    target = letters.replace(letters[mode], "z")
    expected = np.einsum(f"{letters},z{letters[mode]}->{target}", tensor, matrix)
    assert result.dtype == tensor.dtype
    np.testing.assert_allclose(result, expected, atol=tolerance(tensor, tensor.shape[mode]), rtol=0)
    np.testing.assert_array_equal(tensor, before)


@given(tensors(), st.booleans(), st.data())
def test_a_vector_sums_its_mode_away(
    tensor: FloatArray, transpose: bool, data: st.DataObject
) -> None:
    mode = data.draw(st.integers(0, tensor.ndim - 1))
    vector = np.random.default_rng(0).standard_normal((tensor.shape[mode],)).astype(tensor.dtype)
    result = mode_dot(tensor, vector, mode, transpose)
    expected = np.tensordot(tensor, vector, (mode, 0))
    assert result.shape == expected.shape
    assert result.dtype == tensor.dtype
    np.testing.assert_allclose(result, expected, atol=tolerance(tensor, tensor.shape[mode]), rtol=0)
    np.testing.assert_allclose(
        result,
        tl.tenalg.mode_dot(tensor, vector, mode),
        atol=tolerance(tensor, len(vector)),
        rtol=0,
    )
    out = np.full_like(result, np.nan)
    assert mode_dot(tensor, vector, mode, out=out) is out
    np.testing.assert_array_equal(out, result)


@given(tensors(max_dim=5), st.data())
def test_vectors_and_matrices_count_modes_in_the_tensor_that_is_given(
    tensor: FloatArray, data: st.DataObject
) -> None:
    modes = data.draw(st.permutations(range(tensor.ndim)))
    modes = modes[: data.draw(st.integers(1, tensor.ndim))]
    rng = np.random.default_rng(0)
    parts = [
        rng.standard_normal(shape).astype(tensor.dtype)
        for mode in modes
        for shape in [data.draw(st.sampled_from([(tensor.shape[mode],), (3, tensor.shape[mode])]))]
    ]
    exact: Any = tensor.astype(float)
    for part, mode in zip(parts, modes, strict=True):  # vectors as matrices of one row
        exact = np.moveaxis(np.tensordot(np.atleast_2d(part), exact, (1, mode)), 0, mode)
    gone = tuple(mode for part, mode in zip(parts, modes, strict=True) if part.ndim == 1)
    expected = exact.squeeze(gone) if gone else exact
    found = multi_mode_dot(tensor, parts, modes)
    assert found.ndim == tensor.ndim - len(gone)
    scale = 1 + float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, atol=scale * tolerance(tensor, 64), rtol=0)
    turned = [part.T for part in parts]
    np.testing.assert_allclose(
        multi_mode_dot(tensor, turned, modes, transpose=True), found, atol=scale * 1e-5, rtol=0
    )


def test_vectors_by_hand() -> None:
    np.testing.assert_array_equal(mode_dot(X, np.array([1.0, 0, -1]), 1), [[-4, -4], [-4, -4]])
    ones = [np.ones(dim) for dim in X.shape]
    total = multi_mode_dot(X, ones)
    assert total.shape == ()
    assert float(total) == 66
    assert mode_dot(ones[0], ones[0], 0).shape == ()
    np.testing.assert_array_equal(multi_mode_dot(X, ones, skip=1), [14, 22, 30])


def test_the_unfolding_of_kolda_and_bader() -> None:
    """Their example 2.1: X has the frontal slices 1 to 12 and 13 to 24, filled column by column."""
    tensor = np.arange(1.0, 25).reshape((3, 4, 2), order="F")
    by_hand = {0: [1, 4, 7, 10, 13, 16, 19, 22], 1: [1, 2, 3, 13, 14, 15], 2: np.arange(1, 13)}
    for mode, row in by_hand.items():
        np.testing.assert_array_equal(unfold(tensor.T, tensor.ndim - 1 - mode)[0], row)


@given(tensors(max_dim=5), st.data())
def test_multi_mode_dot_does_not_depend_on_the_order(
    tensor: FloatArray, data: st.DataObject
) -> None:
    rng = np.random.default_rng(0)
    matrices = [rng.standard_normal((3, dim)).astype(tensor.dtype) for dim in tensor.shape]
    one_by_one = tensor
    for mode in data.draw(st.permutations(range(tensor.ndim))):
        one_by_one = mode_dot(one_by_one, matrices[mode], mode)
    together = multi_mode_dot(tensor, matrices)
    scale = 1 + float(np.abs(one_by_one).max())
    np.testing.assert_allclose(together, one_by_one, atol=scale * tolerance(tensor, 64), rtol=0)
    oracle = tl.tenalg.multi_mode_dot(tensor, matrices)
    np.testing.assert_allclose(together, oracle, atol=scale * tolerance(tensor, 64), rtol=0)


@pytest.mark.parametrize("order", [1, 7, 8])
def test_every_order_that_is_allowed(order: int) -> None:
    """From the smallest to the largest: what hypothesis draws has orders up to six."""
    rng = np.random.default_rng(order)
    tensor = rng.standard_normal((2, 3, 1, 2, 2, 3, 1, 2)[:order])
    matrices = [rng.standard_normal((2, dim)) for dim in tensor.shape]
    expected = tl.tenalg.multi_mode_dot(tensor, matrices)
    np.testing.assert_allclose(multi_mode_dot(tensor, matrices), expected, atol=1e-11, rtol=0)
    for mode in range(order):
        np.testing.assert_array_equal(unfold(tensor, mode), tl.unfold(tensor, mode))
        np.testing.assert_array_equal(fold(unfold(tensor, mode), mode, tensor.shape), tensor)


def test_the_first_unfolding_is_a_product_with_kronecker_factors_in_natural_order() -> None:
    rng = np.random.default_rng(1)
    a, b, c = (rng.standard_normal((n, m)) for n, m in ((4, 2), (5, 3), (6, 2)))
    full = multi_mode_dot(X, [a, b, c])
    np.testing.assert_allclose(unfold(full, 0), a @ unfold(X, 0) @ np.kron(b, c).T, atol=1e-12)


def test_modes_and_skip_choose_what_is_multiplied() -> None:
    a, c = np.ones((4, 2)), np.full((5, 2), 2.0)
    expected = mode_dot(mode_dot(X, a, 0), c, 2)
    np.testing.assert_array_equal(multi_mode_dot(X, [c, a], modes=[2, 0]), expected)
    np.testing.assert_array_equal(multi_mode_dot(X, [a, a, c], skip=1), expected)
    everything_skipped = multi_mode_dot(X, [a], modes=[0], skip=0)
    np.testing.assert_array_equal(everything_skipped, X)
    assert not np.shares_memory(everything_skipped, X)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_out_is_filled_and_returned(mode: int) -> None:
    matrix = np.ones((4, X.shape[mode]))
    expected = mode_dot(X, matrix, mode)
    out = np.full_like(expected, np.nan)
    assert mode_dot(X, matrix, mode, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "rows"),
    [*(((47, 30), rows) for rows in range(1, 18)), ((9000, 256), 10), ((9000, 256), 16)],
)
def test_narrow_results_end_where_they_end(
    shape: tuple[int, int], rows: int, dtype: type[np.floating[Any]]
) -> None:
    """Vectors wider than a row of the result may run over into the next row, but not behind the last."""
    rng = np.random.default_rng(0)
    tensor = rng.standard_normal(shape).astype(dtype)
    matrix = rng.standard_normal((rows, shape[1])).astype(dtype)
    room = np.full(shape[0] * rows + 32, np.nan, dtype)
    mode_dot(tensor, matrix, 1, out=room[16:-16].reshape(shape[0], rows))
    assert np.isnan(room[:16]).all()
    assert np.isnan(room[-16:]).all()
    expected = (tensor @ matrix.T).ravel()
    np.testing.assert_allclose(room[16:-16], expected, rtol=0, atol=tolerance(tensor, shape[1]))


@pytest.mark.parametrize(
    ("tensor", "error", "message"),
    [
        (np.ones((2, 2), int), TypeError, "int64.*astype"),
        (np.ones((2, 2), complex), TypeError, "complex128"),
        (np.ones(()), ValueError, "order 0"),
        (np.ones((1,) * 9), ValueError, "order 9.*1 to 8"),
        (np.ones((2, 0)), ValueError, "no entries"),
    ],
)
def test_unsuitable_tensors_are_named(
    tensor: FloatArray, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        unfold(tensor, 0)
    with pytest.raises(error, match=message):
        mode_dot(tensor, np.ones((2, 2)), 0)


@pytest.mark.parametrize("mode", [-1, 3])
def test_modes_count_from_zero_and_end_at_the_order(mode: int) -> None:
    with pytest.raises(ValueError, match=f"mode is {mode}.*0 to 2"):
        unfold(X, mode)


def test_wrong_matrices_are_named() -> None:
    with pytest.raises(ValueError, match=r"2 columns.*needs 3.*transposed"):
        mode_dot(X, np.ones((3, 2)), 1)
    with pytest.raises(ValueError, match=r"2 rows.*needs 3"):
        mode_dot(X, np.ones((2, 3)), 1, transpose=True)
    with pytest.raises(TypeError, match=r"float64.*float32"):
        mode_dot(X, np.ones((3, 3), np.float32), 1)
    with pytest.raises(ValueError, match=r"needs a matrix \(J, I_n\) or a vector"):
        mode_dot(X, np.ones((1, 1, 3)), 1)
    with pytest.raises(ValueError, match=r"vector has 2 entries; mode 1 of shape .* needs 3$"):
        mode_dot(X, np.ones(2), 1)
    with pytest.raises(ValueError, match="2 matrices for 3 modes"):
        multi_mode_dot(X, [np.ones((2, 2))] * 2)
    with pytest.raises(ValueError, match="twice"):
        multi_mode_dot(X, [np.ones((2, 2))] * 2, modes=[0, 0])
    with pytest.raises(ValueError, match="skip is 3"):
        multi_mode_dot(X, [np.eye(2), np.eye(3), np.eye(2)], skip=3)


def test_wrong_out_and_fold_are_named() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 4, 2\) is needed"):
        mode_dot(X, np.ones((4, 3)), 1, out=np.ones((2, 4, 3)))
    with pytest.raises(ValueError, match="shares memory"):
        mode_dot(X, np.eye(3), 1, out=X)
    with pytest.raises(ValueError, match=r"unfolds to \(3, 4\)"):
        fold(np.ones((2, 6)), 1, (2, 3, 2))

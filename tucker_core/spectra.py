"""Singular values and leading vectors of an unfolding that is never made.

The left singular vectors of an unfolding A (I, K) are all that HOSVD and HOOI ask of it. A is read in
blocks of its columns, straight from the tensor, and reduced to something small in one of two ways:

- to the Gram matrix A A^T (I, I), whose eigenvalues are sigma^2: one symmetric product, the fastest
  way. But it sees no energy (sigma^2) below the rounding errors of the largest one: half the digits.
- to the triangle R of A^T = Q R, with A's own singular values: slower, and all digits.

`leading_vectors` takes the Gram matrix where its digits suffice, else a way that has more of them.
Source: Golub and Van Loan, "Matrix Computations", sections 8.6 and 5.4; the blocks after Demmel and
others, "Communication-optimal parallel and sequential QR", SIAM J. Sci. Comput. 34 (2012).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tucker_core.checks import FloatArray
from tucker_core.eigenvectors import leading_eigenvectors
from tucker_core.kernels.gram import mode_gram
from tucker_core.scaling import check_scaled, times_power

_BLOCK_ENTRIES = 1 << 18  # 1 MiB of float32: one block stays in the cache of a core
_LEAST_COLUMNS = 1024
_LEAST_BLOCKS = 8  # so that a copy of one, in float64, is small beside the tensor

# Energies below so many rounding errors of the whole are not trusted. Measured: float32 Gram matrices
# give the errors of an SVD down to a relative error of 1e-2, an energy of 840 rounding errors.
_ROUNDINGS = 1000
_CLEAR_GAP = 0.01

_OVERSAMPLING = 8

_LEADING = (
    0.999  # far above rounding errors: singular vectors hold equal entries, not nearly equal ones
)


class Spectrum(NamedTuple):
    """Leading left singular vectors (I, K) of an unfolding and its energies sigma^2, falling."""

    vectors: FloatArray
    energies: npt.NDArray[np.float64]


Attempt = Callable[[FloatArray, int, int | None, FloatArray | None], Spectrum]


def multilinear_singular_values(tensor: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], ...]:
    """Singular values of every unfolding: per mode, how much of the tensor each rank holds.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N), float32 or float64

    Returns
    -------
    per mode its singular values, falling; their squares sum to the squared norm of the tensor

    Raises
    ------
    TypeError, ValueError
        If the tensor is not float32 or float64, an entry is not finite, or a singular value is larger
        than the largest float64 number.

    Examples
    --------
    >>> multilinear_singular_values(np.diag([3.0, 4.0]))
    (array([4., 3.]), array([4., 3.]))
    """
    array, exponent = check_scaled(tensor)
    values = [_triangle(array, mode)[1].astype(np.float64) for mode in range(array.ndim)]
    return tuple(times_power(sigma, exponent, "the list of singular values") for sigma in values)


def leading_vectors(
    tensor: FloatArray,
    mode: int,
    rank: int | None,
    *,
    allowed: float = math.inf,
    method: str = "auto",
    start: FloatArray | None = None,
) -> FloatArray:
    """Leading left singular vectors (I_mode, J) of an unfolding, signs fixed.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N)
    mode : which unfolding
    rank : J, filled up orthonormally where the unfolding has fewer; None for as few as `allowed` allows
    allowed : the energy (squared norm) that may be lost
    method : "gram", "svd" (the triangle), or "auto": Gram, repeated with more digits if need be; so is
        "gram" where `allowed` decides
    start : (I_mode, J), vectors that may be near the leading ones and then save time

    Examples
    --------
    >>> leading_vectors(np.array([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]), 0, 1)
    array([[0.],
           [1.],
           [0.]])
    """
    for attempt in _attempts(tensor, mode, method, rank is None):
        vectors, energies = attempt(tensor, mode, rank, start)
        count = _tail_rank(energies, allowed) if rank is None else rank
        if _trusted(energies, count, allowed, tensor.dtype):
            break
    kept = _complete(vectors.astype(tensor.dtype, copy=False), count)
    return kept * column_signs(kept)


def sketched_vectors(
    tensor: FloatArray, mode: int, rank: int, rng: np.random.Generator
) -> FloatArray:
    """Nearly the leading left singular vectors (I_mode, rank) of an unfolding A, from a random sketch.

    A A^T is applied to a random start once more than needed, and what it magnifies most is kept.
    Source: Halko, Martinsson, Tropp, SIAM Review 53 (2011), algorithm 4.4 with q = 1.

    Examples
    --------
    >>> tensor = np.outer([1.0, 2.0, 2.0], [3.0, 4.0])
    >>> sketched_vectors(tensor, 0, 1, np.random.default_rng(0)).round(6)
    array([[0.333333],
           [0.666667],
           [0.666667]])
    """
    dim = tensor.shape[mode]
    width = min(dim, rank + _OVERSAMPLING)
    basis = np.zeros((dim, width), tensor.dtype)
    for block in column_blocks(tensor, mode):
        basis += block @ rng.standard_normal((block.shape[1], width), tensor.dtype)
    basis = np.linalg.qr(basis).Q
    image = np.zeros_like(basis)
    for block in column_blocks(tensor, mode):
        image += block @ (block.T @ basis)
    basis = np.linalg.qr(image).Q
    small = np.zeros((width, width), tensor.dtype)
    for block in column_blocks(tensor, mode):
        projected = basis.T @ block
        small += projected @ projected.T
    turned: FloatArray = basis @ np.linalg.eigh(small).eigenvectors[:, : -rank - 1 : -1]
    return turned * column_signs(turned)


def column_blocks(tensor: FloatArray, mode: int) -> Iterator[FloatArray]:
    """Blocks (I_mode, k) of an unfolding's columns, views where possible, in the tensor's own order."""
    slabs = _slabs(tensor, mode)
    left, dim, right = slabs.shape
    width = max(_LEAST_COLUMNS, _BLOCK_ENTRIES // dim)
    width = max(dim, min(width, left * right // _LEAST_BLOCKS))
    step = max(1, width // right)
    for start in range(0, left, step):
        columns = slabs[start : start + step].transpose(1, 0, 2).reshape(dim, -1)
        for first in range(0, columns.shape[1], width):
            yield columns[:, first : first + width]


def _slabs(tensor: FloatArray, mode: int) -> FloatArray:
    """The tensor seen from one mode, (left, I_mode, right)."""
    left, right = math.prod(tensor.shape[:mode]), math.prod(tensor.shape[mode + 1 :])
    return np.ascontiguousarray(tensor).reshape(left, tensor.shape[mode], right)


def squared_norm(tensor: FloatArray) -> float:
    """Sum of the squares of all entries, in float64.

    Examples
    --------
    >>> squared_norm(np.full((2, 3), 2.0, np.float32))
    24.0
    """
    blocks = (block.astype(np.float64, copy=False) for block in column_blocks(tensor, 0))
    return sum(float(np.vdot(block, block)) for block in blocks)


def column_signs(vectors: FloatArray) -> FloatArray:
    """-1 for the columns of (I, J) whose leading entry is negative, 1 for the others.

    The leading entry is the first whose magnitude is at least 0.999 of the column's largest: where
    several are equally large but for rounding errors, these do not decide.

    Examples
    --------
    >>> column_signs(np.array([[0.6, -0.70710678], [-0.8, 0.70710679]]))
    array([-1., -1.])
    """
    sizes = np.abs(vectors)
    large = sizes >= _LEADING * sizes.max(axis=0)
    leading = vectors[large.argmax(axis=0), np.arange(vectors.shape[1])]
    signs: FloatArray = np.copysign(vectors.dtype.type(1), leading)
    return signs


def _attempts(tensor: FloatArray, mode: int, method: str, guarantee: bool) -> Sequence[Attempt]:
    """Ways to the spectrum, each with more digits than the one before; all that a guarantee may need."""
    # with half as many columns as rows the SVD of the unfolding itself is faster, and has all digits
    tall = 2 * tensor.size <= tensor.shape[mode] ** 2
    if method == "svd" or (method == "auto" and tall):
        return [_triangle_spectrum]
    if method == "gram" and not guarantee:
        return [_gram_spectrum]
    more_digits = _wide_gram_spectrum if tensor.dtype == np.float32 else _triangle_spectrum
    return [_gram_spectrum, more_digits]


def _gram_spectrum(
    tensor: FloatArray, mode: int, rank: int | None, start: FloatArray | None
) -> Spectrum:
    return Spectrum(*leading_eigenvectors(mode_gram(_slabs(tensor, mode)), rank, start))


def _wide_gram_spectrum(
    tensor: FloatArray, mode: int, rank: int | None, start: FloatArray | None
) -> Spectrum:
    """In float64: for float32 entries as exact as their own singular values."""
    gram = mode_gram(_slabs(tensor, mode), np.float64)
    return Spectrum(*leading_eigenvectors(gram, rank, start))


def _triangle_spectrum(
    tensor: FloatArray, mode: int, _rank: int | None = None, _start: FloatArray | None = None
) -> Spectrum:
    vectors, sigma = _triangle(tensor, mode)
    return Spectrum(vectors, sigma.astype(np.float64) ** 2)


def _triangle(tensor: FloatArray, mode: int) -> tuple[FloatArray, FloatArray]:
    """Left singular vectors and singular values of an unfolding."""
    upper = np.empty((0, tensor.shape[mode]), tensor.dtype)
    for block in column_blocks(tensor, mode):
        upper = np.vstack([upper, block.T])
        if len(upper) > upper.shape[1]:
            upper = np.asarray(np.linalg.qr(upper, mode="r"))
    vectors, sigma, _ = np.linalg.svd(upper.T, full_matrices=False)
    return vectors, sigma


def _trusted(
    energies: npt.NDArray[np.float64], count: int, allowed: float, dtype: np.dtype[np.floating]
) -> bool:
    """Whether the rounding errors of a Gram matrix cannot have spoiled the vectors kept.

    They are harmless where much more energy is lost anyway; or where the last one kept stands well above
    the first one lost, because then they turn the kept space by their own size only.
    """
    total = float(energies.sum())
    blur = _ROUNDINGS * float(np.finfo(dtype).eps) * total
    if allowed < blur:
        return False
    lost = float(energies[count:].sum())
    edge = np.append(energies, 0.0)[[min(count, len(energies)) - 1, min(count, len(energies))]]
    return lost >= blur or float(edge[0] - edge[1]) >= _CLEAR_GAP * total


def _tail_rank(energies: npt.NDArray[np.float64], allowed: float) -> int:
    """Smallest rank >= 1 that loses at most the energy `allowed`."""
    tails = np.append(np.cumsum(energies[::-1])[::-1], 0.0)  # tails[j]: lost if j are kept
    return max(1, int(np.argmax(tails <= allowed)))


def _complete(vectors: FloatArray, count: int) -> FloatArray:
    """The first `count` columns, with orthonormal ones added where there are fewer."""
    have = vectors.shape[1]
    if have >= count:
        return vectors[:, :count]
    complete, _ = np.linalg.qr(np.hstack([vectors, np.eye(len(vectors), dtype=vectors.dtype)]))
    complete[:, :have] = vectors
    return complete[:, :count]

"""From a full tensor to Tucker format: the higher-order singular value decomposition.

HOSVD takes, mode by mode, the leading left singular vectors of the unfolding as the factor, and
projects the tensor on them to get the core. The sequentially truncated variant (ST-HOSVD) projects
after every mode, so that each next mode works on a smaller tensor: cheaper, and as good.

Error bound, both variants: ||X - X^||^2 <= sum over modes of the discarded sigma^2, so discarding
at most tol^2 ||X||^2 / N in each of N modes guarantees a relative error of at most tol.
Sources: De Lathauwer, De Moor, Vandewalle, SIAM J. Matrix Anal. Appl. 21 (2000); Vannieuwenhoven,
Vandebril, Meerbergen, SIAM J. Sci. Comput. 34 (2012).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tucker_core.algebra import mode_dot, unfold
from tucker_core.checks import FloatArray, check_tensor
from tucker_core.ranks import validate_tucker_rank
from tucker_core.tucker_tensor import TuckerTensor


def hosvd(
    tensor: npt.ArrayLike,
    rank: Sequence[int] | int | float | None = None,
    *,
    tol: float | None = None,
    sequential: bool = True,
) -> TuckerTensor:
    """Decompose a tensor into an orthogonal Tucker format, to a rank or to a guaranteed error.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N), float32 or float64
    rank : tuple (J_1, ..., J_N); or an int, the same for every mode; or a float in (0, 1], at most
        that fraction of the tensor's numbers (see `validate_tucker_rank`); a mode of full rank gets
        no factor (None)
    tol : guaranteed relative error ||X - X^|| / ||X|| <= tol; the ranks follow from it
    sequential : project after each mode (ST-HOSVD) instead of once at the end

    Returns
    -------
    TuckerTensor whose factors (I_n, J_n) have orthonormal columns, signs fixed so that the entry of
    largest magnitude in each column is positive

    Raises
    ------
    TypeError
        If the tensor is not float32 or float64.
    ValueError
        If not exactly one of rank and tol is given, either is out of range, or an entry is not finite.

    Examples
    --------
    >>> tensor = np.random.default_rng(0).standard_normal((4, 5, 6))
    >>> approximation = hosvd(tensor, tol=0.5)
    >>> error = np.linalg.norm(tensor - approximation.to_tensor()) / np.linalg.norm(tensor)
    >>> bool(error <= 0.5)
    True
    """
    array = check_tensor(tensor, finite=True)
    if (rank is None) == (tol is None):
        raise ValueError(f"rank is {rank} and tol is {tol}; give exactly one of them")
    if tol is not None and not 0 <= tol < 1:
        raise ValueError(f"tol is {tol}; a relative error in [0, 1) is needed")
    ranks = None if rank is None else validate_tucker_rank(array.shape, rank)
    allowed = 0.0 if tol is None else tol**2 * float(np.vdot(array, array).real) / array.ndim
    core, factors = array, list[FloatArray | None]()
    for mode in range(array.ndim):
        vectors, sigma = left_singular(unfold(core if sequential else array, mode))
        kept = _tail_rank(sigma, allowed) if ranks is None else ranks[mode]
        if kept == array.shape[mode]:
            factors.append(None)
            continue
        basis = _pad(vectors[:, :kept], kept)
        factors.append(basis)
        core = mode_dot(core, basis, mode, transpose=True)
    return TuckerTensor(np.ascontiguousarray(core), tuple(factors))


def leading_vectors(matrix: FloatArray, count: int) -> FloatArray:
    """Leading left singular vectors (I, count) of a matrix (I, K), filled up if it has fewer.

    Examples
    --------
    >>> leading_vectors(np.array([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]), 1)
    array([[0.],
           [1.],
           [0.]])
    """
    return _pad(left_singular(matrix)[0][:, :count], count)


def left_singular(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Left singular vectors (I, min(I, K)) and singular values of a matrix (I, K), signs fixed.

    A wide matrix is first reduced to its I x I triangular factor, so no K x K matrix is ever made and,
    unlike with the eigenvalues of the Gram matrix, no digits are lost.

    Examples
    --------
    >>> vectors, sigma = left_singular(np.array([[3.0, 0.0, 0.0], [0.0, 0.0, -4.0]]))
    >>> sigma
    array([4., 3.])
    """
    rows, columns = matrix.shape
    small = np.asarray(np.linalg.qr(matrix.T, mode="r")).T if columns > rows else matrix
    vectors, sigma, _ = np.linalg.svd(small, full_matrices=False)
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1, 1).astype(matrix.dtype)
    return vectors * signs, sigma


def _tail_rank(sigma: FloatArray, allowed: float) -> int:
    """Smallest rank >= 1 whose discarded energy stays within `allowed`."""
    energy = np.asarray(sigma, np.float64) ** 2
    tails = np.append(np.cumsum(energy[::-1])[::-1], 0.0)  # tails[j]: discarded if j are kept
    return max(1, int(np.argmax(tails <= allowed)))


def _pad(vectors: FloatArray, rank: int) -> FloatArray:
    """Fill up with orthonormal columns where an unfolding has fewer columns than the asked rank."""
    missing = rank - vectors.shape[1]
    if missing <= 0:
        return np.ascontiguousarray(vectors)
    complete, _ = np.linalg.qr(np.hstack([vectors, np.eye(len(vectors), dtype=vectors.dtype)]))
    complete[:, : vectors.shape[1]] = vectors
    return np.ascontiguousarray(complete[:, :rank])

"""The few leading eigenvectors of a Gram matrix, without the many that nobody asked for.

Subspace iteration: a block of vectors V is multiplied by G and made orthonormal again, and the
eigenvectors of the small V^T G V say how to turn it (Rayleigh-Ritz). It converges where the eigenvalues
asked for stand above the rest, and faster from a good start. Whether it has is checked by the residual
G V - V Theta; where it has not after a few rounds, numpy's full eigenvalue decomposition does the work.
Measured in float32 on one core: 8 of 50, 10 of 100 and 16 of 256 vectors take 1/1.9, 1/5 and 1/15 of the
time of `numpy.linalg.eigh`, and 1/2.5, 1/7 and 1/20 of it from a good start, as HOOI has one.
Source: Golub and Van Loan, "Matrix Computations", section 8.2.4 (orthogonal and Ritz iteration).
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tucker_core.checks import FloatArray

_LEAST_DIM = 32  # below, eigh is as fast
_OVERSAMPLING = 8
_ROUNDS = 3
_WASTE = 1e-4  # of the energy that is lost anyway, so much more may be lost


def leading_eigenvectors(
    gram: FloatArray, count: int | None, start: FloatArray | None = None
) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """Eigenvectors (I, K) of a Gram matrix (I, I) and its eigenvalues, leading ones first, none below 0.

    Parameters
    ----------
    gram : symmetric and positive semi-definite
    count : how many vectors are of interest; K is at least that. None for all of them
    start : (I, count), vectors that may be near the leading ones

    Returns
    -------
    vectors (I, K), and I eigenvalues; those after the K-th may be replaced by their mean

    Examples
    --------
    >>> vectors, values = leading_eigenvectors(np.diag([1.0, 3.0]), 1)
    >>> np.abs(vectors[:, 0]), values
    (array([0., 1.]), array([3., 1.]))
    """
    dim = len(gram)
    if count is not None and dim >= _LEAST_DIM and count + _OVERSAMPLING <= dim // 2:
        found = _iterate(gram, count, start)
        if found is not None:
            return found
    values, vectors = np.linalg.eigh(gram)
    return vectors[:, ::-1], np.maximum(values[::-1].astype(np.float64), 0.0)


def _iterate(
    gram: FloatArray, count: int, start: FloatArray | None
) -> tuple[FloatArray, npt.NDArray[np.float64]] | None:
    """Subspace iteration, or None if it has not converged."""
    dim, total = len(gram), float(np.trace(gram, dtype=np.float64))
    block = _noise(dim, count + _OVERSAMPLING).astype(gram.dtype)
    if start is None:
        block = np.linalg.qr(gram @ block).Q
    else:
        block[:, :count] = start
    for _ in range(_ROUNDS):
        block = np.linalg.qr(gram @ block).Q
        image = gram @ block
        values, turn = np.linalg.eigh(block.T @ image)
        values, turn = values[::-1].astype(np.float64), turn[:, ::-1]
        block, image = block @ turn, image @ turn
        residual = float(
            np.linalg.norm(image[:, :count] - block[:, :count] * values[:count].astype(gram.dtype))
        )
        lost = total - float(values[:count].sum())
        gap = float(values[count - 1] - values[count])
        # by how much the energy kept is below the most that can be, to first and to second order
        waste = min(math.sqrt(count) * residual, residual**2 / max(gap, 1e-300))
        if waste <= _WASTE * lost:
            rest = max(total - float(values.sum()), 0.0) / (dim - len(values))
            tail = np.full(dim - len(values), rest)
            return block, np.append(np.maximum(values, 0.0), tail)
    return None


@lru_cache(maxsize=16)
def _noise(dim: int, width: int) -> FloatArray:
    """Vectors (dim, width), always the same: what matters is that no matrix has to do with them."""
    return np.random.default_rng(0).standard_normal((dim, width))

"""What a weight loses of its energy against the parameters that it may store, for one reshape of it.

The core of the full HOSVD holds all energy of a tensor, and the core of a truncated HOSVD is its leading
corner. So the energy that a core shape (J_1, ..., J_N) keeps is exactly the sum of the squares in that
corner, and one cumulative sum over all modes gives it for every core shape at once; no bound and no
assumption of independent modes is needed. Where that would be too many shapes, only some ranks of each
mode are weighed, all small ones and about every twentieth part more from there on.

A matrix needs its singular values alone: a product of rank R keeps the R largest.

Of modes above 1024 a random sketch, always with the same random numbers, finds the leading vectors. What
it keeps is a lower bound of what can be kept, as is, beyond its rank, the chord up to full rank: singular
values only fall. So a curve never promises more than a decomposition gives.
Source: De Lathauwer, De Moor, Vandewalle, SIAM J. Matrix Anal. Appl. 21 (2000), properties 1 and 2.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tucker_core.algebra import mode_dot
from tucker_core.checks import FloatArray
from tucker_core.kernels.gram import mode_gram
from tucker_core.scaling import check_scaled
from tucker_core.spectra import sketched_vectors, squared_norm

MOST_SHAPES = 1 << 17  # of core shapes that are weighed: a hundredth of a second

_LONGEST_EXACT = 1024  # of modes: an eigenvalue problem of half a second; longer ones are sketched
_SKETCHED = 512  # singular values of a longer mode
_LEAST_KEPT = 1e-300
_ROUNDINGS = 4  # a share of energy of so many rounding errors is none


class Curve(NamedTuple):
    """Core shapes that no other one beats, from the smallest to the largest.

    Attributes
    ----------
    costs : (K,) parameters stored, rising
    losses : (K,) -log of the share of the energy kept, falling
    ranks : (K, N) core shapes
    """

    costs: npt.NDArray[np.int64]
    losses: npt.NDArray[np.float64]
    ranks: npt.NDArray[np.int64]


def core_curve(tensor: npt.ArrayLike, below: int) -> Curve:
    """Energy lost against parameters stored, for all useful core shapes of a tensor.

    Parameters
    ----------
    tensor : reshaped weight of shape (I_1, ..., I_N), float32 or float64
    below : only shapes that store fewer parameters than this

    Returns
    -------
    Curve; of a tensor of zeros only its smallest shape

    Raises
    ------
    TypeError, ValueError
        If the tensor is not float32 or float64, or an entry is not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> matrix = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 30))
    >>> curve = core_curve(matrix, 1_200)
    >>> curve.costs[:2], bool(curve.losses[1] < 1e-9), curve.ranks[1]
    (array([ 70, 140]), True, array([ 2, 30]))
    """
    array = check_scaled(tensor)[0]
    pair = array.ndim == 2
    levels, kept = _pair_energy(array) if pair else _corner_energies(array)
    sizes = np.meshgrid(*levels, indexing="ij", sparse=True)
    core: npt.NDArray[np.int64] = math.prod(sizes[1:], start=sizes[0])
    costs, useful = core.astype(np.int64), np.ones(core.shape, bool)
    for dim, rank in zip(array.shape, sizes, strict=True):
        costs = costs + np.where(rank < dim, dim * rank, 0)
        # a rank above the product of the others adds nothing, a full mode has no factor to pay for
        useful &= (rank * rank <= core) | (rank == dim)
    chosen = np.flatnonzero(useful & (costs < below))
    losses = np.log(1 / np.clip(kept.ravel()[chosen], _LEAST_KEPT, 1.0))
    losses[losses < _ROUNDINGS * np.finfo(array.dtype).eps] = 0.0
    best = frontier(costs.ravel()[chosen], losses)
    where = np.unravel_index(chosen[best], core.shape)
    ranks = np.stack([level[k] for level, k in zip(levels, where, strict=True)], axis=1)
    return Curve(costs.ravel()[chosen][best], losses[best], ranks)


def frontier(
    costs: npt.NDArray[np.int64], losses: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Which options no other one beats: indices of rising cost and falling loss.

    Examples
    --------
    >>> frontier(np.array([5, 3, 4]), np.array([0.0, 1.0, 2.0]))
    array([1, 0])
    """
    order = np.lexsort((losses, costs))
    sorted_losses = losses[order]
    before = np.minimum.accumulate(sorted_losses)
    better = np.ones(len(order), bool)
    better[1:] = sorted_losses[1:] < before[:-1]
    return order[better]


def _pair_energy(matrix: FloatArray) -> tuple[list[npt.NDArray[np.int64]], FloatArray]:
    """Ranks (R, full) of a factored pair, and the share of the energy that each keeps, (R, 1)."""
    short = int(np.argmin(matrix.shape))
    dim, total = matrix.shape[short], squared_norm(matrix)
    if dim <= _LONGEST_EXACT:
        slabs = matrix.reshape((1, *matrix.shape) if short == 0 else (*matrix.shape, 1))
        energies = np.linalg.eigvalsh(mode_gram(np.ascontiguousarray(slabs)))[::-1]
    else:
        basis = sketched_vectors(matrix, short, _SKETCHED, np.random.default_rng(0))
        energies = squared_norms(basis.T @ (matrix if short == 0 else matrix.T))
    kept = np.cumsum(np.maximum(energies.astype(np.float64), 0.0)) / (total or 1.0)
    beyond = np.arange(1, dim - len(kept) + 1) / max(1, dim - len(kept))
    kept = np.append(kept, kept[-1] + (1.0 - kept[-1]) * beyond)
    levels = [np.arange(1, dim + 1), np.array([matrix.shape[1]])]
    return levels, (kept if total else np.ones_like(kept))[:, np.newaxis]


def squared_norms(rows: FloatArray) -> npt.NDArray[np.float64]:
    """Squared norm of each row of a matrix, in float64.

    Examples
    --------
    >>> squared_norms(np.array([[3.0, 4.0], [1.0, 0.0]]))
    array([25.,  1.])
    """
    squares: npt.NDArray[np.float64] = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return squares


def _corner_energies(tensor: FloatArray) -> tuple[list[npt.NDArray[np.int64]], FloatArray]:
    """The ranks of each mode that are weighed, and what share of the energy each core shape keeps."""
    core = tensor
    for mode in range(tensor.ndim):
        core = mode_dot(core, _mode_vectors(tensor, mode), mode, transpose=True)
    levels = _levels(core.shape)
    kept = np.square(core)
    for mode, level in enumerate(levels):
        starts = np.append(0, level[:-1])
        kept = np.add.reduceat(kept, starts, axis=mode, dtype=np.float64)
    for mode in range(kept.ndim):
        np.cumsum(kept, axis=mode, out=kept)
    whole = kept.flat[-1] if core.size == tensor.size else squared_norm(tensor)
    return levels, kept / whole if whole else np.ones_like(kept)


def _mode_vectors(tensor: FloatArray, mode: int) -> FloatArray:
    """All singular vectors of a mode, the leading ones first; of a long mode some."""
    dim, left = tensor.shape[mode], math.prod(tensor.shape[:mode])
    if dim > _LONGEST_EXACT:
        return sketched_vectors(tensor, mode, _SKETCHED, np.random.default_rng(0))
    slabs = np.ascontiguousarray(tensor).reshape(left, dim, -1)
    return np.ascontiguousarray(np.linalg.eigh(mode_gram(slabs)).eigenvectors[:, ::-1])


def _levels(dims: tuple[int, ...]) -> list[npt.NDArray[np.int64]]:
    """Ranks to weigh in each mode: all of them, or fewer and fewer, until the shapes are not too many."""
    growth = 1.0
    while True:
        levels = [_rising(dim, growth) for dim in dims]
        if math.prod(map(len, levels)) <= MOST_SHAPES:
            return levels
        growth += 0.01


def _rising(dim: int, growth: float) -> npt.NDArray[np.int64]:
    """1 to dim, each by one or by this factor above the last."""
    ranks = [1]
    while ranks[-1] < dim:
        ranks.append(min(dim, max(ranks[-1] + 1, int(ranks[-1] * growth))))
    return np.array(ranks)

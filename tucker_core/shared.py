"""One core for many tensors: the joint decomposition from which SCADA-Tucker starts.

All tensors X^(l) of one order share the core C and keep matrices of their own,

    minimise  sum over l of || X^(l) - C x_1 M_1^(l) x_2 ... x_N M_N^(l) ||^2 .

Alternating least squares: every step solves for one matrix of one tensor, or for the core, exactly
or (the core) by conjugate gradients that only go downhill. So the joint error never rises.
A core may be larger than a tensor in a mode (J_n > I_n); the matrix is then wide.
Source of the model: ADA-Tucker, section on SCADA-Tucker; the solver is ours.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tucker_core.algebra import multi_mode_dot, unfold
from tucker_core.checks import FloatArray, check_tensor
from tucker_core.spectra import leading_vectors

_CG_STEPS = 20


def shared_core_hosvd(
    tensors: Sequence[npt.ArrayLike],
    rank: Sequence[int],
    *,
    n_iter_max: int = 30,
    tol: float = 1e-4,
) -> tuple[FloatArray, list[tuple[FloatArray, ...]]]:
    """Decompose tensors of one order jointly: one core, one set of matrices per tensor.

    Parameters
    ----------
    tensors : arrays of shapes (I_1^(l), ..., I_N^(l)), of one dtype
    rank : (J_1, ..., J_N), shape of the shared core
    n_iter_max : sweeps over all matrices and the core, at most
    tol : stop when a sweep lowers the joint relative error by less than this

    Returns
    -------
    core of shape (J_1, ..., J_N), and per tensor N matrices (I_n^(l), J_n)

    Raises
    ------
    TypeError, ValueError
        If there is no tensor, their orders or dtypes differ, an entry is not finite, or there is not
        one rank >= 1 per mode.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tensors = [rng.standard_normal((4, 5, 6)), rng.standard_normal((7, 3, 4))]
    >>> core, factors = shared_core_hosvd(tensors, (3, 3, 3))
    >>> core.shape, [m.shape for m in factors[1]]
    ((3, 3, 3), [(7, 3), (3, 3), (4, 3)])
    """
    arrays = _check(tensors, rank)
    factors = [[_wide_basis(array, mode, r) for mode, r in enumerate(rank)] for array in arrays]
    largest = max(range(len(arrays)), key=lambda k: float(np.linalg.norm(arrays[k])))
    core = multi_mode_dot(arrays[largest], factors[largest], transpose=True)
    norm = math.sqrt(sum(float(np.linalg.norm(array)) ** 2 for array in arrays)) or 1.0
    before = np.inf
    for _ in range(max(1, n_iter_max)):
        for array, own in zip(arrays, factors, strict=True):
            for mode in range(core.ndim):
                own[mode] = _best_matrix(array, core, own, mode)
        core = _best_core(arrays, core, factors)
        now = joint_error(arrays, core, factors) / norm
        if before - now < tol:
            break
        before = now
    return core, [tuple(own) for own in factors]


def joint_error(
    tensors: Sequence[FloatArray], core: FloatArray, factors: Sequence[Sequence[FloatArray]]
) -> float:
    """Root of the summed squared errors of all tensors.

    Examples
    --------
    >>> joint_error([np.ones((2, 2))], np.zeros((1, 1)), [[np.ones((2, 1)), np.ones((2, 1))]])
    2.0
    """
    pairs = zip(tensors, factors, strict=True)
    squares = [float(np.linalg.norm(x - multi_mode_dot(core, m))) ** 2 for x, m in pairs]
    return math.sqrt(sum(squares))


def _check(tensors: Sequence[npt.ArrayLike], rank: Sequence[int]) -> list[FloatArray]:
    arrays = [check_tensor(t, f"tensors[{k}]", finite=True) for k, t in enumerate(tensors)]
    if not arrays:
        raise ValueError("there is no tensor to decompose; give at least one")
    kinds = {(array.ndim, str(array.dtype)) for array in arrays}
    if len(kinds) > 1:
        raise ValueError(f"orders and dtypes are {sorted(kinds)}; all tensors need the same")
    if len(rank) != arrays[0].ndim or min(rank) < 1:
        raise ValueError(
            f"rank is {tuple(rank)}; one rank >= 1 for each of {arrays[0].ndim} modes is needed"
        )
    return arrays


def _wide_basis(array: FloatArray, mode: int, rank: int) -> FloatArray:
    """Leading vectors of a mode, with zero columns where the core is larger than the mode."""
    dim = array.shape[mode]
    basis = np.zeros((dim, rank), array.dtype)
    kept = min(dim, rank)
    basis[:, :kept] = leading_vectors(array, mode, kept)
    return basis


def _best_matrix(
    array: FloatArray, core: FloatArray, own: list[FloatArray], mode: int
) -> FloatArray:
    """Least squares for one matrix: X_(n) = M (C x_(j != n) M_j)_(n)."""
    others = unfold(multi_mode_dot(core, own, skip=mode), mode)
    return np.linalg.lstsq(others.T, unfold(array, mode).T, rcond=None)[0].T.astype(array.dtype)


def _best_core(
    arrays: Sequence[FloatArray], core: FloatArray, factors: Sequence[Sequence[FloatArray]]
) -> FloatArray:
    """Conjugate gradients on the normal equations of the core, from the present one."""
    grams = [[m.T @ m for m in own] for own in factors]

    def apply(x: FloatArray) -> FloatArray:
        image: FloatArray = np.sum([multi_mode_dot(x, gram) for gram in grams], axis=0)
        return image

    pairs = zip(arrays, factors, strict=True)
    wanted = np.sum([multi_mode_dot(x, own, transpose=True) for x, own in pairs], axis=0)
    residual = wanted - apply(core)
    direction, square = residual, float(np.vdot(residual, residual))
    floor = (10 * float(np.finfo(core.dtype).eps)) ** 2 * float(np.vdot(wanted, wanted))
    for _ in range(_CG_STEPS):
        if square <= floor:
            break
        image = apply(direction)
        step = square / float(np.vdot(direction, image))
        core = core + core.dtype.type(step) * direction
        residual = residual - core.dtype.type(step) * image
        square, old = float(np.vdot(residual, residual)), square
        direction = residual + core.dtype.type(square / old) * direction
    return core

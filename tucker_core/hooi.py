"""The best Tucker format of a given rank, by higher-order orthogonal iteration (HOOI).

HOSVD is good but not optimal. HOOI starts from it and improves one factor at a time: with all other
factors fixed, the best factor of mode n is made of the leading left singular vectors of the tensor
projected on the others. The error never rises from one sweep to the next.

Those projections overlap, so a sweep walks down a tree: the tensor is projected on the second half of
the modes for the first half to share, and then the other way round, and so on in each half. That makes
two large products a sweep instead of one for every mode. Source of the tree: Kaya and Robert, "Computing
dense tensor decompositions with optimal dimension trees", Algorithmica 81 (2019).
Source: De Lathauwer, De Moor, Vandewalle, SIAM J. Matrix Anal. Appl. 21 (2000), algorithm 4.2.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tucker_core.algebra import multi_mode_dot
from tucker_core.checks import FloatArray, check_mode, check_tensor
from tucker_core.decompose import hosvd
from tucker_core.ranks import validate_tucker_rank
from tucker_core.spectra import leading_vectors, squared_norm
from tucker_core.tucker_tensor import TuckerTensor


def tucker(
    tensor: npt.ArrayLike,
    rank: Sequence[int] | int | float,
    *,
    n_iter_max: int = 100,
    tol: float = 1e-4,
    init: Literal["hosvd", "random"] = "hosvd",
    rng: np.random.Generator | None = None,
) -> TuckerTensor:
    """Decompose a tensor into Tucker format of a given rank, as well as alternating steps can.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N), float32 or float64
    rank : tuple, int or fraction, see `validate_tucker_rank`
    n_iter_max : sweeps over all modes, at most
    tol : stop when a sweep lowers the relative error by less than this
    init : start from the HOSVD, or from random orthonormal factors drawn with `rng`
    rng : needed for init="random"

    Returns
    -------
    TuckerTensor whose factors (I_n, J_n) have orthonormal columns; full modes have none

    Raises
    ------
    TypeError, ValueError
        As `hosvd`; also for an unknown `init`, or "random" without a generator.

    Examples
    --------
    >>> tensor = np.random.default_rng(0).standard_normal((6, 7, 8))
    >>> def error(t):
    ...     return np.linalg.norm(tensor - t.to_tensor())
    >>> bool(error(tucker(tensor, 3)) <= error(hosvd(tensor, 3)))
    True
    """
    array = check_tensor(tensor, finite=True)
    ranks = validate_tucker_rank(array.shape, rank)
    if n_iter_max < 1:
        raise ValueError(
            f"n_iter_max is {n_iter_max}; at least one sweep is needed (see hosvd for 0)"
        )
    factors = _start(array, ranks, init, rng)
    energy = squared_norm(array)
    core, error = array, np.inf
    for _ in range(n_iter_max):
        core = _sweep(array, factors)
        # orthonormal factors: ||X - X^||^2 = ||X||^2 - ||core||^2
        left = math.sqrt(max(energy - squared_norm(core), 0.0) / (energy or 1.0))
        if error - left < tol:
            break
        error = left
    return TuckerTensor(np.ascontiguousarray(core), tuple(factors))


def partial_tucker(
    tensor: npt.ArrayLike, rank: Sequence[int], modes: Sequence[int], **options: object
) -> TuckerTensor:
    """Decompose only some modes; the others stay as they are and get no factor.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N)
    rank : one rank for each of `modes`
    modes : the modes to decompose, each once
    options : as for `tucker`

    Raises
    ------
    TypeError, ValueError
        As `tucker`; also if there is not one rank per mode or a mode comes twice.

    Examples
    --------
    >>> partial_tucker(np.ones((4, 5, 6)), (2, 3), (0, 2)).rank
    (2, 5, 3)
    """
    array = check_tensor(tensor)
    wanted = [check_mode(mode, array.ndim) for mode in modes]
    if len(rank) != len(wanted) or len(set(wanted)) != len(wanted):
        raise ValueError(
            f"rank {tuple(rank)} for modes {tuple(modes)}; give one rank per mode, each once"
        )
    ranks = list(array.shape)
    for mode, r in zip(wanted, rank, strict=True):
        ranks[mode] = r
    return tucker(array, tuple(ranks), **options)  # type: ignore[arg-type]


def _start(
    array: FloatArray, ranks: Sequence[int], init: str, rng: np.random.Generator | None
) -> list[FloatArray | None]:
    if init == "hosvd":
        return list(hosvd(array, ranks).factors)
    if init != "random":
        raise ValueError(f"init is {init!r}; 'hosvd' or 'random' is needed")
    if rng is None:
        raise ValueError("init='random' draws factors; give rng, e.g. np.random.default_rng(0)")
    return [
        None if r == dim else np.linalg.qr(rng.standard_normal((dim, r)).astype(array.dtype)).Q
        for dim, r in zip(array.shape, ranks, strict=True)
    ]


def _sweep(array: FloatArray, factors: list[FloatArray | None]) -> FloatArray:
    """Improve every factor once, in place; returns the core that goes with them."""
    modes = [mode for mode, factor in enumerate(factors) if factor is not None]
    if not modes:
        return array
    return _project(_descend(array, modes, factors), modes[-1:], factors)


def _descend(
    projected: FloatArray, modes: list[int], factors: list[FloatArray | None]
) -> FloatArray:
    """Improve the factors of `modes`, given the tensor projected on all others, in place.

    Returns the tensor projected on all modes but the last one of `modes`.
    """
    if len(modes) == 1:
        (mode,) = modes
        factor = factors[mode]
        assert factor is not None, "_sweep takes the modes that have one"
        factors[mode] = leading_vectors(projected, mode, factor.shape[1], start=factor)
        return projected
    first, second = modes[: len(modes) // 2], modes[len(modes) // 2 :]
    _descend(_project(projected, second, factors), first, factors)
    return _descend(_project(projected, first, factors), second, factors)


def _project(tensor: FloatArray, modes: list[int], factors: list[FloatArray | None]) -> FloatArray:
    parts = [factor for mode in modes if (factor := factors[mode]) is not None]
    return multi_mode_dot(tensor, parts, modes=modes, transpose=True)

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
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias, TypedDict, Unpack, overload

import numpy as np
import numpy.typing as npt

from tucker_core.algebra import multi_mode_dot
from tucker_core.checks import FloatArray, check_sequence, check_tensor
from tucker_core.decompose import hosvd
from tucker_core.norms import frobenius_norm
from tucker_core.options import check_rng, check_sweeps
from tucker_core.ranks import validate_tucker_rank
from tucker_core.scaling import check_scaled, times_power
from tucker_core.spectra import leading_vectors, squared_norm
from tucker_core.tucker_tensor import TuckerTensor, tucker_to_tensor

Factors: TypeAlias = Sequence[FloatArray | None]
Init: TypeAlias = Literal["hosvd", "random"] | TuckerTensor | Factors


class Options(TypedDict, total=False):
    """How to iterate, see `tucker`."""

    n_iter_max: int
    tol: float
    init: Init
    rng: np.random.Generator | int | None


@overload
def tucker(
    tensor: npt.ArrayLike,
    rank: Iterable[int] | int | float,
    *,
    return_errors: Literal[False] = ...,
    **options: Unpack[Options],
) -> TuckerTensor: ...
@overload
def tucker(
    tensor: npt.ArrayLike,
    rank: Iterable[int] | int | float,
    *,
    return_errors: Literal[True],
    **options: Unpack[Options],
) -> tuple[TuckerTensor, list[float]]: ...
def tucker(
    tensor: npt.ArrayLike,
    rank: Iterable[int] | int | float,
    *,
    n_iter_max: int = 100,
    tol: float = 1e-4,
    init: Init = "hosvd",
    rng: np.random.Generator | int | None = None,
    return_errors: bool = False,
) -> TuckerTensor | tuple[TuckerTensor, list[float]]:
    """Decompose a tensor into Tucker format of a given rank, as well as alternating steps can.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N), float32 or float64
    rank : tuple, int or fraction, see `validate_tucker_rank`
    n_iter_max : sweeps over all modes, at most
    tol : stop when a sweep lowers the relative error by less than this; a negative one never stops
    init : start from the HOSVD; from random orthonormal factors drawn with `rng`; or from factors of your
        own, one (I_n, J_n) per mode (None where J_n = I_n) or those of a TuckerTensor. Only what their
        columns span matters, and its core does not
    rng : generator or seed, needed for init="random"
    return_errors : also return the errors, which rebuilds the tensor once a sweep

    Returns
    -------
    TuckerTensor whose factors (I_n, J_n) have orthonormal columns; full modes have none. With
    `return_errors` a pair of it and the list of relative errors ||X - X^|| / ||X||, one after each sweep

    Raises
    ------
    TypeError, ValueError
        As `hosvd`; also for an unknown `init`, factors that do not fit tensor and rank, "random" without
        `rng`, or an `n_iter_max` or `tol` that is none.

    Examples
    --------
    >>> tensor = np.random.default_rng(0).standard_normal((6, 7, 8))
    >>> def error(t):
    ...     return np.linalg.norm(tensor - t.to_tensor())
    >>> bool(error(tucker(tensor, 3)) <= error(hosvd(tensor, 3)))
    True
    >>> _, errors = tucker(tensor, 3, n_iter_max=2, return_errors=True)
    >>> [round(e, 2) for e in errors]
    [0.79, 0.79]
    """
    array, exponent = check_scaled(tensor)
    ranks = validate_tucker_rank(array.shape, rank)
    sweeps, least = check_sweeps(n_iter_max, tol)
    factors = initial_factors(array, ranks, init, rng)
    energy = squared_norm(array)
    core, error, errors = array, np.inf, list[float]()
    for _ in range(sweeps):
        core = _sweep(array, factors)
        if return_errors:
            errors.append(_relative_error(array, core, factors))
        # orthonormal factors: ||X - X^||^2 = ||X||^2 - ||core||^2
        left = math.sqrt(max(energy - squared_norm(core), 0.0) / (energy or 1.0))
        if error - left < least:
            break
        error = left
    if core is array:  # nothing was taken away: the caller's own numbers, but not its memory
        result = TuckerTensor(np.array(check_tensor(tensor), order="C"), tuple(factors))
    else:
        result = TuckerTensor(times_power(core, exponent), tuple(factors))
    return (result, errors) if return_errors else result


def initial_factors(
    array: FloatArray,
    ranks: Sequence[int],
    init: Init,
    rng: np.random.Generator | int | None,
) -> list[FloatArray | None]:
    """Orthonormal factors (I_n, J_n) to start from, None where J_n = I_n."""
    if isinstance(init, str):
        if init == "hosvd":
            return list(hosvd(array, ranks).factors)
        if init != "random":
            raise ValueError(
                f"init is {init!r}; 'hosvd' or 'random' is needed, a TuckerTensor or a list of factors"
            )
        if rng is None:
            raise ValueError("init='random' draws factors; give rng, a seed or a generator")
        rng = check_rng(rng)
        return [
            None if r == dim else np.linalg.qr(rng.standard_normal((dim, r)).astype(array.dtype)).Q
            for dim, r in zip(array.shape, ranks, strict=True)
        ]
    given = init.factors if isinstance(init, TuckerTensor) else init
    factors = check_sequence(
        given, "init", "'hosvd', 'random', a TuckerTensor or a list of factors"
    )
    if len(factors) != array.ndim:
        raise ValueError(
            f"init has {len(factors)} factors; one for each of {array.ndim} modes is needed"
        )
    return [
        _orthonormal(factor, f"init[{mode}]", (dim, ranks[mode]), array.dtype)
        for mode, (factor, dim) in enumerate(zip(factors, array.shape, strict=True))
    ]


def _orthonormal(
    factor: FloatArray | None, name: str, shape: tuple[int, int], dtype: np.dtype[np.floating]
) -> FloatArray | None:
    """A basis of what a factor (I, J) spans; None where that is all."""
    full = shape[0] == shape[1]
    if factor is None and full:
        return None
    needed = f"{dtype} of shape {shape} is needed{', or None' if full else ''}"
    if factor is None:
        raise ValueError(f"{name} is None; {needed}")
    matrix, _ = check_scaled(factor, name)
    if matrix.shape != shape or matrix.dtype != dtype:
        raise ValueError(f"{name} is {matrix.dtype} of shape {matrix.shape}; {needed}")
    return None if full else np.linalg.qr(matrix).Q


def _relative_error(array: FloatArray, core: FloatArray, factors: Factors) -> float:
    if core is array:
        return 0.0
    rest = tucker_to_tensor((core, factors))
    rest -= array
    return frobenius_norm(rest) / (frobenius_norm(array) or 1.0)


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

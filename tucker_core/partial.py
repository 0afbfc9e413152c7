"""Tucker format of some modes only: the others keep their dimension and get no factor.

That suits convolutions: Tucker-2 decomposes the channels of a kernel and leaves its height and width.
"""

from collections.abc import Iterable
from typing import Literal, Unpack, overload

import numpy as np
import numpy.typing as npt

from tucker_core.checks import check_mode, check_sequence, check_tensor, shown
from tucker_core.hooi import Options, tucker
from tucker_core.ranks import validate_tucker_rank
from tucker_core.tucker_tensor import TuckerTensor


@overload
def partial_tucker(
    tensor: npt.ArrayLike,
    rank: Iterable[int] | int | float,
    modes: Iterable[int],
    *,
    return_errors: Literal[False] = ...,
    **options: Unpack[Options],
) -> TuckerTensor: ...
@overload
def partial_tucker(
    tensor: npt.ArrayLike,
    rank: Iterable[int] | int | float,
    modes: Iterable[int],
    *,
    return_errors: Literal[True],
    **options: Unpack[Options],
) -> tuple[TuckerTensor, list[float]]: ...
def partial_tucker(
    tensor: npt.ArrayLike,
    rank: Iterable[int] | int | float,
    modes: Iterable[int],
    *,
    return_errors: bool = False,
    **options: Unpack[Options],
) -> TuckerTensor | tuple[TuckerTensor, list[float]]:
    """Decompose only some modes; the others stay as they are and get no factor.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N)
    rank : one rank for each of `modes`; an int, used in each of them but never above its dimension; or a
        float in (0, 1], at most that fraction of the whole tensor's parameters, kept modes included
    modes : the modes to decompose, each once
    return_errors, options : as for `tucker`

    Returns
    -------
    As `tucker`

    Raises
    ------
    TypeError, ValueError
        As `tucker`; also if there is not one rank per mode or a mode comes twice.

    Examples
    --------
    >>> partial_tucker(np.ones((4, 5, 6)), (2, 3), (0, 2)).rank
    (2, 5, 3)
    >>> partial_tucker(np.ones((4, 5, 6)), 0.5, (0, 2)).n_params <= 60
    True
    """
    array = check_tensor(tensor)
    wanted = check_sequence(modes, "modes", "a list of modes to decompose")
    ranks = _rank_of_all(array.shape, rank, tuple(check_mode(m, array.ndim) for m in wanted))
    if return_errors:
        return tucker(array, ranks, return_errors=True, **options)
    return tucker(array, ranks, **options)


def _rank_of_all(
    shape: tuple[int, ...], rank: Iterable[int] | int | float, modes: tuple[int, ...]
) -> tuple[int, ...]:
    """One rank per mode of the tensor, its dimension where it is not decomposed."""
    scalar = isinstance(rank, np.ndarray) and rank.ndim == 0
    single = scalar or not isinstance(rank, Iterable)
    own = modes if single else check_sequence(rank, "rank", "an int, a float or one int per mode")
    if len(own) != len(modes) or len(set(modes)) != len(modes):
        given = shown(rank if single else own)
        raise ValueError(f"rank {given} for modes {modes}; give one rank per mode, each once")
    if single:
        kept = [mode for mode in range(len(shape)) if mode not in modes]
        return validate_tucker_rank(shape, rank, fixed_modes=kept)
    ranks = list(shape)
    for mode, r in zip(modes, own, strict=True):
        ranks[mode] = r
    return tuple(ranks)

"""From a full tensor to Tucker format: the higher-order singular value decomposition.

HOSVD takes, mode by mode, the leading left singular vectors of the unfolding as the factor, and
projects the tensor on them to get the core. The sequentially truncated variant (ST-HOSVD) projects
after every mode, so that each next mode works on a smaller tensor: cheaper, and as good. Given the
ranks, it takes the modes in the order that makes the whole cheapest.

Error bound, both variants: ||X - X^||^2 <= sum over modes of the discarded sigma^2, so discarding
at most tol^2 ||X||^2 / N in each of N modes guarantees a relative error of at most tol.
Sources: De Lathauwer, De Moor, Vandewalle, SIAM J. Matrix Anal. Appl. 21 (2000); Vannieuwenhoven,
Vandebril, Meerbergen, SIAM J. Sci. Comput. 34 (2012).
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from tucker_core.algebra import mode_dot
from tucker_core.checks import FloatArray, check_real, check_tensor, shown
from tucker_core.options import check_rng
from tucker_core.ranks import validate_tucker_rank
from tucker_core.scaling import check_scaled, times_power
from tucker_core.spectra import leading_vectors, sketched_vectors, squared_norm
from tucker_core.tucker_tensor import TuckerTensor

Method = Literal["auto", "gram", "svd", "randomized"]

# The part of the allowed error that is spent; the rest is for the rounding errors of the energies.
_SPENT = 0.99


def hosvd(
    tensor: npt.ArrayLike,
    rank: Iterable[int] | int | float | None = None,
    *,
    tol: float | None = None,
    sequential: bool = True,
    method: Method = "auto",
    rng: np.random.Generator | int | None = None,
) -> TuckerTensor:
    """Decompose a tensor into an orthogonal Tucker format, to a rank or to a guaranteed error.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N), float32 or float64
    rank : tuple (J_1, ..., J_N); or an int, the same for every mode; or a float in (0, 1], at most
        that fraction of the tensor's parameters (see `validate_tucker_rank`); a mode of full rank gets
        no factor (None)
    tol : guaranteed relative error ||X - X^|| / ||X|| <= tol, in [0, 1); the ranks follow from it. The
        rounding errors of core and factors come on top, at most about 10 eps of the dtype (1e-6 in
        float32, 2e-15 in float64): below that, tol keeps more ranks without a smaller error
    sequential : project after each mode (ST-HOSVD) instead of once at the end
    method : how the singular vectors are found: "gram", as eigenvectors of the Gram matrix (fast, half
        the digits); "svd", by QR and SVD (slower, all digits); "auto", by Gram and, where its digits
        do not suffice, again in float64 or by QR and SVD, as "gram" does where tol asks for it;
        "randomized", from a sketch drawn with `rng` (nearly the same error, faster where I_n is far
        above J_n)
    rng : generator or seed, needed for method="randomized"

    Returns
    -------
    TuckerTensor whose factors (I_n, J_n) have orthonormal columns, signs fixed so that in each column
    the first entry whose magnitude is at least 0.999 of the largest is positive. It shares no memory
    with the tensor. 2^k times the tensor has the same factors and 2^k times the core.

    Notes
    -----
    A tensor whose largest entry is outside [2^-10, 2^10) is copied, over a power of two: its squares
    would vanish or overflow if they were far outside.

    Memory: at most 2.2 times the tensor and the result where I_n^2 is at most 0.4 of the tensor's size
    in every mode. Beyond that an (I_n, I_n) matrix is no longer small beside the tensor, and numpy finds
    its eigenvectors or singular vectors in float64, whatever the tensor's own precision. A float32
    tensor with one mode as long as all others together took 5 times with "gram" and 7 with "svd"; "auto"
    stays within 2.2 there if J_n is at most I_n / 2 - 8 and the tensor is near that rank. Much longer
    modes are for "auto", never "gram": its matrix has I_n^2 numbers.

    Raises
    ------
    TypeError
        If the tensor is not float32 or float64, or a rank, tol or rng is none.
    ValueError
        If not exactly one of rank and tol is given, either is out of range, an entry is not finite, the
        method is unknown, "randomized" has no rng, or a tol, which it cannot guarantee, or the core would
        hold more than the largest number of the dtype.

    Examples
    --------
    >>> tensor = np.random.default_rng(0).standard_normal((4, 5, 6))
    >>> approximation = hosvd(tensor, tol=0.5)
    >>> error = np.linalg.norm(tensor - approximation.to_tensor()) / np.linalg.norm(tensor)
    >>> bool(error <= 0.5)
    True
    """
    _check_options(rank, tol, method, rng)
    array, exponent = check_scaled(tensor)
    ranks = None if rank is None else validate_tucker_rank(array.shape, rank)
    allowed = (
        math.inf if tol is None else _SPENT * float(tol) ** 2 * squared_norm(array) / array.ndim
    )
    drawn = check_rng(rng) if method == "randomized" else None
    core, factors = array, list[FloatArray | None]([None] * array.ndim)
    for mode in range(array.ndim) if ranks is None else _cheapest_order(array.shape, ranks):
        wanted = None if ranks is None else ranks[mode]
        if wanted == array.shape[mode]:
            continue
        source = core if sequential else array
        if wanted is not None and drawn is not None:
            basis = sketched_vectors(source, mode, wanted, drawn)
        else:
            basis = leading_vectors(source, mode, wanted, allowed=allowed, method=method)
        if basis.shape[1] < array.shape[mode]:
            factors[mode] = basis
            core = mode_dot(core, basis, mode, transpose=True)
    if core is array:  # nothing was taken away: the caller's own numbers, but not its memory
        return TuckerTensor(np.array(check_tensor(tensor), order="C"), tuple(factors))
    return TuckerTensor(times_power(core, exponent), tuple(factors))


def _check_options(rank: object, tol: float | None, method: str, rng: object) -> None:
    if (rank is None) == (tol is None):
        raise ValueError(f"rank is {shown(rank)} and tol is {tol}; give exactly one of them")
    if tol is not None and not 0 <= check_real(tol, "tol", "a relative error in [0, 1)") < 1:
        raise ValueError(f"tol is {tol}; a relative error in [0, 1) is needed")
    if method not in get_args(Method):
        raise ValueError(f"method is {method!r}; one of {get_args(Method)} is needed")
    if method == "randomized" and tol is not None:
        raise ValueError(f"tol is {tol}; method='randomized' guarantees no error: give a rank")
    if method == "randomized" and rng is None:
        raise ValueError("method='randomized' draws numbers; give rng, a seed or a generator")


def _cheapest_order(shape: Sequence[int], ranks: Sequence[int]) -> Iterable[int]:
    """Order of the modes that needs the fewest FLOPs.

    On a tensor of S entries a mode costs S (I + 2 J), the Gram matrix and the projection, and leaves
    S J / I entries to the next. Swapping two neighbours shows that sorting by (I + 2 J) / (1 - J / I)
    is best.
    """

    def price(mode: int) -> float:
        dim, rank = shape[mode], ranks[mode]
        return math.inf if rank == dim else (dim + 2 * rank) / (1 - rank / dim)

    return sorted(range(len(shape)), key=price)

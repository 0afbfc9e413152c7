"""TensorLy's names, arguments and results over `tucker_core`, so that TensorLy's own tests can run on it.

Four conventions are translated, and nothing is computed but by ours:

- TensorLy takes integers; we refuse them (nothing is converted silently), so they become float64.
- A full mode has no factor (None) here; TensorLy stores the identity.
- `random_state` becomes a generator; `init="svd"` is our "hosvd"; rank None means the full ranks.
- The partial decompositions of TensorLy list the factors of `modes` alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

import tucker_core as ours
from tucker_core.checks import FloatArray
from tucker_core.counting import shared_core_params
from tucker_core.tucker_tensor import check_tucker

Pair = tuple[FloatArray, list[FloatArray]]


def floats(array: Any) -> FloatArray:
    given: FloatArray = np.asarray(array)
    return given if given.dtype.kind == "f" else given.astype(np.float64)


def pair(tensor: ours.TuckerTensor, modes: Sequence[int] | None = None) -> Pair:
    """Core and factors as TensorLy keeps them: those of `modes`, with identities written out."""
    wanted = range(tensor.core.ndim) if modes is None else modes
    full = [
        np.eye(dim, dtype=tensor.core.dtype) if factor is None else factor
        for factor, dim in zip(tensor.factors, tensor.shape, strict=True)
    ]
    return tensor.core, [full[mode] for mode in wanted]


def generator(random_state: Any) -> np.random.Generator:
    seed = random_state.randint(2**31) if hasattr(random_state, "randint") else random_state
    return np.random.default_rng(0 if seed is None else seed)


def unfold(tensor: Any, mode: int) -> FloatArray:
    return ours.unfold(floats(tensor), mode)


def fold(unfolded: Any, mode: int, shape: Sequence[int]) -> FloatArray:
    return ours.fold(floats(unfolded), mode, shape)


def mode_dot(tensor: Any, factor: Any, mode: int, transpose: bool = False) -> FloatArray:
    return ours.mode_dot(floats(tensor), floats(factor), mode, transpose)


def multi_mode_dot(tensor: Any, factors: Sequence[Any], modes: Any = None, **given: Any) -> Any:
    return ours.multi_mode_dot(floats(tensor), [floats(f) for f in factors], modes, **given)


def tucker_to_tensor(tensor: Any, modes: Sequence[int] | None = None) -> FloatArray:
    core, factors = tensor
    if modes is None:
        return ours.tucker_to_tensor((core, factors))
    placed = dict(zip(modes, factors, strict=True))
    return ours.tucker_to_tensor((core, [placed.get(mode) for mode in range(core.ndim)]))


def tucker_to_unfolded(tensor: Any, mode: int = 0) -> FloatArray:
    return ours.unfold(ours.tucker_to_tensor(tensor), mode)


def tucker_to_vec(tensor: Any) -> FloatArray:
    return ours.tucker_to_tensor(tensor).reshape(-1)


def tucker_mode_dot(tensor: Any, factor: Any, mode: int, copy: bool = False) -> Pair:
    del copy  # ours never writes into what it is given
    return pair(ours.tucker_mode_dot(ours.TuckerTensor(*tensor), factor, mode))


def validate_tucker_tensor(tensor: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    checked = check_tucker(tensor)
    return checked.shape, checked.rank


def tucker_n_param(shape: Sequence[int], rank: Sequence[int]) -> int:
    """TensorLy counts a matrix for a full mode too, as we do only where a core is shared."""
    return shared_core_params([shape], rank)


def random_tucker(
    shape: Sequence[int],
    rank: Any,
    *,
    full: bool = False,
    orthogonal: bool = False,
    random_state: Any = None,
) -> Any:
    rng = generator(random_state)
    ranks = (rank,) * len(shape) if isinstance(rank, int) else rank
    drawn = ours.random_tucker(shape, ranks, rng)
    if orthogonal:
        drawn = ours.hosvd(drawn.to_tensor(), ranks)
    return drawn.to_tensor() if full else pair(drawn)


def options(
    init: Any = "svd", random_state: Any = None, n_iter_max: int = 100, verbose: Any = False
) -> dict[str, Any]:
    del verbose  # a library does not print
    start = "hosvd" if isinstance(init, str) and init == "svd" else init
    return {"init": start, "rng": generator(random_state), "n_iter_max": n_iter_max}


def tucker(
    tensor: FloatArray,
    rank: Any,
    fixed_factors: Sequence[int] = (),
    init: Any = "svd",
    **given: Any,
) -> Pair:
    if not fixed_factors:
        ranks = tensor.shape if rank is None else rank
        return pair(ours.tucker(tensor, ranks, **options(init, **given)))
    # Orthonormal factors that stay are projected on first; the rest is a partial decomposition.
    factors = list(init[1])
    free = [mode for mode in range(tensor.ndim) if mode not in fixed_factors]
    kept = [factors[mode] for mode in fixed_factors]
    projected = ours.multi_mode_dot(tensor, kept, modes=fixed_factors, transpose=True)
    (core, found), _ = partial_tucker(projected, [rank[mode] for mode in free], free, **given)
    for mode, factor in zip(free, found, strict=True):
        factors[mode] = factor
    return core, factors


def partial_tucker(
    tensor: FloatArray, rank: Any, modes: Sequence[int], **given: Any
) -> tuple[Pair, list[float]]:
    ranks = [tensor.shape[mode] for mode in modes] if rank is None else rank
    result, errors = ours.partial_tucker(
        tensor, ranks, modes, return_errors=True, **options(**given)
    )
    return pair(result, modes), errors

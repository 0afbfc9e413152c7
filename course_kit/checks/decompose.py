"""Checks of assignment 2, first half: HOSVD and the bounds of its error."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import tucker_core
from course_kit.checks.variants import Tensor, Variant, draw_fading_tensor, draw_shape
from course_kit.checks.verdict import (
    Array,
    CheckFailed,
    Suspects,
    as_array,
    call,
    same_array,
    same_number,
)

Rank = tuple[int, ...]

ORTHONORMAL = 1e-8  # QR and SVD in float64 are orthonormal to about 1e-15
SLACK = 1 + 1e-9
NO_ROOT = "square root forgotten"
KEPT = "energy kept, not energy discarded"
RELATIVE = "relative to the norm of the tensor"


def leading_basis(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_basis(tensor, mode, rank)`: leading left singular vectors (I_mode, rank) of an unfolding.

    Signs are free, and so is a rotation among the vectors kept: the space that they span is compared.

    Raises
    ------
    CheckFailed
        With what is wrong about the basis, and the likely cause.
    """
    for tensor, ranks in _cases(me, "basis", hard):
        for mode, rank in enumerate(ranks):
            what, got = call(
                function, tensor, mode, rank, without=("hosvd", "tucker", "partial_tucker")
            )
            vectors = np.linalg.svd(tucker_core.unfold(tensor, mode))[0]
            _orthonormal(what, got, (tensor.shape[mode], rank))
            trailing = vectors[:, -rank:]
            mistakes: Suspects = [
                ("these are the trailing vectors: eigh sorts upwards", trailing @ trailing.T)
            ]
            kept, truth = as_array(what, got), vectors[:, :rank]
            same_array(f"{what}: projector U U^T", kept @ kept.T, truth @ truth.T, mistakes)


def hosvd(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_hosvd(tensor, rank)`: a core and one orthonormal factor per mode.

    Projecting mode by mode (ST-HOSVD) is as welcome as projecting once at the end: the core must be the
    tensor's projection, and the error within the bound that both guarantee.

    Raises
    ------
    CheckFailed
        With what is wrong about core, factors or error.
    """
    for tensor, rank in _cases(me, "hosvd", hard):
        what, got = call(function, tensor, rank, without=("hosvd", "tucker", "partial_tucker"))
        core, factors = _parts(what, got, tensor.ndim)
        for mode, factor in enumerate(factors):
            shape = (tensor.shape[mode], rank[mode])
            _orthonormal(f"{what}: factor {mode}", factor, shape)
        matrices = [as_array(what, factor) for factor in factors]
        projected = tucker_core.multi_mode_dot(tensor, matrices, transpose=True)
        same_array(f"{what}: core", core, projected, _core_mistakes(tensor, matrices))
        error = float(np.linalg.norm(tensor - tucker_core.multi_mode_dot(projected, matrices)))
        bound = error_bounds_of(tensor, rank)[1]
        if error > bound * SLACK + ORTHONORMAL * float(np.linalg.norm(tensor)):
            raise CheckFailed(
                f"{what}: error {error:.4g} is above the bound {bound:.4g} that HOSVD guarantees. Likely "
                "cause: the factors do not span the leading left singular vectors"
            )


def _core_mistakes(tensor: Tensor, factors: list[Array]) -> Suspects:
    last = tensor.ndim - 1
    corner = tuple(slice(factor.shape[1]) for factor in factors)
    return [
        ("a corner of the tensor is no projection: multiply by the factors' transposes",
            lambda: tensor[corner]),
        ("the tensor was projected in its last mode only", lambda: tucker_core.mode_dot(
            tensor, factors[last], last, transpose=True)),
        ("the tensor was projected in its first mode only", lambda: tucker_core.mode_dot(
            tensor, factors[0], 0, transpose=True)),
    ]  # fmt: skip


def rebuild(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_rebuild(core, factors)`: the full tensor again.

    Raises
    ------
    CheckFailed
        At the first wrong entry, with the likely cause.
    """
    rng = me.rng(f"rebuild {hard}", anew=hard)
    ranks = [(3, 3, 3), (2, 4, 3)] if not hard else [(2, 3), (4, 2, 1, 3), (5,)]
    for rank in ranks:
        core = rng.standard_normal(rank)
        dims = rank if len(set(rank)) == 1 else tuple(j + int(rng.integers(1, 4)) for j in rank)
        factors = [rng.standard_normal(pair) for pair in zip(dims, rank, strict=True)]
        what, got = call(function, core, factors, without=("tucker_to_tensor",))
        same_array(
            what, got, tucker_core.tucker_to_tensor((core, factors)), _chain_mistakes(core, factors)
        )


def _chain_mistakes(core: Tensor, factors: list[Tensor]) -> Suspects:
    product = tucker_core.multi_mode_dot
    return [
        ("transposed factors", lambda: product(core, [factor.T.copy() for factor in factors])),
        ("the factors meet the modes in reverse", lambda: product(core, factors[::-1])),
    ]


def error_bounds(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_bounds(tensor, rank)`: the least and the largest error that HOSVD can have.

    Raises
    ------
    CheckFailed
        With the first wrong number and the likely cause.
    """
    for tensor, rank in _cases(me, "bounds", hard):
        what, got = call(function, tensor, rank)
        pair = as_array(what, got)
        if pair.shape != (2,):
            raise CheckFailed(f"{what}: expected two numbers, (lower, upper), got {got!r}")
        lower, upper = error_bounds_of(tensor, rank)
        tails, kept, norm = _tails(tensor, rank), _kept(tensor, rank), np.linalg.norm(tensor)
        low: Suspects = [
            (NO_ROOT, max(tails)),
            ("every mode's loss is a lower bound: take the largest", math.sqrt(min(tails))),
            (KEPT, math.sqrt(max(kept))),
            (RELATIVE, lower / norm),
        ]
        high: Suspects = [
            (NO_ROOT, sum(tails)),
            ("norms were added, not their squares", sum(map(math.sqrt, tails))),
            (KEPT, math.sqrt(sum(kept))),
            (RELATIVE, upper / norm),
        ]
        same_number(f"{what}: lower bound", pair[0], lower, low)
        same_number(f"{what}: upper bound", pair[1], upper, high)


def error_bounds_of(tensor: Tensor, rank: Sequence[int]) -> tuple[float, float]:
    """The truth: lower and upper bound of the error of HOSVD at a rank, from the spectra.

    Examples
    --------
    >>> error_bounds_of(np.diag([3.0, 4.0]), (1, 1))
    (3.0, 4.242640687119285)
    """
    tails = _tails(tensor, rank)
    return math.sqrt(max(tails)), math.sqrt(sum(tails))


def _tails(tensor: Tensor, rank: Sequence[int]) -> list[float]:
    """Energy that each mode discards."""
    spectra = tucker_core.multilinear_singular_values(tensor)
    return [float((sigma[j:] ** 2).sum()) for sigma, j in zip(spectra, rank, strict=True)]


def _kept(tensor: Tensor, rank: Sequence[int]) -> list[float]:
    spectra = tucker_core.multilinear_singular_values(tensor)
    return [float((sigma[:j] ** 2).sum()) for sigma, j in zip(spectra, rank, strict=True)]


def _cases(me: Variant, problem: str, hard: bool) -> Iterator[tuple[Tensor, Rank]]:
    """Tensors with a rank that keeps some of every mode."""
    rng = me.rng(f"{problem} {hard}", anew=hard)
    for order in (2, 4, 3) if hard else (3,):
        tensor = draw_fading_tensor(rng, draw_shape(rng, order, 3, 6))
        rank = [int(rng.integers(2, dim)) for dim in tensor.shape]
        for n in range(order):  # no more than the other modes can feed
            rank[n] = min(rank[n], math.prod(rank[:n] + rank[n + 1 :]))
        yield tensor, tuple(rank)


def _parts(what: str, got: Any, order: int) -> tuple[Any, list[Any]]:
    try:
        core, factors = got
        factors = list(factors)
    except (TypeError, ValueError) as error:
        raise CheckFailed(
            f"{what}: expected a pair (core, factors), got {type(got).__name__}"
        ) from error
    if len(factors) != order:
        raise CheckFailed(f"{what}: expected one factor per mode, {order}, got {len(factors)}")
    return core, factors


def _orthonormal(what: str, got: Any, shape: tuple[int, int]) -> None:
    matrix = as_array(what, got)
    if matrix.shape != shape:
        turned = ". Likely cause: it is transposed" if matrix.shape == shape[::-1] else ""
        raise CheckFailed(f"{what}: expected shape {shape}, got {matrix.shape}{turned}")
    excess = np.abs(matrix.T @ matrix - np.eye(shape[1])).max()
    if excess > ORTHONORMAL:
        raise CheckFailed(
            f"{what}: the columns are not orthonormal: U^T U differs from the identity by {excess:.2g}"
        )

"""Wrong answers to assignment 2, and right ones in another style."""

from typing import Any

import numpy as np

import tucker_core
from tests.course_kit.grading.assignment_runs import Planted, Wrong
from tucker_core import mode_dot, tucker_params, unfold

Array = Any  # students write no types
Rank = tuple[int, ...]


def basis_trailing(tensor: Array, mode: int, rank: int) -> Array:
    matrix = unfold(tensor, mode)
    return np.linalg.eigh(matrix @ matrix.T)[1][:, :rank]


def basis_transposed(tensor: Array, mode: int, rank: int) -> Array:
    return basis_eigh(tensor, mode, rank).T


def basis_whole(tensor: Array, mode: int, rank: int) -> Array:
    return np.linalg.svd(unfold(tensor, mode))[0]


def basis_scaled(tensor: Array, mode: int, rank: int) -> Array:
    vectors, sigma, _ = np.linalg.svd(unfold(tensor, mode), full_matrices=False)
    return (vectors * sigma)[:, :rank]


def basis_eigh(tensor: Array, mode: int, rank: int) -> Array:
    matrix = np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)
    return np.linalg.eigh(matrix @ matrix.T)[1][:, ::-1][:, :rank]


def basis_qr(tensor: Array, mode: int, rank: int) -> Array:
    """Subspace iteration in loops."""
    matrix = unfold(tensor, mode)
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((len(matrix), rank)))[0]
    for _ in range(400):
        basis = np.linalg.qr(matrix @ (matrix.T @ basis))[0]
    return basis


def hosvd_random(tensor: Array, rank: Rank) -> tuple[Array, list[Array]]:
    rng = np.random.default_rng(0)
    pairs = zip(tensor.shape, rank, strict=True)
    factors = [np.linalg.qr(rng.standard_normal(pair))[0] for pair in pairs]
    return project(tensor, factors), factors


def hosvd_corner(tensor: Array, rank: Rank) -> tuple[Array, list[Array]]:
    return tensor[tuple(map(slice, rank))], hosvd_at_once(tensor, rank)[1]


def hosvd_last_only(tensor: Array, rank: Rank) -> tuple[Array, list[Array]]:
    factors = hosvd_at_once(tensor, rank)[1]
    for mode, factor in enumerate(factors):
        core = mode_dot(tensor, factor.T, mode)
    return core, factors


def hosvd_by_the_library(tensor: Array, rank: Rank) -> Any:
    return tucker_core.hosvd(tensor, rank)


def hosvd_at_once(tensor: Array, rank: Rank) -> tuple[Array, list[Array]]:
    factors = [basis_eigh(tensor, mode, j) for mode, j in enumerate(rank)]
    return project(tensor, factors), factors


def hosvd_sequential(tensor: Array, rank: Rank) -> tuple[Array, tuple[Array, ...]]:
    factors = []
    for mode, j in enumerate(rank):
        factors.append(np.linalg.svd(unfold(tensor, mode))[0][:, :j])
        tensor = np.moveaxis(np.tensordot(factors[-1], tensor, (0, mode)), 0, mode)
    return tensor, tuple(factors)


def project(tensor: Array, factors: list[Array]) -> Array:
    for factor in factors:  # each product puts its mode last, so after all modes they stand right
        tensor = np.tensordot(tensor, factor, (0, 0))
    return tensor


def rebuild_transposed(core: Array, factors: list[Array]) -> Array:
    return rebuild_tensordot(core, [factor.T for factor in factors])


def rebuild_reversed(core: Array, factors: list[Array]) -> Array:
    return rebuild_tensordot(core, factors[::-1])


def rebuild_tensordot(core: Array, factors: list[Array]) -> Array:
    for factor in factors:
        core = np.tensordot(core, factor, (0, 1))
    return core


def rebuild_einsum(core: Array, factors: list[Array]) -> Array:
    n = core.ndim
    operands: list[Any] = [core, list(range(n))]
    for mode, factor in enumerate(factors):
        operands += [factor, [n + mode, mode]]
    result: Array = np.einsum(*operands, list(range(n, 2 * n)))
    return result


def tails(tensor: Array, rank: Rank) -> list[float]:
    found = []
    for mode, j in enumerate(rank):
        matrix = unfold(tensor, mode)
        found.append(float(np.linalg.eigvalsh(matrix @ matrix.T)[::-1][j:].clip(0).sum()))
    return found


def bounds_no_root(tensor: Array, rank: Rank) -> tuple[float, float]:
    return max(tails(tensor, rank)), sum(tails(tensor, rank))


def bounds_norms_added(tensor: Array, rank: Rank) -> tuple[float, float]:
    roots = np.sqrt(tails(tensor, rank))
    return float(roots.max()), float(roots.sum())


def bounds_smallest(tensor: Array, rank: Rank) -> tuple[float, float]:
    return min(tails(tensor, rank)) ** 0.5, sum(tails(tensor, rank)) ** 0.5


def bounds_swapped(tensor: Array, rank: Rank) -> tuple[float, float]:
    lower, upper = bounds_eigenvalues(tensor, rank)
    return upper, lower


def bounds_eigenvalues(tensor: Array, rank: Rank) -> Array:
    return np.sqrt([max(tails(tensor, rank)), sum(tails(tensor, rank))])


def bounds_by_projection(tensor: Array, rank: Rank) -> list[float]:
    """What a projection of one mode loses, measured."""
    lost = []
    for mode, j in enumerate(rank):
        basis = basis_eigh(tensor, mode, j)
        lost.append(float(np.linalg.norm(tensor - mode_dot(tensor, basis @ basis.T, mode))))
    return [max(lost), float(np.hypot.reduce(lost))]


def rank_too_much(tensor: Array, budget: int) -> Any:
    return tensor.shape


def rank_of_one(tensor: Array, budget: int) -> Any:
    return (1,) * tensor.ndim


def rank_equal(tensor: Array, budget: int) -> Rank:
    cubes = [tuple(min(j, dim) for dim in tensor.shape) for j in range(1, max(tensor.shape) + 1)]
    return [cube for cube in cubes if tucker_params(tensor.shape, cube) <= budget][-1]


def rank_most_numbers(tensor: Array, budget: int) -> Rank:
    fits = (r for r in every_rank(tensor) if tucker_params(tensor.shape, r) <= budget)
    return max(fits, key=lambda rank: tucker_params(tensor.shape, rank))


def rank_loops(tensor: Array, budget: int) -> list[int]:
    best, least = [1] * tensor.ndim, np.inf
    for rank in every_rank(tensor):
        if tucker_params(tensor.shape, rank) <= budget:
            bound = bounds_from(spectra(tensor), rank)
            if bound < least:
                best, least = list(rank), bound
    return best


def spectra(tensor: Array) -> list[Array]:
    modes = range(tensor.ndim)
    return [np.linalg.svd(unfold(tensor, n), compute_uv=False) for n in modes]


def rank_sorted(tensor: Array, budget: int) -> Array:
    sigmas = spectra(tensor)
    ranks = sorted(every_rank(tensor), key=lambda rank: bounds_from(sigmas, rank))
    return np.array(next(r for r in ranks if tucker_params(tensor.shape, r) <= budget))


def bounds_from(sigmas: list[Array], rank: Rank) -> float:
    return sum(float((s[j:] ** 2).sum()) for s, j in zip(sigmas, rank, strict=True))


def every_rank(tensor: Array) -> list[Rank]:
    return [tuple(j + 1 for j in index) for index in np.ndindex(*tensor.shape)]


PLANTED = {
    "test-basis": Planted(
        "my_basis",
        [
            Wrong(basis_trailing, "trailing vectors: eigh sorts upwards"),
            Wrong(basis_transposed, "it is transposed"),
            Wrong(basis_whole, "expected shape"),
            Wrong(basis_scaled, "not orthonormal"),
        ],
        [basis_eigh, basis_qr],
    ),
    "test-hosvd": Planted(
        "my_hosvd",
        [
            Wrong(hosvd_random, "do not span the leading left singular vectors"),
            Wrong(hosvd_corner, "a corner of the tensor is no projection"),
            Wrong(hosvd_last_only, "in its last mode only"),
            Wrong(hosvd_by_the_library, "tucker_core.hosvd is what is to be written"),
        ],
        [hosvd_at_once, hosvd_sequential],
    ),
    "test-rebuild": Planted(
        "my_rebuild",
        [Wrong(rebuild_transposed, "transposed factors"), Wrong(rebuild_reversed, "in reverse")],
        [rebuild_tensordot, rebuild_einsum],
    ),
    "test-bounds": Planted(
        "my_bounds",
        [
            Wrong(bounds_no_root, "square root forgotten"),
            Wrong(bounds_norms_added, "norms were added, not their squares"),
            Wrong(bounds_smallest, "take the largest"),
            Wrong(bounds_swapped, "lower bound"),
        ],
        [bounds_eigenvalues, bounds_by_projection],
    ),
    "test-rank-budget": Planted(
        "my_rank",
        [
            Wrong(rank_too_much, "the budget is"),
            Wrong(rank_of_one, "equal ranks already reach"),
        ],
        [rank_equal, rank_sorted],
    ),
    "test-rank-best": Planted(
        "my_rank",
        [
            Wrong(rank_equal, "another rank within the budget"),
            Wrong(rank_most_numbers, "another rank within the budget"),
        ],
        [rank_sorted, rank_loops],
    ),
}

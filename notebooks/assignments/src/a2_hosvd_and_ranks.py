# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] nbgrader={"grade_id": "intro"}
# # Assignment 2 · HOSVD, its error bound, and ranks under a budget
#
# **You will learn** to write the higher-order singular value decomposition, to know its error before you compute it, and to
# spend a budget of numbers where it does most good.
#
# **Needs** notebook 02 and assignment 1. **Time** about 3 hours. **Points** 20.
#
# You may use `unfold`, `mode_dot` and `tucker_params` of the library; the decompositions themselves are yours to write.

# %% nbgrader={"grade_id": "setup"}
import itertools

import matplotlib.pyplot as plt
import numpy as np
from course_kit import checks
from course_kit.checks.variants import this_student
from course_kit.plots import DARK, MIDDLE, spectra
from tucker_core import mode_dot, tucker_params, unfold

me = this_student()
print(me)

# %% [markdown] nbgrader={"grade_id": "text-data"}
# Your own tensor for this assignment: its singular values fall in every mode, in each at its own pace.

# %% nbgrader={"grade_id": "data"}
tensor, tolerance = checks.rank_question(me)
print("shape", tensor.shape)
names = [f"mode {n}" for n in range(tensor.ndim)]
sigmas = [
    np.linalg.svd(unfold(tensor, n), compute_uv=False) for n in range(tensor.ndim)
]
fig, axes = plt.subplots(figsize=(6, 3))
spectra(axes, dict(zip(names, sigmas, strict=True)))
plt.show()

# %% [markdown] nbgrader={"grade_id": "text-basis"}
# ## 1 · The leading basis of a mode (3 points)
#
# The `rank` leading left singular vectors of the unfolding, as orthonormal columns. Signs are free. By SVD of the
# unfolding, or from the eigenvectors of its Gram matrix: both are right.


# %% nbgrader={"grade_id": "basis", "solution": true}
def my_basis(tensor, mode, rank):
    """Matrix (I_mode, rank) of the leading left singular vectors of the unfolding."""
    ### BEGIN SOLUTION
    vectors, _, _ = np.linalg.svd(unfold(tensor, mode))
    return vectors[:, :rank]
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-basis", "points": 3}
checks.leading_basis(my_basis, me)
### BEGIN HIDDEN TESTS
checks.leading_basis(my_basis, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-hosvd"}
# ## 2 · HOSVD (4 points)
#
# One basis $U_n$ per mode; the core is the tensor projected on them, $C = X \times_1 U_1^T \cdots \times_N U_N^T$. Project once at
# the end, or after every mode (ST-HOSVD), as you like.


# %% nbgrader={"grade_id": "hosvd", "solution": true}
def my_hosvd(tensor, rank):
    """Core (J_1, ..., J_N) and a list of one factor (I_n, J_n) per mode."""
    ### BEGIN SOLUTION
    factors = [my_basis(tensor, mode, j) for mode, j in enumerate(rank)]
    core = tensor
    for mode, factor in enumerate(factors):
        core = mode_dot(core, factor.T, mode)
    return core, factors
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-hosvd", "points": 4}
checks.hosvd(my_hosvd, me)
### BEGIN HIDDEN TESTS
checks.hosvd(my_hosvd, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-rebuild"}
# ## 3 · And back (2 points)


# %% nbgrader={"grade_id": "rebuild", "solution": true}
def my_rebuild(core, factors):
    """The full tensor: core x_0 factors[0] x_1 factors[1] ..."""
    ### BEGIN SOLUTION
    for mode, factor in enumerate(factors):
        core = mode_dot(core, factor, mode)
    return core
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-rebuild", "points": 2}
checks.rebuild(my_rebuild, me)
### BEGIN HIDDEN TESTS
checks.rebuild(my_rebuild, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-bounds"}
# ## 4 · The error, known beforehand (4 points)
#
# Mode $n$ alone discards the energy $t_n = \sum_{k > J_n} \sigma_{n,k}^2$. No approximation of that rank loses less than any one
# mode does, and HOSVD loses at most all of them together:
#
# $$ \max_n \sqrt{t_n} \;\le\; \lVert X - \hat X \rVert \;\le\; \sqrt{\textstyle\sum_n t_n} $$


# %% nbgrader={"grade_id": "bounds", "solution": true}
def my_bounds(tensor, rank):
    """(lower, upper) bound of the norm of the error of HOSVD at this rank."""
    ### BEGIN SOLUTION
    tails = []
    for mode, j in enumerate(rank):
        sigma = np.linalg.svd(unfold(tensor, mode), compute_uv=False)
        tails.append(np.sum(sigma[j:] ** 2))
    return np.sqrt(max(tails)), np.sqrt(sum(tails))
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-bounds", "points": 4}
checks.error_bounds(my_bounds, me)
### BEGIN HIDDEN TESTS
checks.error_bounds(my_bounds, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-plot"}
# Does the true error keep between them? On your tensor, at equal ranks:

# %% nbgrader={"grade_id": "plot"}
ranks = range(1, max(tensor.shape) + 1)
cubes = [tuple(min(J, dim) for dim in tensor.shape) for J in ranks]
errors = [
    np.linalg.norm(tensor - my_rebuild(*my_hosvd(tensor, cube))) for cube in cubes
]
lower, upper = zip(*[my_bounds(tensor, cube) for cube in cubes], strict=True)
fig, axes = plt.subplots(figsize=(6, 3))
axes.fill_between(
    ranks, lower, upper, color=MIDDLE, alpha=0.4, label="between the bounds"
)
axes.plot(ranks, errors, "o-", color=DARK, label="measured")
axes.axhline(tolerance * np.linalg.norm(tensor), color=DARK, ls=":", label="tolerance")
axes.set(xlabel="rank J in every mode", ylabel="norm of the error")
axes.legend()
plt.show()

# %% [markdown] nbgrader={"grade_id": "text-rank"}
# ## 5 · Ranks under a budget (5 points)
#
# At most `budget` numbers may be stored, counted by `tucker_params(shape, rank)`: core and matrices, where a full mode
# ($J_n = I_n$) needs no matrix. Which rank has the smallest *upper bound* of the error? Two points for any rank that keeps the
# budget and does not do worse than the largest equal ranks; three more for the best of all.


# %% nbgrader={"grade_id": "rank", "solution": true}
def my_rank(tensor, budget):
    """Rank (J_1, ..., J_N) of least upper bound among those that store at most `budget` numbers."""
    ### BEGIN SOLUTION
    tails = []
    for mode in range(tensor.ndim):
        energy = np.linalg.svd(unfold(tensor, mode), compute_uv=False) ** 2
        tails.append([energy[j:].sum() for j in range(tensor.shape[mode] + 1)])
    every = itertools.product(*(range(1, dim + 1) for dim in tensor.shape))
    allowed = [rank for rank in every if tucker_params(tensor.shape, rank) <= budget]
    return min(
        allowed, key=lambda rank: sum(t[j] for t, j in zip(tails, rank, strict=True))
    )
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-rank-budget", "points": 2}
checks.rank_within_budget(my_rank, me)
### BEGIN HIDDEN TESTS
checks.rank_within_budget(my_rank, me, hard=True)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "test-rank-best", "points": 3}
checks.rank_is_best(my_rank, me)
### BEGIN HIDDEN TESTS
checks.rank_is_best(my_rank, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-numbers"}
# ## 6 · Your own numbers (2 points)
#
# For your tensor: the smallest $J$, the same in every mode but never above its dimension, that *guarantees* a relative error of
# at most `tolerance`; and how many numbers that stores.

# %% nbgrader={"grade_id": "numbers", "solution": true}
answers = {"rank": None, "numbers": None}
### BEGIN SOLUTION
allowed = tolerance * np.linalg.norm(tensor)
J = next(J for J, bound in zip(ranks, upper, strict=True) if bound <= allowed)
answers["rank"] = J
answers["numbers"] = tucker_params(tensor.shape, cubes[J - 1])
### END SOLUTION

# %% nbgrader={"grade_id": "test-numbers", "points": 2}
checks.rank_numbers(answers, me)

# %% [markdown] nbgrader={"grade_id": "end"}
# ## What you have now
#
# A compressor with a guarantee. It takes the tensor as it comes; in assignment 3 you choose which tensor that is.

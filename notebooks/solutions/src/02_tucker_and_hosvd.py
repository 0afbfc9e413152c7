# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · Tucker and HOSVD: solutions
#
# Each exercise with one way to solve it; others may be as good.

# %% tags=["setup"]

# %%
import numpy as np
from course_kit.notebook.photo import portrait
from tucker_core import hosvd, mode_dot, tucker_params, unfold

photo = portrait()

# %% [markdown]
# ## 1. The upper bound
#
# Let $P_n = U_n U_n^T$ be the projection on the kept directions of mode n. For **one** mode the error is exactly what is thrown away:
# $\lVert X - X \times_1 P_1 \rVert^2 = \sum_{j > J_1} \sigma_{1,j}^2$. For **two**, write
#
# $$ X - X \times_1 P_1 \times_2 P_2 = (X - X \times_1 P_1) + (X - X \times_2 P_2) \times_1 P_1 . $$
#
# The two parts are orthogonal, since the second lies in the range of $P_1$ in mode 1 and the first in its complement: squared norms
# add up. And a projection shortens, so the second is at most $\lVert X - X \times_2 P_2 \rVert^2$. The same step for each further mode.


# %%
def projected(x, mode, kept):
    """The tensor projected on its leading directions in one mode, and what that loses."""
    vectors, sigma, _ = np.linalg.svd(unfold(x, mode), full_matrices=False)
    p = vectors[:, :kept] @ vectors[:, :kept].T
    return mode_dot(x, p, mode), p, np.sum(sigma[kept:] ** 2)


once, p0, lost0 = projected(photo, 0, 20)
other, _, lost1 = projected(photo, 1, 20)
first, second = photo - once, mode_dot(photo - other, p0, 0)
assert np.isclose(np.sum(first**2), lost0)
assert abs(np.sum(first * second)) < 1e-8 * np.sum(photo**2)
assert np.sum(second**2) <= lost1
print(f"{np.sum((first + second) ** 2):.1f} <= {lost0 + lost1:.1f}")

# %% [markdown]
# ## 2. Where are the large entries of the core?
#
# In the corner at (0, 0, 0): singular vectors are sorted, and the entry at (i, j, k) says how much of the photograph lies in the i-th,
# j-th and k-th of them at once.

# %%
core = photo
for mode in range(3):
    vectors, _, _ = np.linalg.svd(unfold(photo, mode), full_matrices=False)
    core = mode_dot(core, vectors.T.copy(), mode)
total = np.sum(core**2)
for r in (1, 5, 20):
    print(
        f"first {r:2} x {r:2} x 3: {np.sum(core[:r, :r] ** 2) / total:.1%} of the square"
    )
assert np.abs(core).argmax() == 0

# %% [markdown]
# ## 3. Giving up a colour
#
# Rank $(r, r, 2)$ saves $r^2 + 3$ parameters. At the same number of parameters it may have a larger $r$. It pays as long as the error
# that a third colour would mend is smaller than what more directions mend:


# %%
def error_of(rank):
    """Relative error of the HOSVD to a rank."""
    near = hosvd(photo, rank, sequential=False).to_tensor()
    return np.linalg.norm(photo - near) / np.linalg.norm(photo)


for r in (5, 10, 20, 40):
    budget = tucker_params(photo.shape, (r, r, 3))
    two = max(
        k for k in range(1, 128) if tucker_params(photo.shape, (k, k, 2)) <= budget
    )
    three_colours, two_colours = error_of((r, r, 3)), error_of((two, two, 2))
    better = "two" if two_colours < three_colours else "three"
    print(
        f"{budget:6,} parameters: {better} colours, {min(two_colours, three_colours):.3f}"
    )

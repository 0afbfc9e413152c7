# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Modes, unfoldings and the n-mode product: solutions
#
# Each exercise with one way to solve it; others may be as good.

# %% tags=["setup"]

# %%
import numpy as np
from tucker_core import mode_dot, unfold

rng = np.random.default_rng(0)
tensor = rng.standard_normal((2, 3, 4))

# %% [markdown]
# ## 1. Two modes as rows
#
# Bring modes 0 and 2 to the front, then lay them out together: 8 rows, 3 columns. It is the unfolding in mode 1, transposed; only one
# mode is left for the columns, so nothing but the order of the rows could differ, and it does not.

# %%
rows = np.transpose(tensor, (0, 2, 1)).reshape(8, 3)
assert np.array_equal(rows, unfold(tensor, 1).T)

# %% [markdown]
# A tensor whose matrix has rank 1 here is $a_{ik} b_j$: a matrix in modes 0 and 2, times a vector in mode 1.

# %%
simple = np.einsum("ik,j->ijk", rng.standard_normal((2, 4)), rng.standard_normal(3))
made = np.transpose(simple, (0, 2, 1)).reshape(8, 3)
assert np.linalg.matrix_rank(made) == 1

# %% [markdown]
# ## 2. Orthogonal matrices keep the norm
#
# The product in mode n multiplies every fibre, and $\lVert Q x \rVert = \lVert x \rVert$ for each. The squared norm of the tensor is the sum over its
# fibres. Notebook 02 needs it where the error of the HOSVD is read off the core: the factors have orthonormal columns.

# %%
for mode, size in enumerate(tensor.shape):
    q, _ = np.linalg.qr(rng.standard_normal((size, size)))
    turned = mode_dot(tensor, q, mode)
    assert np.isclose(np.linalg.norm(turned), np.linalg.norm(tensor))

# %% [markdown]
# ## 3. Two products in one mode
#
# $C (B x)$ for every fibre, or $(C B) x$. With $B$ of 5 x 3 and $C$ of 7 x 5 the first takes $15 + 35$ multiplications a fibre, the
# second 21, and 105 once for $C B$. There are 8 fibres in mode 1: 400 against 273. With only three fibres the first would win.

# %%
b, c = rng.standard_normal((5, 3)), rng.standard_normal((7, 5))
one_by_one = mode_dot(mode_dot(tensor, b, 1), c, 1)
assert np.allclose(one_by_one, mode_dot(tensor, c @ b, 1))
for fibres in (2, 3, 4, 8):
    print(f"{fibres} fibres: {fibres * (15 + 35)} or {105 + fibres * 21}")

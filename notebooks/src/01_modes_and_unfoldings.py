# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Modes, unfoldings and the n-mode product
#
# **You will learn**
# - what the modes, fibres and slices of a tensor are, and how `unfold` makes a matrix of it;
# - the n-mode product in three ways: loops, one matrix product, the library;
# - the trap that has cost most hours in this field: C order against Fortran order.
#
# **Needs** numpy and matplotlib, and that you know what a matrix product is. **Time** 25 minutes to read,
# seconds to run.
#
# **Predict**: stop and guess before you run the next cell. **Measure**: see whether you were right.
# **Your turn**: change something.

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>What is <code>np.arange(6).reshape(2, 3)[1, 0]</code>?</summary>
#
# 3: rows come first, and the last index runs fastest. If not: [numpy for beginners](https://numpy.org/doc/stable/user/absolute_beginners.html).
#
# </details>
#
# <details><summary>When may two matrices be multiplied?</summary>
#
# When the first has as many columns as the second has rows.
#
# </details>
#
# <details><summary>What is left of an array of shape 2 x 3 x 4 when you fix its first index?</summary>
#
# An array of shape 3 x 4, a *slice*.
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# The library's four operations of this notebook, and the pictures of the course.

# %%
import matplotlib.pyplot as plt
import numpy as np
from course_kit.notebook.photo import portrait
from course_kit.plots import layer_bars, matrix_cells, tensor_cells, unfolding_cells
from tucker_core import fold, mode_dot, multi_mode_dot, unfold

# %% [markdown]
# ## A tensor has modes
#
# A tensor of order 3 is an array with three indices. Each index is a **mode**; code counts them from 0, papers from 1.
# Ours has shape 2 x 3 x 4, and every entry says where it lies in memory.

# %%
tensor = np.arange(24.0).reshape(2, 3, 4)
tensor.shape

# %% [markdown]
# Fix the first index, and a **slice** is left: a matrix. The picture shows both slices, `tensor[0]` and `tensor[1]`.
# It is drawn three times; the shade tells the index in mode 0, in mode 1, in mode 2.

# %% alt="The two slices of the tensor as grids of numbers, three times, shaded by the index in mode 0, 1 and 2"
fig, grid = plt.subplots(1, 3, figsize=(11, 2.2))
for mode, axes in enumerate(grid):
    tensor_cells(axes, tensor, mode, f"shaded by mode {mode}")
plt.show()

# %% [markdown]
# Numpy stores the last index fastest: one step in mode 2 is the next place in memory, one step in mode 1 is 4 places,
# one step in mode 0 is 12. That is **C order**.
#
# **Predict.** Which number is `tensor[1, 0, 2]`?

# %%
place = 12 * 1 + 4 * 0 + 1 * 2
print(tensor[1, 0, 2])
assert tensor[1, 0, 2] == place

# %% [markdown]
# ## Unfolding: a tensor as a matrix
#
# Most of what we know is about matrices, so we lay the tensor out as one. **Unfolding in mode n** makes one row of each
# slice of mode n. The other modes keep their order along the row.
#
# **Predict.** What shape has the unfolding in mode 1?

# %%
rows = [tensor[:, j, :].ravel() for j in range(3)]
by_hand = np.array(rows)
by_hand.shape

# %% [markdown]
# **Measure.** `unfold` does the same for any mode. The assert says that not one entry differs.

# %%
assert np.array_equal(unfold(tensor, 1), by_hand)

# %% [markdown]
# All three unfoldings, with the shades from above: each shade became a row. The columns of an unfolding are the
# **fibres** of its mode: what you get when all other indices are fixed.

# %% alt="Three matrices: the unfoldings of shapes 2 x 12, 3 x 8 and 4 x 6, each row in one shade"
fig, grid = plt.subplots(3, 1, figsize=(8, 6), height_ratios=[2, 3, 4])
for mode, axes in enumerate(grid):
    unfolding_cells(axes, tensor, mode)
fig.tight_layout()
plt.show()

# %% [markdown]
# `fold` is the way back. It has to be told the mode and the shape: the matrix alone does not know them.

# %%
again = fold(unfold(tensor, 1), 1, (2, 3, 4))
assert np.array_equal(again, tensor)

# %% [markdown]
# ## The trap: the order of the columns
#
# MATLAB, and the paper by Kolda and Bader from which everybody learns this, let the *first* of the other indices run
# fastest: **Fortran order**. The rows hold the same numbers in another order.

# %% alt="Two 3 x 8 matrices with the same rows and differently ordered columns: 0 1 2 3 12 and 0 12 1 13 2"
fortran = np.moveaxis(tensor, 1, 0).reshape(3, -1, order="F")
shades = np.repeat(np.arange(3)[:, None], 8, axis=1)
fig, grid = plt.subplots(1, 2, figsize=(10, 2))
matrix_cells(grid[0], unfold(tensor, 1), shades, "mode 1, C order (ours)")
matrix_cells(grid[1], fortran, shades, "mode 1, Fortran order")
plt.show()

# %% [markdown]
# **Predict.** Does the order of columns change the singular values? And can one unfold in one order and fold in the
# other?

# %%
ours = np.linalg.svd(unfold(tensor, 1), compute_uv=False)
theirs = np.linalg.svd(fortran, compute_uv=False)
mixed_up = fold(fortran, 1, (2, 3, 4))
print("largest singular values", ours[0].round(3), theirs[0].round(3))
print("tensor[0, 0] after mixing the orders:", mixed_up[0, 0])

# %% [markdown]
# **Measure.** The singular values agree, so a decomposition comes out right in either order. The mixed-up tensor is
# wrong, and nothing raised an error: that is what makes it a trap. This course is C order throughout, as numpy,
# PyTorch and TensorLy are.

# %%
assert np.allclose(ours, theirs)
assert not np.array_equal(mixed_up, tensor)

# %% [markdown]
# ## The n-mode product
#
# Multiplying a tensor by a matrix *along mode n* replaces every fibre $x$ of that mode by $M x$. For mode 1 (the
# paper's mode 2):
#
# $$ y_{ijk} = \sum_m M_{jm}\, x_{imk} $$
#
# First in loops, exactly as the formula reads. Slow, and beyond doubt.

# %%
matrix = np.random.default_rng(0).standard_normal((5, 3))


def product_by_loops(tensor, matrix):
    """The n-mode product in mode 1, entry by entry."""
    result = np.zeros((tensor.shape[0], matrix.shape[0], tensor.shape[2]))
    for i, j, k in np.ndindex(result.shape):
        result[i, j, k] = sum(
            matrix[j, m] * tensor[i, m, k] for m in range(len(tensor[0]))
        )
    return result


# %% [markdown]
# **Predict.** The tensor is 2 x 3 x 4 and the matrix 5 x 3. What is the shape of the product in mode 1?

# %%
looped = product_by_loops(tensor, matrix)
looped.shape

# %% [markdown]
# Second, as one matrix product. The fibres of mode 1 are the columns of the unfolding, so $Y_{(1)} = M X_{(1)}$.

# %%
unfolded = fold(matrix @ unfold(tensor, 1), 1, (2, 5, 4))

# %% [markdown]
# Third, by the library. It never makes the unfolding: a contiguous tensor *seen from mode n* is already a stack of
# matrices, and numpy can multiply a stack.

# %%
library = mode_dot(tensor, matrix, 1)
assert np.allclose(looped, unfolded)
assert np.allclose(looped, library)

# %% [markdown]
# Is it worth it? **Predict** how many times faster the second and the third way are, on a tensor of 20 x 25 x 32
# (a small layer). The machine's mood is in these times, so only their order is asserted.

# %%
from timeit import repeat

layer = np.random.default_rng(1).standard_normal((20, 25, 32))
square = np.random.default_rng(2).standard_normal((25, 25))
ways = {
    "loops": lambda: product_by_loops(layer, square),
    "unfold, matmul": lambda: fold(square @ unfold(layer, 1), 1, layer.shape),
    "mode_dot": lambda: mode_dot(layer, square, 1),
}

# %% [markdown]
# **Measure.** The best of three runs each, in microseconds.

# %% tags=["nondeterministic"]
times = {name: 1e6 * min(repeat(way, number=1, repeat=3)) for name, way in ways.items()}
assert times["loops"] > 100 * max(times["unfold, matmul"], times["mode_dot"])

# %% tags=["nondeterministic"] alt="Three bars on a logarithmic axis: loops take hundreds of milliseconds, the others tens of microseconds"
fig, axes = plt.subplots(figsize=(6, 2.8))
values = {"time": list(times.values())}
layer_bars(axes, list(times), values, unit="microseconds", log=True)
plt.show()

# %% [markdown]
# The bars stand on a logarithmic axis: the loops take more than a hundred times longer than either of the others.
#
# ## Two rules worth knowing
#
# Products in *different* modes may be taken in any order; two products in the *same* mode are one product with the
# product of the matrices. The whole of Tucker compression stands on the first rule.

# %%
rng = np.random.default_rng(3)
a, b, c = (rng.standard_normal(shape) for shape in ((6, 2), (5, 3), (7, 5)))
one_way = mode_dot(mode_dot(tensor, a, 0), b, 1)
other_way = mode_dot(mode_dot(tensor, b, 1), a, 0)
assert np.allclose(one_way, other_way)
assert np.allclose(mode_dot(mode_dot(tensor, b, 1), c, 1), mode_dot(tensor, c @ b, 1))

# %% [markdown]
# `multi_mode_dot` takes one matrix for each mode, and picks the order that keeps the intermediate tensors small.

# %%
assert np.allclose(multi_mode_dot(tensor, [a, b], modes=[0, 1]), one_way)

# %% [markdown]
# ## A photograph is a tensor
#
# Height x width x colour: a picture has three modes. Here is Grace Hopper (the photograph comes with matplotlib), at
# 150 x 128 pixels of 3 colours.

# %% alt="A portrait of Grace Hopper in uniform before a flag"
photo = portrait()
print(photo.shape)
fig, axes = plt.subplots(figsize=(2.2, 2.6))
axes.imshow(photo)
axes.axis("off")
plt.show()

# %% [markdown]
# An n-mode product now has a look. **Predict** what these three matrices do to her:
#
# - along mode 2 (colour), a 1 x 3 matrix of weights;
# - along mode 0 (height), the identity with its rows reversed;
# - along mode 1 (width), a 32 x 128 matrix that averages four neighbours.

# %%
weights = np.array([[0.30, 0.59, 0.11]])
reverse = np.eye(150)[::-1].copy()
average = np.kron(np.eye(32), np.full((1, 4), 0.25))
pictures = {
    "x grey weights in mode 2": mode_dot(photo, weights, 2),
    "x reversal in mode 0": mode_dot(photo, reverse, 0),
    "x averages in mode 1": mode_dot(photo, average, 1),
}

# %% [markdown]
# **Measure.** Grey, upside down, squeezed; and the shapes say so too.

# %% alt="The portrait three times: in grey, upside down, and squeezed to a quarter of its width"
fig, grid = plt.subplots(1, 3, figsize=(7.2, 3.1))
for axes, (title, picture) in zip(grid, pictures.items(), strict=True):
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"{title}\n{picture.shape}", fontsize=9)
    axes.axis("off")
plt.show()

# %% [markdown]
# And here is the trap again, this time to be seen: the unfolding in mode 0 has one row per row of the picture. In
# C order the *colour* runs fastest along it, so three neighbours belong to one pixel. In Fortran order the *width*
# runs fastest, and the three colours stand side by side as three grey pictures. (With fewer pixels, so that the
# stripes can be seen.)

# %% alt="Two unfoldings as grey images: in C order one striped wide face, in Fortran order three narrow faces side by side"
small = portrait(shrink=8)
in_c = unfold(small, 0)
in_fortran = small.reshape(75, -1, order="F")
fig, grid = plt.subplots(2, 1, figsize=(5.4, 4.7))
for axes, matrix, name in zip(grid, (in_c, in_fortran), ("C", "Fortran"), strict=True):
    axes.imshow(matrix, cmap="gray", interpolation="nearest")
    axes.set_title(f"unfolding in mode 0, {name} order: 75 x 192", fontsize=10)
    axes.axis("off")
plt.show()

# %% [markdown]
# Same rows, same singular values, different order of columns.

# %%
assert in_c.shape == in_fortran.shape == (75, 192)
assert np.array_equal(np.sort(in_c, axis=1), np.sort(in_fortran, axis=1))

# %% [markdown]
# **Your turn.** Make a matrix that blurs the picture along its height, and one that swaps red and blue. What do you
# multiply, and in which mode? The cell does the first; change it to the second.

# %% alt="The portrait, blurred from top to bottom"
band = np.eye(150) + np.eye(150, k=1) + np.eye(150, k=-1)
blur = np.linalg.matrix_power(band / band.sum(axis=1, keepdims=True), 8)
fig, axes = plt.subplots(figsize=(2.2, 2.6))
axes.imshow(mode_dot(photo, blur, 0).clip(0, 1))  # change me
axes.axis("off")
plt.show()

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** Which shape has a 7 x 3 matrix times a 2 x 3 x 4 tensor in mode 1?
#
# <details><summary>7 x 3 x 4</summary>
#
# No. That would be mode 0, and the matrix would need 2 columns.
#
# </details>
#
# <details><summary>2 x 7 x 4</summary>
#
# Yes. Mode 1 had dimension 3 and now has 7.
#
# </details>
#
# <details><summary>2 x 3 x 7</summary>
#
# No. Mode 2 has dimension 4; the matrix would need 4 columns.
#
# </details>
#
# **2.** You unfold in C order and fold in Fortran order. What happens?
#
# <details><summary>an error</summary>
#
# No. The shapes agree, so nothing can notice.
#
# </details>
#
# <details><summary>the tensor comes back</summary>
#
# No. Only if all columns happen to be alike.
#
# </details>
#
# <details><summary>a tensor of the right shape with entries in wrong places</summary>
#
# Yes. The trap of this notebook.
#
# </details>
#
# **3.** Two products in different modes: does their order matter?
#
# <details><summary>never</summary>
#
# Yes. For the result. The work may differ, since the intermediate tensor does.
#
# </details>
#
# <details><summary>always</summary>
#
# No. You may check: they commute.
#
# </details>
#
# <details><summary>only for square matrices</summary>
#
# No. The shapes play no part.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - A tensor of order N has N modes; unfolding in mode n makes a row of each slice, and a column of each fibre.
# - The n-mode product multiplies every fibre of one mode by a matrix: $Y_{(n)} = M X_{(n)}$.
# - Products in different modes commute. Columns of an unfolding have an order, and ours is C order.
#
# **What can go wrong.** Folding with another order than unfolding: no error, wrong tensor. Counting modes from 1. A
# transposed matrix: `mode_dot` says so if the shapes tell it, and cannot know if the matrix is square. Integers:
# `unfold(np.arange(24).reshape(2, 3, 4), 0)` is refused, because nothing is converted silently.
#
# **Exercises.**
# 1. Lay modes 0 and 2 of a 2 x 3 x 4 tensor out *together* as rows, mode 1 as columns. Which unfolding is that? Which tensors
#    have rank 1 in this layout?
# 2. Show that the norm of a tensor does not change when it is multiplied by an orthogonal matrix in any mode. Where will
#    notebook 02 need this?
# 3. Two products in the same mode, by B (5 x 3) and then by C (7 x 5): one after the other, or by C B at once? Count the
#    multiplications. Which is less, and for how many fibres?
#
# <details><summary>Solutions</summary>
#
# [One way to solve each](solutions/01_modes_and_unfoldings.ipynb), with the code. Try for ten minutes first.
#
# </details>
#
# **Next** 02: which matrices make a tensor small?

# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] nbgrader={"grade_id": "intro"}
# # Assignment 1 · Unfoldings and n-mode products
#
# **You will learn** to write the four operations on which Tucker compression stands, and to tell C order from Fortran
# order before it costs you an evening.
#
# **Needs** notebook 01, numpy. **Time** about 2 hours. **Points** 20.
#
# Fill in every cell that says `raise NotImplementedError`; each is followed by a test that is silent if you are right, and
# says where and why if you are not. Some tests check more when your notebook is graded. Write your own loops or use any of
# numpy; only the library functions that you are to rebuild are taboo.

# %% nbgrader={"grade_id": "setup"}
import math

import matplotlib.pyplot as plt
import numpy as np
from course_kit import checks
from course_kit.checks.variants import this_student
from course_kit.notebook.photo import portrait
from course_kit.plots import unfolding_cells

me = this_student()
print(me)

# %% [markdown] nbgrader={"grade_id": "text-unfold"}
# ## 1 · Unfold (4 points)
#
# The unfolding of a tensor in mode $n$ has one row for each index of mode $n$. Along a row the *other* modes keep their
# order, the last one running fastest. Modes count from 0. Here is what you are after, for a tensor of shape 2 x 3 x 2:

# %% nbgrader={"grade_id": "picture-unfold"}
fig, grid = plt.subplots(
    3, 1, figsize=(5, 5.4), height_ratios=[2, 3, 2], layout="constrained"
)
for mode, axes in enumerate(grid):
    unfolding_cells(axes, np.arange(12.0).reshape(2, 3, 2), mode)
plt.show()


# %% nbgrader={"grade_id": "unfold", "solution": true}
def my_unfold(tensor, mode):
    """Tensor (I_1, ..., I_N) -> matrix (I_mode, product of the other dimensions)."""
    ### BEGIN SOLUTION
    return np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-unfold", "points": 4}
checks.unfold(my_unfold, me)
### BEGIN HIDDEN TESTS
checks.unfold(my_unfold, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-fold"}
# ## 2 · Fold (3 points)
#
# The way back. The matrix alone does not know the shape of the tensor, so it is told.


# %% nbgrader={"grade_id": "fold", "solution": true}
def my_fold(matrix, mode, shape):
    """Matrix (I_mode, product of the others) -> tensor of the given shape."""
    ### BEGIN SOLUTION
    others = [dim for n, dim in enumerate(shape) if n != mode]
    return np.moveaxis(matrix.reshape(shape[mode], *others), 0, mode)
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-fold", "points": 3}
checks.fold(my_fold, me)
### BEGIN HIDDEN TESTS
checks.fold(my_fold, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-column"}
# ## 3 · Which column? (3 points)
#
# The entry at `index` of a tensor of shape `shape` stands in row `index[mode]` of its unfolding. In which column? Work it
# out as a formula; do not unfold anything. For shape (2, 3, 2), mode 1 and index (1, 0, 0) the answer is 2: look above.


# %% nbgrader={"grade_id": "column", "solution": true}
def my_column(index, mode, shape):
    """Column, from 0, of the unfolding in which an entry of the tensor stands."""
    ### BEGIN SOLUTION
    column = 0
    for n, dim in enumerate(shape):
        if n != mode:
            column = column * dim + index[n]
    return column
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-column", "points": 3}
checks.column_of(my_column, me)
### BEGIN HIDDEN TESTS
checks.column_of(my_column, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-mode-dot"}
# ## 4 · The n-mode product (4 points)
#
# Multiply every fibre of one mode by a matrix of shape $(J, I_n)$. In mode 1 of a tensor of order 3:
#
# $$ y_{ijk} = \sum_m M_{jm}\, x_{imk} $$
#
# Any order, any mode. The result has $J$ in place of $I_n$, *at the same place*.


# %% nbgrader={"grade_id": "mode-dot", "solution": true}
def my_mode_dot(tensor, matrix, mode):
    """Tensor x_mode matrix: (I_1, ..., I_N) and (J, I_mode) -> (I_1, ..., J, ..., I_N)."""
    ### BEGIN SOLUTION
    shape = (*tensor.shape[:mode], len(matrix), *tensor.shape[mode + 1 :])
    return my_fold(matrix @ my_unfold(tensor, mode), mode, shape)
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-mode-dot", "points": 4}
checks.mode_dot(my_mode_dot, me)
### BEGIN HIDDEN TESTS
checks.mode_dot(my_mode_dot, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-picture"}
# If that is right, you have an image editor. Grace Hopper, turned upside down in mode 0, squeezed in mode 1, and grey in
# mode 2, each by one matrix. (No points here: look and enjoy.)

# %% nbgrader={"grade_id": "picture"}
photo = portrait(8)
height, width, _ = photo.shape
upside_down = np.eye(height)[::-1]
squeezed = np.kron(np.eye(width // 4), np.full((1, 4), 0.25))
grey = np.array([[0.30, 0.59, 0.11]])
fig, grid = plt.subplots(1, 4, figsize=(8, 2.6))
pictures = [
    photo,
    my_mode_dot(photo, upside_down, 0),
    my_mode_dot(photo, squeezed, 1),
    my_mode_dot(photo, grey, 2),
]
for axes, picture in zip(grid, pictures, strict=True):
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"{picture.shape}", fontsize=9)
    axes.axis("off")
plt.show()

# %% [markdown] nbgrader={"grade_id": "text-multi"}
# ## 5 · All modes at once (2 points)
#
# One matrix for every mode, the first for mode 0. Products in different modes may be taken in any order.


# %% nbgrader={"grade_id": "multi", "solution": true}
def my_multi_mode_dot(tensor, matrices):
    """Tensor x_0 matrices[0] x_1 matrices[1] ..., one matrix (J_n, I_n) per mode."""
    ### BEGIN SOLUTION
    for mode, matrix in enumerate(matrices):
        tensor = my_mode_dot(tensor, matrix, mode)
    return tensor
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-multi", "points": 2}
checks.multi_mode_dot(my_multi_mode_dot, me)
### BEGIN HIDDEN TESTS
checks.multi_mode_dot(my_multi_mode_dot, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-numbers"}
# ## 6 · Your own numbers (4 points)
#
# Now with pencil and paper, for a tensor that only you have. A tensor of your shape is multiplied in your mode by a matrix
# with your number of rows.

# %% nbgrader={"grade_id": "question"}
shape, mode, rows, entry = checks.product_question(me)
print(f"shape {shape}, mode {mode}, matrix of {rows} rows, entry {entry}")

# %% [markdown] nbgrader={"grade_id": "text-answers"}
# How many columns has the unfolding in your mode? In which column stands your entry? How many entries has the product? And
# how many FLOPs does it take, at 2 for each multiply-add? Numbers or expressions, as you like.

# %% nbgrader={"grade_id": "numbers", "solution": true}
answers = {"columns": None, "column": None, "entries": None, "flops": None}
### BEGIN SOLUTION
columns = math.prod(dim for n, dim in enumerate(shape) if n != mode)
answers["columns"] = columns
answers["column"] = my_column(entry, mode, shape)
answers["entries"] = rows * columns
answers["flops"] = 2 * rows * math.prod(shape)
### END SOLUTION

# %% nbgrader={"grade_id": "test-numbers", "points": 4}
checks.product_numbers(answers, me)

# %% [markdown] nbgrader={"grade_id": "end"}
# ## What you have now
#
# Five functions, about fifteen lines, and the whole algebra of notebook 02. In assignment 2 they find the matrices that
# make a tensor small.

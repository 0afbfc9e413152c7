# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · Why reshape? Order and balance
#
# **You will learn**
# - why a weight is reshaped before it is decomposed, and what *proper order* and *balanced dimensions* mean;
# - to count what a shape costs before anything is trained;
# - that the same number of stored numbers makes a network useless in one shape and good in another.
#
# **Needs** notebook 02; PyTorch for the last part. **Time** 25 minutes to read, half a minute to run
# (fifteen times as long on all of MNIST, with `ADA_BUDGET=full`).
#
# This is the heart of ADA-Tucker: the *ada* stands for adaptive dimension adjustment.

# %% tags=["setup"]

# %% [markdown]
# Counting and planning from the library, pictures from the course.

# %%
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
from course_kit.figures.method import method_figure
from course_kit.plots import DARK, LIGHT, MIDDLE, layer_bars, plain_log_ticks
from tucker_core import (
    balance_dims,
    factorizations,
    plan_reshape,
    tucker_params,
    validate_tucker_rank,
)

# %% [markdown]
# ## A weight may have any shape
#
# The first layer of LeNet-300 is a matrix of 300 x 784 = 235,200 numbers. A layer only *uses* it as a matrix; to store
# it we may lay the same numbers out as a tensor of any shape whose dimensions multiply to 235,200.

# %%
weight = np.arange(300 * 784, dtype=np.float64).reshape(300, 784)
as_tensor = weight.reshape(15, 20, 28, 28)
assert np.array_equal(as_tensor.reshape(300, 784), weight)

# %% [markdown]
# **Predict.** In how many ways can 235,200 be written as a product of three factors, order left aside?

# %%
triples = factorizations(235_200, 3)
print(f"{len(triples)} ways, from {triples[0]} to {triples[-1]}")

# %% [markdown]
# ## Balance: the sum of dimensions is what you pay
#
# With equal ranks $J$ the matrices cost $\sum_n I_n J = J \sum_n I_n$, while $\prod_n I_n$ is fixed. By the inequality of
# arithmetic and geometric means the sum is least when all $I_n$ are equal. Each dot below is one of the triples: how
# lopsided it is, against what it costs.

# %% alt="Cloud of 512 dots: the more lopsided a triple of dimensions, the larger its sum, from 186 up to 235,202"
lopsided = [dims[-1] / dims[0] for dims in triples]
sums = [sum(dims) for dims in triples]
fig, axes = plt.subplots(figsize=(7, 3.4))
axes.loglog(lopsided, sums, "o", color=MIDDLE, ms=4)
axes.axhline(3 * 235_200 ** (1 / 3), color=DARK, ls="--")
axes.set(xlabel="largest dimension / smallest", ylabel="sum of dimensions")
axes.text(1e3, 230, "perfect balance: 3 x 61.7 = 185", color=DARK)
plt.show()

# %% [markdown]
# The cloud rises to the right, from about 186 to 235,202, and stays above the dashed line, where three equal
# dimensions would lie. **Predict** the triple that `balance_dims` picks.

# %%
best = balance_dims(235_200, 3)
print(best, "sum", sum(best))
assert sum(best) == min(sums)
assert sum(best) < 1.02 * 3 * 235_200 ** (1 / 3)

# %% [markdown]
# ## Order: what is left for the core
#
# The matrices only *spread* what is in the core, so the core should get most of the budget. Take 2,000 numbers for
# this layer, balance the dimensions at each order, and ask for the largest equal rank $J$ that fits:
# $J^N + J \sum_n I_n \le 2000$.


# %%
def largest_cube(dims, budget):
    """Largest J for which a core J x ... x J and its matrices fit the budget."""
    J = 1
    while (J + 1) ** len(dims) + (J + 1) * sum(dims) <= budget:
        J += 1
    return J


# %% [markdown]
# **Predict**: at which order is the core, $J^N$, largest?

# %%
orders = range(2, 8)
shapes = [balance_dims(235_200, order) for order in orders]
cubes = [largest_cube(dims, 2_000) for dims in shapes]
for dims, J in zip(shapes, cubes, strict=True):
    print(f"order {len(dims)}: J = {J}, dims {dims}")

# %% [markdown]
# **Measure.** Dark bars: the numbers in the core. Hatched bars: those in the matrices.

# %% alt="Bars by order: at order 2 all numbers are in the matrices, at order 4 the core is largest, at order 7 most is left over"
cores = [J**order for J, order in zip(cubes, orders, strict=True)]
matrices = [J * sum(dims) for J, dims in zip(cubes, shapes, strict=True)]
fig, axes = plt.subplots(figsize=(8, 3.2))
names = [f"order {order}" for order in orders]
layer_bars(axes, names, {"core": cores, "matrices": matrices}, unit="numbers stored")
plt.show()

# %% [markdown]
# At order 2 the core holds 4 numbers and the matrices eat all the rest. At order 4 the core is largest. Beyond that $J$ must
# become small, since $J^N$ grows so fast, and most of the budget is left over.

# %%
assert cores[0] == 4
assert max(cores) == cores[orders.index(4)] > 1_000

# %% [markdown]
# Left over? Ranks need not be equal. `validate_tucker_rank` takes a share of the dense numbers as a ceiling and spends it, mode by
# mode. A rank equal to its dimension is a *full mode*: it needs no matrix at all.

# %%
ranks = [validate_tucker_rank(dims, 2_000 / 235_200) for dims in shapes]
for dims, rank in zip(shapes, ranks, strict=True):
    print(dims, "rank", rank, f"stores {tucker_params(dims, rank):,}")
    assert tucker_params(dims, rank) <= 2_000

# %% [markdown]
# With order 2 even that comes to the product of a 480 x 2 and a 2 x 490 matrix: plain low rank. Four of these orders, drawn: light bars
# are dimensions, dark ones ranks, on one logarithmic axis. Balance makes the light bars of a panel nearly equal in height; order makes them short.

# %% alt="Four panels of bars, orders 2 to 5: dimensions shrink from 480 to about 12, ranks are 2 to 8"
fig, grid = plt.subplots(1, 4, figsize=(10, 2.6), sharey=True, layout="constrained")
for axes, dims, rank in zip(grid, shapes, ranks, strict=False):
    modes = range(len(dims))
    axes.bar(modes, dims, color=LIGHT, edgecolor=MIDDLE, label="dimension")
    axes.bar(modes, rank, color=DARK, width=0.5, label="rank")
    axes.set(title=f"order {len(dims)}", xlabel="mode", xticks=modes, yscale="log")
grid[0].set_ylabel("size")
plain_log_ticks(grid[0].yaxis)
grid[-1].legend(frameon=False, loc="upper right")
plt.show()

# %% [markdown]
# **Your turn.** The sliders set order and budget. How large must the budget be before order 2 gets past rank 2? (They work where a kernel runs: in JupyterLab and on Colab.)

# %%
from ipywidgets import IntSlider, interact


def show(order, budget):
    """Draw dims and ranks of fc1 at an order and a budget, then say what they store."""
    dims = balance_dims(235_200, order)
    rank = validate_tucker_rank(dims, budget / 235_200)
    _, axes = plt.subplots(figsize=(5, 2.6))
    modes = [str(mode) for mode in range(order)]
    layer_bars(axes, modes, {"dimension": dims, "rank": rank}, unit="size")
    axes.set_xlabel("mode")
    plt.show()
    print(f"order {order}: rank {rank}, {tucker_params(dims, rank):,} stored")


_ = interact(
    show,
    order=IntSlider(value=4, min=2, max=7, continuous_update=False),
    budget=IntSlider(
        value=2_000, min=1_200, max=8_000, step=100, continuous_update=False
    ),
)

# %% [markdown]
# Counting favours order 4 and above. But at order 7 the dimensions are about 6, and 6-dimensional directions know little about a
# picture of 28 x 28 pixels. Which order is *proper* must be measured, and will be, below.
#
# ## The paper's figure
#
# The same three cases for a convolution (50 kernels of 5 x 5 over 20 channels), redrawn after figure 2 of the paper, to
# scale. Top: imbalanced dimensions, long matrices and a core of 64. Middle: balanced, and the core has 343. Bottom: order
# 2, and next to nothing left for the core.

# %% alt="Three rows of boxes to scale: an imbalanced, a balanced and an order-2 tensor with their cores and matrices"
cases = (
    ((5, 25, 200), (4, 4, 4), "imbalanced dimensions"),
    ((25, 25, 40), (7, 7, 7), "proper order, balanced"),
    ((125, 200), (3, 3), "improper order"),
)
method_figure((50, 20, 5, 5), cases)

# %% [markdown]
# Is the comparison fair? All three store about a thousand numbers.

# %%
stored = [tucker_params(dims, rank) for dims, rank, _ in cases]
print(stored)
assert all(950 < n < 1_050 for n in stored)

# %% [markdown]
# ## What the planner does
#
# `plan_reshape` looks for balance under one more rule: unless you say `mixed=True`, it only splits or merges whole modes of
# the weight, so that outputs (300 = 15 x 20) and inputs (784 = 28 x 28, rows and columns of pixels) stay apart.

# %%
for shape in ((300, 784), (50, 20, 5, 5), (500, 800), (10, 100)):
    dims = plan_reshape(shape).dims
    print(f"{shape!s:15} -> {dims!s:16} sum {sum(dims)}")

# %% [markdown]
# It chose the order, too. Ask it why:

# %%
for reason in plan_reshape((300, 784)).explain().splitlines():
    print(fill(reason, 80))

# %% [markdown]
# Does keeping them apart cost much? **Predict** the sum of dimensions with and without the rule.

# %%
apart = plan_reshape((300, 784), order=4)
mixed = plan_reshape((300, 784), order=4, mixed=True)
print(apart.dims, sum(apart.dims), "or mixed", mixed.dims, sum(mixed.dims))
assert sum(mixed.dims) <= sum(apart.dims) <= 1.1 * sum(mixed.dims)

# %% [markdown]
# ## Does it matter? An ablation
#
# Now the experiment that counts. We train LeNet-300 six times. The first layer stores at most 2,300 numbers each time, always from a
# random start; only its shape differs. The two other layers are the same in all runs. By default the training images are those of the
# bundled MNIST-5k.

# %%
from course_kit.notebook.budget import by_budget, say_budget
from torch_bridge import TrainConfig, build_model, compress_model, evaluate, fit
from torch_bridge.datasets.tensors import load_digits
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, plan_network

print(say_budget(default="half a minute", full="fifteen times that, on all of MNIST"))
digits = load_digits(full=by_budget(smoke=False, default=False, full=True))
epochs = by_budget(smoke=1, default=20, full=20)
print(f"{digits.name}: {len(digits.images):,} images to train on, {epochs} epochs")

# %% [markdown]
# The plan of a network: our own dims for `fc1`, the planner's for the rest.

# %%
rest = plan_network({"fc2.weight": (100, 300), "fc3.weight": (10, 100)}, budget=2_000)


def plan_with(dims):
    """A plan for LeNet-300 whose first layer is reshaped to these dims."""
    rank = validate_tucker_rank(dims, 2_300 / 235_200)
    fc1 = LayerPlan("fc1.weight", ReshapePlan((300, 784), dims, (0, 1)), rank)
    return NetworkPlan((fc1, *rest.layers))


# %% [markdown]
# Six shapes. **Predict**: rank them from worst to best before you look.

# %%
shapes = {
    "order 2": (300, 784),
    "unbalanced": (2, 6, 25, 784),
    "as it is": (300, 28, 28),
    "balanced 3": (56, 60, 70),
    "balanced 4": (15, 20, 28, 28),
    "balanced 5": (10, 10, 12, 14, 14),
}
plans = {name: plan_with(dims) for name, dims in shapes.items()}

# %% [markdown]
# All stay under the same ceiling.

# %%
for name, plan in plans.items():
    fc1 = plan["fc1.weight"]
    print(f"{name:11} rank {fc1.rank!s:16} stores {fc1.n_params:,}")
    assert fc1.n_params <= 2_300

# %% [markdown]
# Look at *unbalanced*: the cheapest way to use (2, 6, 25, 784) is to keep the three small modes whole, without matrices.
# What remains is a core of 300 x 2 and a matrix of 784 x 2: order 2 again, under another name.
#
# Training takes some 3 seconds a shape.


# %%
def train_with(plan):
    """Train LeNet-300 in Tucker form from scratch; its test error in percent."""
    model = build_model("lenet300", seed=0)
    compress_model(model, plan, init="scratch")
    config = TrainConfig(epochs=epochs, lr=2e-2, batch_size=128, precision="float32")
    fit(
        model, [digits.images], digits.labels, digits.validation, config, progress=False
    )
    return evaluate(model, *digits.test)


# %% [markdown]
# The six runs.

# %% tags=["nondeterministic"]
errors = {name: train_with(plan) for name, plan in plans.items()}

# %% [markdown]
# **Measure.** Test error of the six, in percent.

# %% tags=["nondeterministic"] alt="Bars of six test errors: order 2 and unbalanced near 40 percent, the shape as it is 11, balanced ones about 8"
fig, axes = plt.subplots(figsize=(8, 3))
values = {"test error": list(errors.values())}
layer_bars(axes, list(errors), values, unit="test error, %", form="{:.1f}")
plt.show()

# %% [markdown]
# The first two are hopeless: every picture must squeeze through two numbers. The shape that the weight has by itself is
# better, and the three balanced ones are better still, on average. Among these, a run with another seed may change places.

# %%
assert min(errors["order 2"], errors["unbalanced"]) > 20
balanced = [errors[name] for name in ("balanced 3", "balanced 4", "balanced 5")]
assert max(balanced) < 15
assert sum(balanced) / 3 < errors["as it is"] < errors["order 2"]

# %% [markdown]
# ## Summary
#
# - Matrices cost $\sum I_n J_n$; for a fixed number of weights, balance makes the sum least.
# - Order 2 leaves nothing for the core; a very high order cuts the weight into crumbs. Orders 3 to 5 are proper here.
# - It is not the number of stored numbers that decides, but where they are.
#
# **What can go wrong.** A prime dimension: 10 x 509 cannot be balanced; pad it, or merge it. A reshape that mixes
# inputs and outputs decomposes as well, but the layer can then not be multiplied factor by factor (08). One seed: the last
# tenth of a percent among good shapes is noise.
#
# **Exercises.**
# 1. Prove that for $I_1 I_2 = N$ the sum $I_1 + I_2$ is least at $I_1 = I_2$, without the inequality.
# 2. Find, with `factorizations`, the balanced dims of order 3 to 6 for VGG's largest layer, 4096 x 25088. How many numbers at $J = 10$?
# 3. Run the ablation for orders 6 and 7. Does the error rise again?
#
# **Next** 04: from a trained network to a small one.

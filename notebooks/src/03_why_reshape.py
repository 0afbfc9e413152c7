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
# - that the same number of parameters makes a network useless in one shape and good in another;
# - to tell a difference from noise: seeds, error bars, and enough test images.
#
# **Needs** notebook 02; PyTorch for the last part. **Time** 25 minutes to read, half a minute to run
# (fifteen times as long on all of MNIST, with `ADA_BUDGET=full`).
#
# This is the heart of ADA-Tucker ([Zhong, Wei, Lin and Zhang, 2019](../docs/references.md)): the *ada* stands for
# adaptive dimension adjustment.

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>How many parameters has a Tucker tensor of dims (10, 20) and rank (2, 3)?</summary>
#
# 2·3 + 10·2 + 20·3 = 86. See [notebook 02](02_tucker_and_hosvd.ipynb).
#
# </details>
#
# <details><summary>What does the rank of a matrix limit?</summary>
#
# How many independent directions of its input reach the output.
#
# </details>
#
# <details><summary>What is a validation set for?</summary>
#
# To choose (an epoch, a size); the test set is looked at once, at the end.
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# Counting and planning from the library, pictures from the course.

# %%
import math
from statistics import mean, median, stdev
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
# The matrices only *spread* what is in the core, so the core should get most of the budget. Take 2,000 parameters for
# this layer and balance the dimensions at each order. `validate_tucker_rank` takes a fraction of the dense parameters as a
# ceiling and spends it, mode by mode. A rank equal to its dimension is a *full mode*: it needs no matrix at all.

# %%
orders = range(2, 9)
shapes = [balance_dims(235_200, order) for order in orders]
ranks = [validate_tucker_rank(dims, 2_000 / 235_200) for dims in shapes]
for dims, rank in zip(shapes, ranks, strict=True):
    print(dims, "rank", rank, f"stores {tucker_params(dims, rank):,}")
    assert tucker_params(dims, rank) <= 2_000, "the ceiling holds at every order"

# %% [markdown]
# **Predict**: at which order do the matrices cost most? And where does the core get nearly everything?

# %% alt="Bars by order: at order 3 the matrices take three quarters, from order 5 on the core takes more than four fifths"
cores = [math.prod(rank) for rank in ranks]
matrices = [
    tucker_params(dims, rank) - core
    for dims, rank, core in zip(shapes, ranks, cores, strict=True)
]
fig, axes = plt.subplots(figsize=(8, 3.2))
names = [f"order {order}" for order in orders]
layer_bars(axes, names, {"core": cores, "matrices": matrices}, unit="parameters")
plt.show()

# %% [markdown]
# **Measure.** Dark bars: the parameters in the core. Hatched bars: those in the matrices. From order to order the matrices
# get cheaper, for they pay for the *sum* of dimensions. Order 2 only looks well off: its "core" is a 480 x 2 matrix with a
# full mode, and what is left is a product of two thin matrices.

# %%
assert ranks[0] == (480, 2), (
    "order 2 keeps one mode whole and two directions of the other"
)
assert matrices[1:] == sorted(matrices[1:], reverse=True), (
    "from order 3 on they get cheaper"
)

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
    order=IntSlider(value=4, min=2, max=8, continuous_update=False),
    budget=IntSlider(
        value=2_000, min=1_200, max=8_000, step=100, continuous_update=False
    ),
)

# %% [markdown]
# Counting says that a high order costs nothing. But at order 8 the dimensions are about 5, and no direction of such a mode
# knows much about a picture of 28 x 28 pixels. Which order is *proper* must be measured, and will be, below.
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
# ## Does it matter? An experiment of your own
#
# We train LeNet-300 in four shapes. The first layer stores at most 2,300 parameters each time, always randomly
# initialised; only its shape differs. The two other layers are the same in all runs. One run tells little, since another
# seed initialises and shuffles otherwise; so every shape gets **three seeds**. By default the training images are those
# of the bundled MNIST-5k.

# %%
from course_kit.notebook.budget import by_budget, say_budget
from course_kit.notebook.results import results
from torch_bridge import TrainConfig, build_model, compress_model, evaluate, fit
from torch_bridge.datasets.tensors import load_digits
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, plan_network

print(say_budget(default="half a minute", full="fifteen times that, on all of MNIST"))
digits = load_digits(full=by_budget(smoke=False, default=False, full=True))
epochs = by_budget(smoke=1, default=10, full=10)
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
# Four shapes, all under the same ceiling. **Predict**: rank them from worst to best before you look.

# %%
candidates = {
    "matrix": (300, 784),
    "as it is": (300, 28, 28),
    "planner's": (15, 20, 28, 28),
    "order 8": (3, 4, 4, 4, 5, 5, 7, 7),
}
plans = {name: plan_with(dims) for name, dims in candidates.items()}
for name, plan in plans.items():
    fc1 = plan["fc1.weight"]
    print(f"{name:9} rank {fc1.rank!s:24} stores {fc1.n_params:,}")
    assert fc1.n_params <= 2_300, "all shapes have the same ceiling"

# %% [markdown]
# Training takes some 2 seconds a run.


# %%
def train_with(plan, seed):
    """Train LeNet-300 in Tucker form from scratch; its test error in percent."""
    model = build_model("lenet300", seed=seed)
    compress_model(model, plan, init="scratch")
    config = TrainConfig(
        epochs=epochs, lr=2e-2, batch_size=128, precision="float32", seed=seed
    )
    fit(
        model, [digits.images], digits.labels, digits.validation, config, progress=False
    )
    return evaluate(model, *digits.test)


# %% [markdown]
# Twelve runs.

# %% tags=["nondeterministic"]
errors = {
    name: [train_with(plan, seed) for seed in range(3)] for name, plan in plans.items()
}

# %% [markdown]
# **Measure.** A dot for each seed, a bar from the least to the largest error.

# %% tags=["nondeterministic"] alt="Test error of three seeds for four shapes: the matrix far above, the other three close together with overlapping bars"
fig, axes = plt.subplots(figsize=(7.5, 3))
for row, found in enumerate(errors.values()):
    axes.plot([min(found), max(found)], [row, row], color=MIDDLE, lw=5, alpha=0.5)
    axes.plot(found, [row] * 3, "o", color=DARK)
    axes.text(max(found) + 1, row, f"{mean(found):.1f} %", va="center")
axes.set_yticks(range(len(errors)), list(errors))
axes.invert_yaxis()
axes.set(xlabel="test error, %", xlim=(0, 1.15 * max(map(max, errors.values()))))
plt.show()

# %% [markdown]
# Is a difference of one point a difference? There are two kinds of noise: the seeds', and that of the test set. Of $n$
# images a share $p$ is misread, and another $n$ images would give $p \pm \sqrt{p (1 - p) / n}$.

# %% tags=["nondeterministic"]
n_test = len(digits.test[1])
for name, found in errors.items():
    p = mean(found) / 100
    print(
        f"{name:9} {mean(found):5.1f} %, seeds +-{stdev(found):.1f}, "
        f"test set +-{100 * math.sqrt(p * (1 - p) / n_test):.1f}"
    )
others = [found for name, found in errors.items() if name != "matrix"]
assert min(errors["matrix"]) > max(map(max, others)), "order 2 is the worst by far"

# %% [markdown]
# So this experiment can decide one thing: the matrix is hopeless, since every picture must squeeze through two numbers. It
# *cannot* decide among the others: there the bars overlap, or nearly.
#
# ## The experiment that can decide
#
# The same question with all 50,000 training images and MNIST's 10,000 test images, for orders 2 to 8 at the most even
# dims (and for the matrix as it is), and at order 4 for a ladder of dims from even to lopsided; several seeds each. `ada-tucker ablate shape` runs it and
# wrote `results/ablation_shape_mnist.json`, which we read.

# %%
shape_study = results("ablation_shape_mnist.json")[0]
measured = {}
for outcome in shape_study["outcomes"]:
    dims = tuple(map(int, outcome["setting"].split(": ")[1].split(" x ")))
    measured.setdefault(dims, []).append(outcome["test_error"])
by_order = {dims: measured[dims] for dims in (balance_dims(235_200, n) for n in orders)}
ladder = {dims: measured[dims] for dims in measured if len(dims) == 4}
seeds = sorted({outcome["seed"] for outcome in shape_study["outcomes"]})
print(f"{shape_study['data_set']}, {len(measured)} shapes, seeds {seeds}")

# %% [markdown]
# **Predict** both curves: error against order, and error against the sum of dimensions at order 4.

# %% alt="Left, test error against order: far up at order 2, lowest in the middle, rising again towards order 8. Right, test error of order 4 against the sum of dimensions: flat for even dims, rising for lopsided ones"
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for axes, group, size in ((left, by_order, len), (right, ladder, sum)):
    where = [size(dims) for dims in group]
    middle = [median(found) for found in group.values()]
    axes.vlines(
        where, [min(f) for f in group.values()], [max(f) for f in group.values()],
        color=MIDDLE, lw=5, alpha=0.5,
    )  # fmt: skip
    axes.plot(where, middle, "o-", color=DARK)
    for k, (x, y) in enumerate(zip(where, middle, strict=True)):
        below = axes is right and k % 2 == 0
        axes.annotate(
            f"{y:.1f}", (x, y), (0, -17 if below else 9), textcoords="offset points", ha="center"
        )  # fmt: skip
    axes.set_yscale("log")
    axes.margins(y=0.2)
    plain_log_ticks(axes.yaxis)
matrix = median(measured[300, 784])
left.plot(2, matrix, "o", color=DARK, mfc="white")
left.annotate(
    f"300 x 784: {matrix:.1f}", (2, matrix), (9, -4), textcoords="offset points"
)
left.set(xlabel="order, most even dims", ylabel="test error, % (log scale)")
right.set(xlabel="sum of dims at order 4 (log scale)", xscale="log")
plain_log_ticks(right.xaxis)
plt.show()

# %% [markdown]
# **Measure.** Dots are medians, bars reach from the least to the largest of the seeds. What the numbers say, in
# sentences that are computed from them:

# %%
middle = {dims: median(found) for dims, found in measured.items()}
best_order = min(by_order, key=middle.get)
even = (20, 20, 21, 28)


def verdict(dims, reference):
    """Whether every seed is worse by more than the noise of 10,000 test images."""
    p = middle[reference] / 100
    noise = 2 * 100 * math.sqrt(2 * p * (1 - p) / 10_000)
    apart = min(measured[dims]) - max(measured[reference]) > noise
    return "worse beyond the noise" if apart else "within the noise"


print(f"Best order: {len(best_order)}, {middle[best_order]:.2f} %. Beside it:")
for dims in by_order:
    print(f"  order {len(dims)}: {middle[dims]:.2f} %, {verdict(dims, best_order)}")
print(f"At order 4 the most even dims have {middle[even]:.2f} %. Beside them:")
for dims in ladder:
    told = f"sum {sum(dims)}: {middle[dims]:.2f} %, {verdict(dims, even)}"
    print(f"  {dims}, {told}")

# %% [markdown]
# Three things to read from it.
#
# - **A bottleneck is fatal, not the order by itself.** 300 x 784 keeps two directions of every picture. 480 x 490, of the same
#   order and with as many parameters, mixes outputs and inputs, so that the layer that it stands for is no longer of rank 2.
#   The most lopsided tensor, (2, 6, 25, 784), is the first matrix under another name: it keeps three small modes whole and has
#   two directions left for the fourth.
# - **Balance pays in the large, not step by step.** The most even dims are the best of the list, but behind them the error hardly
#   follows the sum of dims until that has grown several times: there the paper's rule brings nothing that can be told from noise.
#   What it guards against is the far end.
# - **A proper order is found by measuring.** The matrices get cheaper with every order; whether the error still falls, the
#   left picture says, and its bars say how sure that is.

# %%
assert matrix > 2 * middle[best_order], "the matrix as it is errs far more"
assert middle[(2, 6, 25, 784)] > 2 * middle[even], "and so does the lopsided tensor"

# %% [markdown]
# **Notebook 09 shows other numbers** for what looks like the same question. There *all three* weights change their shape and
# share 4,100 parameters, so that ranks of 5 or more remain where 2 remain here: the lopsided tensor is then better than the matrix,
# whereas here the two are the same thing. The heights belong to the budget.

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** Which dims cost least at rank J in every mode?
#
# <details><summary>300 x 784</summary>
#
# No. The sum is 1,084.
#
# </details>
#
# <details><summary>15 x 20 x 28 x 28</summary>
#
# Yes. The sum is 91, though the product is the same.
#
# </details>
#
# <details><summary>2 x 6 x 25 x 784</summary>
#
# No. The 784 alone costs more than all dims of the balanced one.
#
# </details>
#
# **2.** Why does order 2 with (300, 784) fail at 2,300 parameters?
#
# <details><summary>it has too few parameters</summary>
#
# No. It has as many as the others.
#
# </details>
#
# <details><summary>its rank is 2: all pictures go through two numbers</summary>
#
# Yes. A bottleneck, no lack of parameters.
#
# </details>
#
# <details><summary>matrices train badly</summary>
#
# No. Dense layers are matrices.
#
# </details>
#
# **3.** Two shapes differ by half a point at 8 % on 1,000 images. What do you conclude?
#
# <details><summary>the better one wins</summary>
#
# No. The test set's own noise is nearly a point.
#
# </details>
#
# <details><summary>nothing yet</summary>
#
# Yes. More seeds and more test images first.
#
# </details>
#
# <details><summary>they are equal</summary>
#
# No. That is not known, either.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - Matrices cost $\sum I_n J_n$; for a fixed number of weights, balance makes the sum least.
# - A matrix of rank 2 is a bottleneck. What the proper order is, is for an experiment to say, not for a formula.
# - It is not how many parameters are stored that decides, but where they are.
# - Several seeds and ten thousand test images decide what one seed and a thousand cannot.
#
# **What can go wrong.** A prime dimension: 10 x 509 cannot be balanced; pad it, or merge it. A reshape that mixes
# inputs and outputs decomposes as well, but the layer can then not be multiplied factor by factor (08). One seed: the last
# percent among good shapes is noise.
#
# **Exercises.**
# 1. Prove that for $I_1 I_2 = N$ the sum $I_1 + I_2$ is least at $I_1 = I_2$, without the inequality.
# 2. Find, with `factorizations`, the balanced dims of order 3 to 6 for VGG's largest layer, 4096 x 25088. How many parameters at $J = 10$?
# 3. Add `"lopsided": (4, 75, 28, 28)` to `candidates` and run from there. Can you tell it from the planner's? How many
#    test images would you need to see a difference of half a point at 8 %?
#
# <details><summary>Solutions</summary>
#
# [One way to solve each](solutions/03_why_reshape.ipynb), with the code. Try for ten minutes first.
#
# </details>
#
# **Next** 04: from a trained network to a small one.

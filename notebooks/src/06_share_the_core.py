# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Share the core: SCADA-Tucker
#
# **You will learn**
# - how one core can serve all layers, each with matrices of its own, and what that saves;
# - to decompose several tensors jointly, and what the shared core costs in accuracy;
# - that the gradient of a shared core is a sum, and how to train with it in 20 lines of PyTorch.
#
# **Needs** notebook 05. **Time** 20 minutes to read, half a minute to run
# (fifteen times as long on all of MNIST, with `ADA_BUDGET=full`).

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>How is a Tucker weight initialised?</summary>
#
# So that Var W = 2 / fan-in: the variances of core and matrices multiply. See [notebook 05](05_train_from_scratch.ipynb).
#
# </details>
#
# <details><summary>A parameter is used twice in a network. What is its gradient?</summary>
#
# The sum of the gradients from both places.
#
# </details>
#
# <details><summary>Where do most parameters of a balanced Tucker weight lie?</summary>
#
# In its core. See [notebook 03](03_why_reshape.ipynb).
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# The tools.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from course_kit.plots import DARK, MIDDLE, layer_bars, predicted_against_measured
from tucker_core import (
    multi_mode_dot,
    shared_core_hosvd,
    tucker,
    tucker_gradient,
    tucker_to_tensor,
)

# %% [markdown]
# ## What is there to share?
#
# After balancing (03), most parameters of a layer sit in its core. The second idea of [Zhong, Wei, Lin and Zhang, 2019](../docs/references.md): let all layers use *one* core $C$, and give layer $l$ only its
# matrices,
#
# $$ W^{(l)} = C \times_1 M_1^{(l)} \times_2 M_2^{(l)} \times_3 M_3^{(l)} \times_4 M_4^{(l)} . $$
#
# All layers must then have the same order. Here are the three of LeNet-300 at order 4. The smallest, 10 x 100, becomes 5 x 2 x 10 x 10.

# %%
shapes = {"fc1": (300, 784), "fc2": (100, 300), "fc3": (10, 100)}
dims = {"fc1": (15, 20, 28, 28), "fc2": (10, 10, 15, 20), "fc3": (5, 2, 10, 10)}
rank = (8, 8, 8, 8)  # change me
assert all(np.prod(shapes[name]) == np.prod(dims[name]) for name in shapes)

# %% [markdown]
# A shared core may be *larger* than a layer in some mode: `fc3` has a mode of dimension 2 and the core 8 there. The matrix, 2 x 8, is then wide.
#
# **Predict** how many numbers three separate cores with matrices of rank 8 take, and how many with one core. (Count every matrix.)

# %%
matrices = {
    name: sum(i * j for i, j in zip(ds, rank, strict=True)) for name, ds in dims.items()
}
core_size = math.prod(rank)
separate = 3 * core_size + sum(matrices.values())
shared = core_size + sum(matrices.values())
print(f"separate {separate:,}, shared {shared:,}")

# %% [markdown]
# **Measure.** Where the numbers are: no layer has a core of its own any more; one solid bar is shared, and each layer has its hatched bar of matrices.

# %% alt="Bars: 4,096 numbers in the shared core, 728, 440 and 216 in the matrices of the three layers"
fig, axes = plt.subplots(figsize=(6.5, 3))
names = [*dims, "shared"]
values = {"core": [0, 0, 0, core_size], "matrices": [*matrices.values(), 0]}
layer_bars(axes, names, values, unit="numbers")
plt.show()

# %% [markdown]
# As a fraction of what separate cores take:

# %%
print(f"{shared / separate:.0%}")

# %% [markdown]
# ## One core for three tensors
#
# Given three tensors, which core is best for all of them? There is no singular value decomposition for that, but there is a way to walk downhill: with the core fixed, each
# matrix is a least-squares problem; with the matrices fixed, so is the core. `shared_core_hosvd` starts from the HOSVD of the largest tensor and goes
# round.
#
# First a case with a known answer: three tensors *made* with one core. The best core has error 0. **Predict**: does the walk get there?

# %%
rng = np.random.default_rng(0)
true_core = rng.standard_normal((3, 3, 3))
made = [
    multi_mode_dot(true_core, [rng.standard_normal((i, 3)) for i in size])
    for size in ((6, 7, 8), (5, 5, 5), (9, 4, 6))
]
core, factors = shared_core_hosvd(made, (3, 3, 3), n_iter_max=200, tol=1e-9)

# %% [markdown]
# **Measure.** Not quite: the error after 200 rounds is printed below. Walking downhill may take long, or end in a hollow that is not the deepest. The relative
# error over all three together:


# %% tags=["nondeterministic"]
def joint_error(tensors, core, factors):
    """Relative error over several tensors that share a core."""
    pairs = zip(tensors, factors, strict=True)
    lost = sum(np.linalg.norm(x - multi_mode_dot(core, m)) ** 2 for x, m in pairs)
    return np.sqrt(lost / sum(np.linalg.norm(x) ** 2 for x in tensors))


print(f"{joint_error(made, core, factors):.1%}")
assert joint_error(made, core, factors) < 0.08, "the walk gets near the common core"

# %% [markdown]
# Now three that have nothing in common. The curve shows the error after each sweep: it never rises, and it does not end at zero. The dashed line is
# what three *separate* cores of that rank would lose.

# %%
foreign = [rng.standard_normal(size) for size in ((6, 7, 8), (5, 5, 5), (9, 4, 6))]
sweeps = range(1, 16)
falling = [
    joint_error(foreign, *shared_core_hosvd(foreign, (3, 3, 3), n_iter_max=k, tol=0))
    for k in sweeps
]

# %% [markdown]
# The best that separate cores can do, from HOOI (02):

# %%
alone = [tucker(x, (3, 3, 3)).to_tensor() for x in foreign]
lost = sum(np.linalg.norm(x - y) ** 2 for x, y in zip(foreign, alone, strict=True))
apart = np.sqrt(lost / sum(np.linalg.norm(x) ** 2 for x in foreign))
print(f"three cores {apart:.3f}, one core {falling[-1]:.3f}")

# %% [markdown]
# The solid curve falls; the dashed line lies below it.

# %% alt="The joint error of one core falls over 15 sweeps and ends just above the dashed line of three cores"
fig, axes = plt.subplots(figsize=(6, 3))
axes.plot(sweeps, falling, "o-", color=DARK, label="one core")
axes.axhline(apart, color=MIDDLE, ls="--", label="three cores")
axes.set(xlabel="sweeps", ylabel="joint relative error")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# Sharing costs accuracy at equal rank.

# %%
assert all(np.diff(falling) < 1e-9), "a sweep never makes it worse"
assert falling[-1] > apart, "one core for three costs accuracy at equal rank"

# %% [markdown]
# But it saves numbers, and with these one can buy rank. Which of the two wins is a matter of measurement.
#
# ## The gradient of a shared core
#
# A number that is used in three places gets a gradient from each, and they add up:
# $\partial L / \partial C = \sum_l G^{(l)} \times_1 M_1^{(l)T} \cdots \times_4 M_4^{(l)T}$. **Predict** by that formula, from `tucker_gradient` of each layer:

# %%
grads = [rng.standard_normal(x.shape) for x in made]
each = [
    tucker_gradient((core, list(own)), grad)[0]
    for own, grad in zip(factors, grads, strict=True)
]
predicted = sum(each)

# %% [markdown]
# **Measure** by nudging each of the 27 numbers of the core in the loss $L = \sum_l \langle G^{(l)}, W^{(l)} \rangle$.


# %%
def loss(core):
    """Sum over layers of the product of rebuilt tensor and G."""
    pairs = zip(factors, grads, strict=True)
    return sum(np.sum(grad * tucker_to_tensor((core, own))) for own, grad in pairs)


nudges = 1e-4 * np.eye(27).reshape(27, 3, 3, 3)
measured = np.array([(loss(core + e) - loss(core - e)) / 2e-4 for e in nudges])
assert np.allclose(measured, predicted.ravel(), rtol=1e-5, atol=1e-6), "sum of three"

# %% [markdown]
# The 27 of them, sizes only:

# %% alt="27 measured gradients over predicted ones, all on the diagonal"
fig, axes = plt.subplots(figsize=(4.2, 3.8))
predicted_against_measured(
    axes, np.abs(predicted).ravel(), np.abs(measured), unit="size of a gradient"
)
plt.show()

# %% [markdown]
# ## Twenty lines of PyTorch
#
# As in 05, but the core is given, not made: the same `nn.Parameter` for every layer. PyTorch then adds up the three gradients by itself, and `parameters()` counts
# the core once.


# %%
class SharedCoreWeight(torch.nn.Module):
    """The weight of a layer as a common core and matrices of its own."""

    def __init__(self, core, dims, shape):
        super().__init__()
        self.core, self.dims, self.shape = core, dims, shape

    def forward(self, *matrices):
        tensor = self.core
        for matrix in matrices:
            tensor = torch.tensordot(tensor, matrix, dims=([0], [1]))
        return tensor.reshape(self.shape)

    def right_inverse(self, weight):
        std = matrix_std(self.core, self.shape[1])
        pairs = zip(self.dims, self.core.shape, strict=True)
        return tuple(torch.randn(i, j) * std for i, j in pairs)


# %% [markdown]
# How to initialise it? From 05, $\operatorname{Var} W = \operatorname{Var} C \prod_n J_n \operatorname{Var} M_n$. The core can have only one variance, so each layer's *matrices* must
# make up for its fan-in: with $\operatorname{Var} C = c^2$, all $\operatorname{Var} M_n = (2 / (\text{fan-in} \cdot c^2 \prod J_n))^{1/N}$.

# %%
CORE_STD = 0.35


def matrix_std(core, fan_in):
    """Standard deviation of the matrices for which Var W = 2 / fan-in."""
    variance = 2 / (fan_in * CORE_STD**2 * core.numel())
    return variance ** (0.5 / core.ndim)


# %% [markdown]
# A LeNet-300 with one core.

# %%
from torch.nn.utils import parametrize
from torch_bridge import build_model


def shared_lenet(rank):
    """LeNet-300 whose three weights share one core, initialised anew."""
    torch.manual_seed(0)
    model = build_model("lenet300", seed=0)
    core = torch.nn.Parameter(CORE_STD * torch.randn(rank))
    for name, shape in shapes.items():
        weight = SharedCoreWeight(core, dims[name], shape)
        parametrize.register_parametrization(
            model.get_submodule(name), "weight", weight
        )
    return model


# %% [markdown]
# **Predict** its number of parameters: the core, the matrices of three layers, 410 biases.

# %%
scada = shared_lenet(rank)
params = sum(p.numel() for p in scada.parameters())
print(f"{params:,} parameters")
assert params == shared + 410, "one core, all matrices, all biases"

# %% [markdown]
# And the start: each layer's standard deviation against the wanted $\sqrt{2 / \text{fan-in}}$.

# %% alt="Pairs of bars for three layers: the standard deviations wanted and found are of the same size"
wanted = [(2 / shape[1]) ** 0.5 for shape in shapes.values()]
found = [scada.get_submodule(name).weight.std().item() for name in shapes]
fig, axes = plt.subplots(figsize=(5, 2.6))
bars = {"wanted": wanted, "found": found}
layer_bars(axes, list(shapes), bars, unit="standard deviation", form="{:.3f}")
plt.show()

# %% [markdown]
# They agree in size, not exactly: one random sample of few numbers scatters, as in 05. The largest factor between them:

# %%
factors_off = [max(f / w, w / f) for w, f in zip(wanted, found, strict=True)]
print(f"{max(factors_off):.1f}")

# %% [markdown]
# ## One core or three, for the same number of parameters?
#
# The rival: separate cores from the planner, with a budget of exactly what the shared net stores. Its cores must be smaller.

# %%
from course_kit.notebook.budget import by_budget, say_budget
from torch_bridge import TrainConfig, compress_model, evaluate, fit
from torch_bridge.datasets.tensors import load_digits
from torch_bridge.training.augment import Distortion, augmented_copies

rival = build_model("lenet300", seed=0)
report = compress_model(rival, shared, init="scratch")
print(report.table())

# %% [markdown]
# The bundled MNIST-5k, with eight slightly distorted copies of the training images.

# %%
print(say_budget(default="half a minute", full="fifteen times that, on all of MNIST"))
digits = load_digits(full=by_budget(smoke=False, default=False, full=True))
epochs = by_budget(smoke=1, default=30, full=30)
pool = augmented_copies(digits.images, 8, Distortion(), seed=0)

# %% [markdown]
# **Predict**: which of the two has the lower error? Training takes some 15 seconds for both.


# %% tags=["nondeterministic"]
def error_after_training(model):
    """Train; the test error in percent."""
    config = TrainConfig(epochs=epochs, lr=1e-2, batch_size=128, precision="float32")
    fit(model, pool, digits.labels, digits.validation, config, progress=False)
    return evaluate(model, *digits.test)


errors = {
    "one core": error_after_training(scada),
    "three cores": error_after_training(rival),
}

# %% [markdown]
# **Measure.** Both were asked for the same number of parameters.

# %% tags=["nondeterministic"] alt="Two bars of about equal height: test errors with one core and with three"
fig, axes = plt.subplots(figsize=(4.5, 2.6))
bars = {"error": list(errors.values())}
layer_bars(axes, list(errors), bars, unit="test error, %", form="{:.1f}")
plt.show()

# %% [markdown]
# Is that a difference? One seed and 1,000 images: the noise of the test set alone is

# %% tags=["nondeterministic"]
p = max(errors.values()) / 100
noise = 100 * (2 * p * (1 - p) / len(digits.test[1])) ** 0.5
apart = errors["one core"] - errors["three cores"]
print(f"one core {apart:+.1f} points; noise of the difference +-{noise:.1f} points")

# %% [markdown]
# Two such errors decide nothing between the two. More seeds and all of MNIST do: notebook 09 reads such a study. It also shows the
# limit: on ResNet-20, whose many layers seem made for sharing, one core of few parameters comes out last.

# %% [markdown]
# **Your turn.** Change `rank` to (6, 6, 6, 6) at the top and run all. Which of the two suffers more from a smaller budget?

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** Three layers share one core. What do they store?
#
# <details><summary>one core and one set of matrices</summary>
#
# No. Each layer keeps its own matrices; else all weights were the same.
#
# </details>
#
# <details><summary>one core and three sets of matrices</summary>
#
# Yes.
#
# </details>
#
# <details><summary>three cores and one set of matrices</summary>
#
# No. That would be sharing the matrices.
#
# </details>
#
# **2.** What is the gradient of a shared core?
#
# <details><summary>that of the last layer</summary>
#
# No. All layers used it.
#
# </details>
#
# <details><summary>the mean over the layers</summary>
#
# No. The sum: nobody divides.
#
# </details>
#
# <details><summary>the sum over the layers</summary>
#
# Yes.
#
# </details>
#
# **3.** Can layers of different orders share a core?
#
# <details><summary>yes, as they are</summary>
#
# No. The core has one order.
#
# </details>
#
# <details><summary>after merging or splitting modes</summary>
#
# Yes. Until all have the core's order; 10 x 100 became 5 x 2 x 10 x 10.
#
# </details>
#
# <details><summary>only if they have the same shape</summary>
#
# No. The matrices take up the difference.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - SCADA-Tucker: one core, $\prod J_n$ numbers once; matrices for every layer.
# - The joint decomposition alternates least squares; its error never rises. The gradient of the core is the sum over layers.
# - At equal parameters, one core and three were too close to tell apart here.
#
# **What can go wrong.** Layers of different orders: they cannot share; merge or split modes until they can. One scale for all matrices: some layer then starts far too loud or too
# quiet. Counting the core once per layer, or not at all.
#
# **Exercises.**
# 1. Start the shared net from `shared_core_hosvd` of a trained one (scale the three weights to equal norm first; why?).
# 2. Share a core between `fc1` and `fc2` only, and let `fc3` stay dense. Better?
# 3. How many layers must share before SCADA stores less than half of separate cores, at rank (8, 8, 8, 8) and matrices of 500 numbers each?
#
# **Next** 07: every byte counts.

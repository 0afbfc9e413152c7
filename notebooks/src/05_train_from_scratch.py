# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · Train in Tucker form from scratch
#
# **You will learn**
# - the gradients of a loss with respect to core and matrices, derived, coded and checked in two ways;
# - why a Tucker weight must be initialised with care, and by which formula;
# - to write the Tucker weight as a PyTorch parametrization of 15 lines, and to train a LeNet with it.
#
# **Needs** notebook 02, a little PyTorch. **Time** 30 minutes to read, half a minute to run
# (fifteen times as long on all of MNIST, with `ADA_BUDGET=full`).

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>What is the unfolding W₍ₙ₎ if W is the core C times a matrix Mₙ in every mode?</summary>
#
# $M_n$ times the unfolding in mode $n$ of the core multiplied in all other modes. See [notebook 01](01_modes_and_unfoldings.ipynb) and [notebook 02](02_tucker_and_hosvd.ipynb).
#
# </details>
#
# <details><summary>What does <code>loss.backward()</code> leave behind?</summary>
#
# In each parameter's `.grad` the gradient of the loss with respect to it. If not: [PyTorch's first steps](https://pytorch.org/tutorials/beginner/basics/intro.html).
#
# </details>
#
# <details><summary>If X and Y are independent with mean 0, what is Var(XY)?</summary>
#
# Var X · Var Y.
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# The tools.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from course_kit.plots import layer_bars, predicted_against_measured, training_curves
from tucker_core import (
    gradient_flops,
    multi_mode_dot,
    random_tucker,
    reconstruct_flops,
    tucker_gradient,
    tucker_to_tensor,
    unfold,
)

# %% [markdown]
# ## The gradients
#
# A layer rebuilds its weight, $W = C \times_1 M_1 \times_2 M_2 \times_3 M_3$, and uses it as always. So back-propagation gives us
# $G = \partial L / \partial W$ for nothing; what we want are the gradients with respect to $C$ and to each $M_n$.
#
# *The core.* $W$ is linear in $C$: a linear map's gradient is its transpose applied to $G$,
#
# $$ \frac{\partial L}{\partial C} = G \times_1 M_1^T \times_2 M_2^T \times_3 M_3^T . $$
#
# *A matrix.* Unfold in its mode: $W_{(n)} = M_n B_{(n)}$, where $B$ is the core multiplied in all *other* modes. That is an ordinary
# matrix product, so
#
# $$ \frac{\partial L}{\partial M_n} = G_{(n)} B_{(n)}^T . $$
#
# Both formulas are the paper's ([Zhong, Wei, Lin and Zhang, 2019](../docs/references.md)). As code they are four lines.


# %%
def my_gradient(core, factors, grad):
    """Gradients of core and factors, given that of the full tensor."""
    others = [multi_mode_dot(core, factors, skip=n) for n in range(core.ndim)]
    grad_factors = [unfold(grad, n) @ unfold(b, n).T for n, b in enumerate(others)]
    return multi_mode_dot(grad, factors, transpose=True), grad_factors


# %% [markdown]
# ## Checked against finite differences
#
# A formula is a prediction; a finite difference is a measurement. As loss we take half the squared distance to some target, so that
# $G = W - T$. All 46 numbers of core and matrices are put in one long vector, to nudge them one by one.

# %%
rng = np.random.default_rng(0)
core, factors = random_tucker((4, 5, 6), (3, 2, 2), rng)
target = rng.standard_normal((4, 5, 6))
parts = [core, *factors]
theta = np.concatenate([part.ravel() for part in parts])
cuts = np.cumsum([part.size for part in parts])[:-1]
theta.shape

# %% [markdown]
# The loss as a function of the long vector.


# %%
def unpack(theta):
    """The long vector as core and matrices."""
    pieces = np.split(theta, cuts)
    return [
        piece.reshape(part.shape) for piece, part in zip(pieces, parts, strict=True)
    ]


def loss(theta):
    """Half the squared distance of the rebuilt tensor to the target."""
    core, *factors = unpack(theta)
    return 0.5 * np.sum((tucker_to_tensor((core, factors)) - target) ** 2)


# %% [markdown]
# **Predict** by the formulas; **measure** by nudging every number up and down a little.

# %%
grad_core, grad_factors = my_gradient(
    core, factors, tucker_to_tensor((core, factors)) - target
)
predicted = np.concatenate([grad_core.ravel(), *(g.ravel() for g in grad_factors)])
nudges = 1e-5 * np.eye(len(theta))
measured = np.array([(loss(theta + e) - loss(theta - e)) / 2e-5 for e in nudges])
print(f"largest difference {np.abs(predicted - measured).max():.1e}")

# %% [markdown]
# All 46 gradients, sizes only: every dot sits on the line.

# %% alt="46 measured gradients over predicted ones, all on the diagonal"
fig, axes = plt.subplots(figsize=(4.4, 4))
predicted_against_measured(
    axes, np.abs(predicted), np.abs(measured), unit="size of a gradient"
)
plt.show()

# %% [markdown]
# Signs included, the two agree to six digits.

# %%
assert np.allclose(predicted, measured, rtol=1e-6, atol=1e-6)

# %% [markdown]
# The library's `tucker_gradient` gives the same numbers.

# %%
grad = tucker_to_tensor((core, factors)) - target
library_core, library_factors = tucker_gradient((core, factors), grad)
assert np.allclose(library_core, grad_core)
assert all(
    np.allclose(a, b) for a, b in zip(library_factors, grad_factors, strict=True)
)

# %% [markdown]
# And so does PyTorch's autograd on the same product.

# %%
t_core, *t_factors = (torch.tensor(part, requires_grad=True) for part in parts)
rebuilt = torch.einsum("abc,ia,jb,kc->ijk", t_core, *t_factors)
(0.5 * (rebuilt - torch.tensor(target)).square().sum()).backward()
assert np.allclose(t_core.grad, grad_core)
assert np.allclose(t_factors[1].grad, grad_factors[1])

# %% [markdown]
# `my_gradient` starts afresh for every mode. The library walks the chain of products once and back again. What does a training step
# cost it, for the largest layer of LeNet-5? **Predict**: the gradients are how many times the product: 1, 2, or 5?

# %%
dims, rank = (20, 25, 25, 32), (6, 6, 6, 6)
ratio = gradient_flops(dims, rank) / reconstruct_flops(dims, rank)
print(
    f"product {reconstruct_flops(dims, rank):,} FLOPs, gradients {ratio:.1f} times that"
)
assert 2 <= ratio < 3

# %% [markdown]
# ## How to initialise a Tucker weight
#
# A dense layer with ReLU starts well with $\operatorname{Var} W = 2 / \text{fan-in}$. An entry of a Tucker weight is a sum of $\prod J_n$ products of one
# core entry and one entry of each matrix. If all are independent with mean 0, variances multiply and add up:
#
# $$ \operatorname{Var} W = \operatorname{Var} C \cdot \prod_n J_n \operatorname{Var} M_n . $$
#
# **Predict** the standard deviation of $W$ for standard normal core and matrices of rank (5, 5, 5, 5).

# %%
print(f"predicted {np.sqrt(5**4):.0f}")

# %% [markdown]
# **Measure** it, for five ranks (mean square over one random tensor each).

# %% alt="Standard deviation of W, measured over predicted, for five ranks: near the diagonal, the smaller ones below it"
rng = np.random.default_rng(1)
ranks = [(j,) * 4 for j in (2, 3, 5, 8, 12)]
drawn = [random_tucker((20, 25, 25, 32), rank, rng).to_tensor() for rank in ranks]
spread = [float(np.sqrt(np.mean(w**2))) for w in drawn]
fig, axes = plt.subplots(figsize=(4.4, 4))
expected = [float(np.sqrt(np.prod(rank))) for rank in ranks]
predicted_against_measured(axes, expected, spread, unit="standard deviation of W")
plt.show()

# %% [markdown]
# The dots follow the line from 4 to 144, within a factor of three; small ranks scatter, because their entries are sums of few terms and share them.

# %%
assert all(e / 3 < s < 3 * e for e, s in zip(expected, spread, strict=True))

# %% [markdown]
# So we initialise the
# matrices with variance $1 / J_n$, and the core with $2 / \text{fan-in}$: then $\operatorname{Var} W = 2 / \text{fan-in}$, whatever the rank.
#
# ## The parametrization in 15 lines
#
# `torch.nn.utils.parametrize` replaces `layer.weight` by the output of a module. `forward` rebuilds the weight, and autograd finds the gradients
# that we have just derived; `right_inverse` says where to start. The trick of the loop: `tensordot` contracts the *first* mode and puts the new
# one *last*, so after N steps all modes are in order again.


# %%
class MyTuckerWeight(torch.nn.Module):
    """The weight of a layer as a core and one matrix per mode."""

    def __init__(self, plan, matrix_std=lambda J: J**-0.5):
        super().__init__()
        self.plan, self.matrix_std = plan, matrix_std

    def forward(self, core, *matrices):
        for matrix in matrices:
            core = torch.tensordot(core, matrix, dims=([0], [1]))
        return core.reshape(self.plan.reshape.shape)

    def right_inverse(self, weight):
        dims, rank = self.plan.reshape.dims, self.plan.rank
        core = torch.randn(rank) * (2 / weight.shape[1]) ** 0.5
        pairs = zip(dims, rank, strict=True)
        return core, *(torch.randn(i, j) * self.matrix_std(j) for i, j in pairs)


# %% [markdown]
# (A mode of full rank gets a matrix here that it does not need; the library leaves it out.) We plan LeNet-300 as in 03 with at most 8,000 numbers
# and register the weight on its three layers.

# %%
from torch.nn.utils import parametrize
from torch_bridge import build_model
from tucker_core import ARCHITECTURES, plan_network

names = ("fc1.weight", "fc2.weight", "fc3.weight")
budget, order = 8_000, "auto"  # change me
layers = {n: ARCHITECTURES["lenet300"][n] for n in names}
plan = plan_network(layers, budget=budget, order=order)
print(plan.table())

# %% [markdown]
# The options reach the weight: below we shall initialise its matrices badly on purpose.


# %%
def my_lenet(**options):
    """LeNet-300 with our Tucker weights, initialised anew."""
    torch.manual_seed(0)
    model = build_model("lenet300", seed=0)
    for name in names:
        layer = model.get_submodule(name.removesuffix(".weight"))
        weight = MyTuckerWeight(plan[name], **options)
        parametrize.register_parametrization(layer, "weight", weight)
    return model


# %% [markdown]
# Does the start come out as wanted? **Predict** the standard deviation of `fc1.weight`: $\sqrt{2/784} = 0.051$.

# %%
model = my_lenet()
weight = model.fc1.weight.detach()
print(f"shape {tuple(weight.shape)}, standard deviation {weight.std():.3f}")

# %% [markdown]
# ## Training
#
# On the bundled MNIST-5k, with a validation set, and a test set that we look at once, at the end.

# %%
from course_kit.notebook.budget import by_budget, say_budget
from torch_bridge import TrainConfig, compress_model, evaluate, fit
from torch_bridge.datasets.tensors import load_digits
from torch_bridge.training.evaluate import to_input

print(say_budget(default="half a minute", full="fifteen times that, on all of MNIST"))
digits = load_digits(full=by_budget(smoke=False, default=False, full=True))
short, long = by_budget(smoke=(1, 1), default=(12, 40), full=(12, 40))  # epochs
images, labels = digits.images, digits.labels

# %% [markdown]
# The plainest training loop there is. Nothing in it knows about Tucker.


# %%
def train(model, lr, epochs=short):
    """Train with Adam; the validation error in percent after each epoch."""
    optimizer, errors = torch.optim.Adam(model.parameters(), lr), []
    order = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for batch in torch.randperm(len(images), generator=order).split(128):
            loss = F.cross_entropy(model(to_input(images[batch])), labels[batch].long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        errors.append(evaluate(model, *digits.validation))
    return errors


# %% [markdown]
# Four runs: dense; Tucker initialised by the formula; with matrices initialised too large (standard deviation 1) and too small (0.1).
# **Predict** the order in which they end. (10 seconds.)

# %% tags=["nondeterministic"]
curves = {
    "dense": train(build_model("lenet300", seed=0), lr=1e-3),
    "Tucker": train(model, lr=1e-2),
    "init too large": train(my_lenet(matrix_std=lambda J: 1.0), lr=1e-2),
    "init too small": train(my_lenet(matrix_std=lambda J: 0.1), lr=1e-2),
}

# %% [markdown]
# **Measure.** Validation error by epoch.

# %% tags=["nondeterministic"] alt="Validation error over 12 epochs: dense and Tucker fall together, init too small catches up late, init too large stays high"
fig, axes = plt.subplots(figsize=(7.5, 3.6))
training_curves(axes, curves, ylabel="validation error, %")
plt.show()

# %% [markdown]
# Initialised by the formula, the net (dashed) keeps close to the dense one (solid) with a thirtieth of its parameters. The one initialised too large lags
# far behind, and so does the one initialised too small until its matrices have grown.

# %% [markdown]
# ## The library's version, and a fair comparison
#
# `compress_model` does what `my_lenet` did, for every kind of layer, with the fast product and gradient from `tucker_core`. `fit` adds a learning rate that
# rises and falls, and takes augmented copies of the images: slightly rotated, scaled and shifted ones. Both nets get the same.

# %%
from torch_bridge.training.augment import Distortion, augmented_copies

pool = augmented_copies(images, 8, Distortion(), seed=0)
small = build_model("lenet300", seed=0)
report = compress_model(small, plan, init="scratch")
print(f"{report.dense_params:,} parameters -> {report.params:,}")

# %% [markdown]
# Forty epochs each, of some seconds together.

# %% tags=["nondeterministic"]
dense = build_model("lenet300", seed=0)
for net, lr in ((dense, 2e-3), (small, 2e-2)):
    config = TrainConfig(epochs=long, lr=lr, batch_size=128, precision="float32")
    fit(net, pool, labels, digits.validation, config, progress=False)

# %% [markdown]
# **Measure**, on the test set, once. How much worse is the net with 3 % of the parameters?

# %% tags=["nondeterministic"] alt="Two bars of about equal height: test errors of the dense net and of the Tucker net"
nets = {"dense": dense, "Tucker": small}
errors = {name: evaluate(net, *digits.test) for name, net in nets.items()}
fig, axes = plt.subplots(figsize=(4.5, 2.8))
layer_bars(
    axes,
    [f"dense\n{report.dense_params:,}", f"Tucker\n{report.params:,}"],
    {"error": list(errors.values())},
    unit="test error, %",
    form="{:.1f}",
)
plt.show()

# %% [markdown]
# Is that a difference? The noise of 1,000 test images is part of the answer:

# %% tags=["nondeterministic"]
apart = errors["Tucker"] - errors["dense"]
p = max(errors.values()) / 100
noise = 100 * (2 * p * (1 - p) / len(digits.test[1])) ** 0.5
print(f"Tucker {apart:+.1f} points, noise of the difference +-{noise:.1f} points")
print(f"{report.params / report.dense_params:.1%} of the parameters")

# %% [markdown]
# **Your turn.** Halve `budget` to 4,000 and run from there again. Then take `order = 2`: what happens, and which notebook has told you?

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** What is the gradient with respect to the core?
#
# <details><summary>G multiplied by the transposed matrices in all modes</summary>
#
# Yes. The transpose of a linear map.
#
# </details>
#
# <details><summary>the unfolding of G times that of the core</summary>
#
# No. That is nearer to a matrix's gradient.
#
# </details>
#
# <details><summary>G reshaped to the core</summary>
#
# No. Their sizes differ.
#
# </details>
#
# **2.** Why not initialise core and matrices with variance 1?
#
# <details><summary>it makes no difference, training scales them</summary>
#
# No. The run with matrices of standard deviation 1 lags far behind.
#
# </details>
#
# <details><summary>Var W would be the product of the ranks, far from 2 / fan-in</summary>
#
# Yes. Standard deviations of 4 to 144 in the picture.
#
# </details>
#
# <details><summary>it takes more memory</summary>
#
# No. Numbers of any size take the same.
#
# </details>
#
# **3.** Weight decay on core and matrices bites how hard?
#
# <details><summary>as on a dense weight</summary>
#
# No. W is a product of five tensors, each of which shrinks.
#
# </details>
#
# <details><summary>about five times as hard at order 4</summary>
#
# Yes. Core and four matrices.
#
# </details>
#
# <details><summary>not at all</summary>
#
# No. It shrinks whatever it is applied to.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - $\partial L/\partial C$ is $G$ multiplied by all $M_n^T$; $\partial L/\partial M_n$ is one product of unfoldings. Together about twice the product itself.
# - Initialise matrices with variance $1/J_n$ and the core with $2/\text{fan-in}$.
# - A Tucker weight is a parametrization: the layer, the loss and the loop stay as they were.
#
# **What can go wrong.** A learning rate that suits dense nets: core and matrices want about ten times more. Weight decay on core *and* matrices: it shrinks a product of
# five, so it bites five times. Setting the scale of all tensors equal: the formula only fixes their product, but the optimizer feels the difference.
#
# **Exercises.**
# 1. Derive $\partial L/\partial C$ entry by entry from $W_{ijk} = \sum C_{abc} M_{1,ia} M_{2,jb} M_{3,kc}$.
# 2. Two layers share one core. What is its gradient? (06 will tell.)
# 3. Give `MyTuckerWeight` a `right_inverse` that starts from the HOSVD of the layer's weight. (04 uses that.)
#
# **Next** 06: one core for all layers. (04 starts from a trained net instead.)

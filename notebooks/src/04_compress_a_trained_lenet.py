# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · Compress a trained LeNet
#
# **You will learn**
# - what the HOSVD makes of the weights of a *trained* network, and why that breaks it;
# - which layer bears how much: a sensitivity scan;
# - how the planner spends a budget, and how a few epochs of fine-tuning bring the network back.
#
# **Needs** notebooks 02 and 03, PyTorch. **Time** 25 minutes to read, half a minute to run
# (fifteen times as long on all of MNIST, with `ADA_BUDGET=full`).

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>What does the HOSVD keep of a tensor?</summary>
#
# In every mode the leading left singular vectors of the unfolding, and the projection on them. See [notebook 02](02_tucker_and_hosvd.ipynb).
#
# </details>
#
# <details><summary>Why is a weight reshaped before it is decomposed?</summary>
#
# So that the matrices are cheap and the core gets the parameters. See [notebook 03](03_why_reshape.ipynb).
#
# </details>
#
# <details><summary>What happens in one epoch of training?</summary>
#
# Every training image is used once, in batches; after each batch the weights take a step against the gradient. If not: [PyTorch's first steps](https://pytorch.org/tutorials/beginner/basics/intro.html).
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# The tools.

# %%
import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from course_kit.notebook.budget import by_budget, say_budget
from course_kit.plots import error_against_size, layer_bars, spectra
from torch_bridge import TrainConfig, build_model, compress_model, evaluate, fit
from torch_bridge.datasets.tensors import load_digits
from torch_bridge.training.augment import Distortion, augmented_copies
from tucker_core import ARCHITECTURES, hosvd, plan_network, plan_reshape, unfold

# %% [markdown]
# ## The patient
#
# A dense LeNet-300, 784 -> 300 -> 100 -> 10, trained here and now on the bundled MNIST-5k. Each epoch sees another of 8 slightly distorted
# copies of the images. A validation set serves for all decisions; the test images are for the end.

# %%
print(say_budget(default="half a minute", full="fifteen times that, on all of MNIST"))
digits = load_digits(full=by_budget(smoke=False, default=False, full=True))
pool = augmented_copies(digits.images, 8, Distortion(), seed=0)
rounds = by_budget(smoke=0.02, default=1, full=1)  # of the epochs below
print(f"{digits.name}: {len(digits.images):,} training images")

# %% [markdown]
# One function trains every network of this notebook.


# %% tags=["nondeterministic"]
def train(model, lr, epochs):
    """Train in place; the model keeps the weights of its best validation error."""
    epochs = max(1, round(rounds * epochs))
    config = TrainConfig(epochs=epochs, lr=lr, batch_size=128, precision="float32")
    result = fit(model, pool, digits.labels, digits.validation, config, progress=False)
    return result.val_error


# %% [markdown]
# First the dense one, in some five seconds. Its validation error is what we shall compare with.

# %% tags=["nondeterministic"]
dense = build_model("lenet300", seed=0)
error = train(dense, lr=2e-3, epochs=40)
print(f"validation error {error:.1f} %")
assert error < 8

# %% [markdown]
# ## Does a trained weight have low rank?
#
# The first layer, reshaped as in 03, is a tensor of 15 x 20 x 28 x 28: two modes of hidden units, then the rows and columns of the image. Its spectra
# answer the question. For comparison, the topmost curve: a random tensor of the same shape.

# %% tags=["nondeterministic"]
weight = dense.fc1.weight.detach().double().numpy()
tensor = plan_reshape((300, 784)).apply(weight)
noise = np.random.default_rng(0).standard_normal(tensor.shape)

# %% [markdown]
# The singular values come from the unfoldings, as in 02.


# %% tags=["nondeterministic"] alt="Four spectra: image rows and columns fall to a quarter, units hardly fall, a random tensor not at all"
def singular(x, mode):
    """Singular values of an unfolding."""
    return np.linalg.svd(unfold(x, mode), compute_uv=False)


fig, axes = plt.subplots(figsize=(7, 3.4))
curves = {
    "units (mode 1)": singular(tensor, 1),
    "image rows (mode 2)": singular(tensor, 2),
    "image columns (mode 3)": singular(tensor, 3),
    "random, mode 2": singular(noise, 2),
}
spectra(axes, curves)
plt.show()

# %% [markdown]
# The image modes fall off: nearby pixels get similar weights, and at the border of the image there is nothing to learn. The units hardly fall at all:
# training has no reason to number them in a good order.
#
# **Predict**: keep 1 % of the numbers. Is the relative error of the weight nearer to 0.1, 0.5 or 0.9?


# %% tags=["nondeterministic"]
def approximate(share):
    """Fc1 from its HOSVD with this share of the numbers, and the relative error."""
    approximation = hosvd(tensor, share).to_tensor()
    distance = np.linalg.norm(tensor - approximation)
    return approximation.reshape(300, 784), distance / np.linalg.norm(tensor)


# %% [markdown]
# Four shares, from 1 % to a half.

# %% tags=["nondeterministic"]
for share in (0.01, 0.05, 0.25, 0.5):
    print(f"{share:4.0%} of the numbers: relative error {approximate(share)[1]:.2f}")

# %% [markdown]
# **Measure.** At 1 % nearly everything is lost, by this norm. To look at it: the weights of eight hidden units as 28 x 28 images, dense in the top row, and below them from 25 %, 5 % and
# 1 % of the numbers. What survives is smoother and smoother.


# %% tags=["nondeterministic"]
def draw_units(axes_row, matrix, label):
    """Eight rows of a 300 x 784 matrix as images in shades of grey."""
    limit = np.abs(weight).max() / 2
    for axes, row in zip(axes_row, matrix, strict=False):
        axes.imshow(row.reshape(28, 28), cmap="gray", vmin=-limit, vmax=limit)
        axes.set(xticks=[], yticks=[])
    axes_row[0].set_ylabel(label)


# %% [markdown]
# The dense weight, then three approximations of it.

# %% tags=["nondeterministic"] alt="Weights of eight hidden units as grey images, in four rows: strokes and blobs, smoother in every row"
fig, grid = plt.subplots(4, 8, figsize=(8, 4.2))
draw_units(grid[0], weight, "dense")
for row, share in zip(grid[1:], (0.25, 0.05, 0.01), strict=True):
    draw_units(row, approximate(share)[0], f"{share:.0%}")
plt.show()

# %% [markdown]
# ## What breaks
#
# To lose most of a weight's norm sounds like the end. But it is the *network's* error that counts.
#
# **Your turn.** The slider sets the share of numbers in `fc1` alone. From which share on would *you* call the units the same, and from which does the network?
# (It works where a kernel runs: in JupyterLab and on Colab. The picture above shows four of its positions.)

# %% tags=["nondeterministic"]
from ipywidgets import SelectionSlider, interact


def show(share):
    """Draw eight units of the compressed fc1, then say what the network reads."""
    matrix, relative = approximate(share)
    damaged = copy.deepcopy(dense)
    damaged.fc1.weight.data = torch.tensor(matrix, dtype=torch.float32)
    _, axes = plt.subplots(1, 8, figsize=(8, 1.3))
    draw_units(axes, matrix, "")
    plt.show()
    read = evaluate(damaged, *digits.validation)
    print(f"share {share:.2f}: weight error {relative:.2f}, network error {read:.1f} %")


options = [0.01, 0.02, 0.05, 0.10, 0.20, 0.30, 0.50, 0.80]
slider = SelectionSlider(options=options, value=0.05, continuous_update=False)
_ = interact(show, share=slider)

# %% [markdown]
# A **sensitivity scan**: compress one layer at a time,
# leave the others dense, and measure. **Predict** which layer suffers most when a tenth of its numbers is kept.

# %%
names = ("fc1.weight", "fc2.weight", "fc3.weight")
shapes = {name: ARCHITECTURES["lenet300"][name] for name in names}


def error_with(name, share):
    """Validation error with one layer compressed by HOSVD, nothing trained."""
    budget = int(share * np.prod(shapes[name]))
    model = copy.deepcopy(dense)
    compress_model(model, plan_network({name: shapes[name]}, budget=budget))
    return evaluate(model, *digits.validation)


# %% tags=["nondeterministic"]
shares = (0.05, 0.1, 0.2, 0.4)
scan = {name: [error_with(name, share) for share in shares] for name in names}

# %% [markdown]
# One curve per layer, each over the share of its own numbers.

# %% tags=["nondeterministic"] alt="Validation error against numbers kept, a curve per layer: fc1 lowest, fc2 between, fc3 highest"
percent = [100 * share for share in shares]
fig, axes = plt.subplots(figsize=(7, 3.4))
error_against_size(
    axes,
    {name: (percent, errors) for name, errors in scan.items()},
    xlabel="numbers kept, % of the layer's",
    ylabel="validation error, %",
)
plt.show()

# %% [markdown]
# **Measure.** The largest layer bears compression best, the smallest worst: `fc1` has 235,200 numbers for what matters, `fc3` only 1,000. So one share for
# all layers would be a poor plan.

# %%
assert scan["fc1.weight"][1] < scan["fc2.weight"][1] < scan["fc3.weight"][1]

# %% [markdown]
# ## A plan under one budget
#
# `plan_network` takes one budget for the whole network, a hard ceiling, and makes the *cores* of all layers about equally large. So small layers keep
# a large share.

# %%
plan = plan_network(shapes, budget=8_000)
print(plan.table())
assert plan.n_params <= 8_000

# %% [markdown]
# Numbers before and after on a logarithmic axis: solid bars dense, hatched bars Tucker. The first layer gives most.

# %% alt="Numbers of the three layers before and after, on a logarithmic axis: 235,200 to 4,284, 30,000 to 3,139, 1,000 to 553"
fig, axes = plt.subplots(figsize=(6.5, 3))
counts = {
    "dense": [int(np.prod(shape)) for shape in shapes.values()],
    "Tucker": [plan[name].n_params for name in names],
}
layer_bars(axes, names, counts, unit="numbers", log=True)
plt.show()

# %% [markdown]
# **Predict.** All three layers at once by HOSVD, 3 % of the numbers, no training. How many of 100 digits are misread? (Guessing at random misreads 90.)

# %% tags=["nondeterministic"]
small = copy.deepcopy(dense)
report = compress_model(small, plan, init="hosvd")
broken = evaluate(small, *digits.validation)
print(f"{report.dense_params:,} -> {report.params:,} parameters; error {broken:.0f} %")
assert broken > 30

# %% [markdown]
# **Measure.** The network is broken: three layers, each off, one behind the other.
#
# ## Fine-tuning
#
# Now train on, the core and the matrices only, for fifteen epochs (two seconds). Beside it a net of the same plan that starts from random numbers.

# %% tags=["nondeterministic"]
from_hosvd = train(small, lr=1e-2, epochs=15)
scratch = build_model("lenet300", seed=0)
compress_model(scratch, plan, init="scratch")
from_scratch = train(scratch, lr=1e-2, epochs=15)
print(
    f"broken {broken:.0f} %, fine-tuned {from_hosvd:.1f} %, scratch {from_scratch:.1f} %"
)

# %% [markdown]
# The HOSVD was a good start and a bad end: it keeps what is *large* in the weights, training keeps what *matters*. And was it
# a better start than random numbers?

# %% tags=["nondeterministic"]
ahead = from_scratch - from_hosvd
print(f"after 15 epochs the HOSVD start is {ahead:+.1f} points ahead of scratch")
assert from_hosvd < 10 < 30 < broken, "fine-tuning brings the network back"

# %% [markdown]
# In notebook 09 the two are equal. There both train for longer, on all of MNIST: a good initialisation saves epochs, and
# given enough of them the other one catches up.

# %% [markdown]
# ## Error against budget
#
# The same for five budgets: right after the HOSVD, and after fine-tuning. **Predict** where the two curves meet. (Ten seconds.)

# %% tags=["nondeterministic"]
budgets = (3_000, 6_000, 12_000, 32_000, 64_000)
before, after, sizes = [], [], []
for budget in budgets:
    model = copy.deepcopy(dense)
    sizes.append(compress_model(model, budget).params)
    before.append(evaluate(model, *digits.validation))
    after.append(train(model, lr=1e-2, epochs=12))

# %% tags=["nondeterministic"] alt="Validation error against parameters: HOSVD alone falls from 87 to 4 percent, fine-tuned stays near the dense 2.5 percent"
fig, axes = plt.subplots(figsize=(7, 3.4))
curves = {"HOSVD only": (sizes, before), "fine-tuned": (sizes, after)}
curves["dense, 266,610 parameters"] = (sizes, [error] * len(sizes))
error_against_size(axes, curves, xlabel="parameters", ylabel="validation error, %")
plt.show()

# %% [markdown]
# **Measure.** How many parameters does each way need to come within three points of the dense net, the third line?

# %% tags=["nondeterministic"]
for way, found in (("HOSVD alone", before), ("fine-tuned", after)):
    near = [size for size, e in zip(sizes, found, strict=True) if e < error + 3]
    told = (
        f"{min(near):,}, {min(near) / 266_610:.0%} of dense"
        if near
        else "none of these"
    )
    print(f"{way:11} {told}")
assert before[0] > 60
assert before[-1] < error + 6
assert after[1] < error + 6

# %% [markdown]
# ## At last, the test set
#
# Both nets, dense and fine-tuned at 8,000 numbers, on images that decided nothing.

# %% tags=["nondeterministic"]
errors = [evaluate(dense, *digits.test), evaluate(small, *digits.test)]
print(f"dense {errors[0]:.1f} %, Tucker {errors[1]:.1f} % of the test images misread")
assert errors[1] < errors[0] + 4

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** Right after the HOSVD the network misreads most digits. Is the compression useless?
#
# <details><summary>yes</summary>
#
# No. Fine-tuning for a few epochs brings most back.
#
# </details>
#
# <details><summary>no, it is a start</summary>
#
# Yes. The HOSVD keeps what is large, training finds what matters.
#
# </details>
#
# <details><summary>it depends on the checksum</summary>
#
# No. That guards files, not networks.
#
# </details>
#
# **2.** Which layer bears compression best?
#
# <details><summary>the largest</summary>
#
# Yes. It has the most parameters for what it does.
#
# </details>
#
# <details><summary>the last</summary>
#
# No. It is the smallest and the most sensitive.
#
# </details>
#
# <details><summary>all alike</summary>
#
# No. The scan shows otherwise.
#
# </details>
#
# **3.** On which images is the budget chosen?
#
# <details><summary>the test set</summary>
#
# No. Then its error says nothing about new images.
#
# </details>
#
# <details><summary>the validation set</summary>
#
# Yes. The test set is for the end.
#
# </details>
#
# <details><summary>the training set</summary>
#
# No. A network may know these by heart.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - The HOSVD of a trained weight is far from it in the Frobenius norm; the network breaks.
# - Large layers bear far more than small ones; one budget for all, spent by the planner, respects that.
# - A few epochs of fine-tuning bring back most: the decomposition is a start, not the result.
#
# **What can go wrong.** Fine-tuning at the dense learning rate: too slow by far. Deciding on the test set. Comparing with a dense net that had less training or no augmented
# images. A budget too small for rank 1 everywhere: `plan_network` refuses and names the smallest possible.
#
# **Exercises.**
# 1. Sort the hidden units so that similar ones are neighbours (and undo it in `fc2`). Does the spectrum of the unit modes fall faster?
# 2. Use `tucker` (HOOI) in place of `hosvd` for `fc1` at 5 %. Is the network's error better? And after fine-tuning?
# 3. Give `fc3` all its 1,000 numbers and take them from `fc1`. Better or worse at 8,000?
#
# **Next** 05: do we need the trained net at all?

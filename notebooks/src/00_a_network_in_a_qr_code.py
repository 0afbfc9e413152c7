# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · A neural network in a QR code
#
# **You will learn**
# - what is inside an `.ada` file, and how few bytes a LeNet-5 needs;
# - how a weight of 400,000 numbers grows out of a core of some 1,300 numbers and four small matrices;
# - how numpy alone turns the file into a network that reads digits.
#
# **Needs** numpy and matplotlib; no GPU, no download, no PyTorch. **Time** 10 minutes to read, seconds to run.
#
# Three signs lead through every notebook: **Predict** (stop and guess before you run the next cell),
# **Measure** (see whether you were right) and **Your turn** (change something).

# %% [markdown]
# On your own computer the next cell does nothing; on Colab it fetches the course and installs it
# (put the address of this repository in place of `OWNER`).

# %%
import os
from importlib.util import find_spec

if find_spec("tucker_core") is None:
    os.system("git clone -q https://github.com/OWNER/ada-tucker")
    os.chdir("ada-tucker")
    os.system("pip install -q -e .")

# %% [markdown]
# First the tools: the library, and a few helpers of this course.

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from course_kit.numpy_net import logits
from course_kit.paths import bundled_digits, model_path
from course_kit.plots import digit, to_scale
from course_kit.qr import make_qr
from tucker_core import coded_bits, load, reconstruct_flops, tucker_to_tensor

# %% [markdown]
# ## The file
#
# This file came out of `ada-tucker compress lenet5 --recipe small`: a LeNet-5 in ADA-Tucker form, trained, rounded and coded.
# It is small enough to be printed. The QR code below holds *all* of its bytes, and nothing else.

# %%
path = model_path("lenet5_small.ada")
content = path.read_bytes()
code = make_qr(content)
print(f"{len(content):,} bytes, QR code version {code.designator}")

# %%
fig, axes = plt.subplots(figsize=(4, 4))
axes.imshow(np.array(list(code.matrix)), cmap="gray_r", interpolation="nearest")
axes.set_title("a whole LeNet-5")
axes.axis("off")
plt.show()

# %% [markdown]
# **Predict.** A dense LeNet-5 has 431,080 weights and biases of 4 bytes each. How many times smaller is the file?
# Write down a number before you run the next cell.

# %%
network = load(path)
ratio = network.dense_bytes / len(content)
print(f"dense: {network.dense_bytes:,} bytes, {ratio:,.0f} times the file")
assert network.dense_bytes == 4 * 431_080
assert 500 < ratio < 3_000

# %% [markdown]
# **Measure.** The same two numbers as areas, drawn to scale.

# %%
fig, axes = plt.subplots(figsize=(7, 4))
to_scale(axes, network.dense_bytes, len(content))
plt.show()

# %% [markdown]
# ## What is inside
#
# Each line is one parameter of the network. *dims* is the tensor that the weight was reshaped to, *core* the small
# tensor that is stored in its place, beside one matrix for each mode. Biases that are missing are zero.

# %%
print(network.table(coded_bits(network)))

# %% [markdown]
# Take the largest one: the weight between 800 and 500 units. Here are its parts.

# %%
fc1 = next(p for p in network.parameters if p.name == "fc1.weight")
print("core    ", fc1.core.shape, fc1.core.size, "numbers")
for n, factor in enumerate(fc1.factors, start=1):
    print(f"M_{n}     ", "identity" if factor is None else factor.shape)
stored = fc1.n_params
print(f"together {stored:,} numbers for a weight of {500 * 800:,}")
assert stored < 0.01 * 500 * 800

# %% [markdown]
# The numbers are small whole numbers; the whole product is multiplied by one scale in the end. Frequent ones get short
# codes, so the file needs only a few bits for each.

# %%
counts = Counter(fc1.core.ravel().tolist())
values = sorted(counts)
fig, axes = plt.subplots(figsize=(7, 2.6))
axes.bar(values, [counts[v] for v in values], color="#7a8ca3", edgecolor="#1b2a41")
axes.set(xlabel="integer in the core of fc1", ylabel="how often")
plt.show()

# %% [markdown]
# ## From core to weight
#
# The weight is the core multiplied by a matrix along each of its modes,
# $W = C \times_1 M_1 \times_2 M_2 \times_3 M_3 \times_4 M_4$ (the paper counts modes from 1; code counts from 0).
#
# **Predict.** How many multiplications and additions does it take to rebuild 400,000 numbers: nearer to a million, or
# to a billion?

# %%
rank = fc1.core.shape
print(f"{reconstruct_flops(fc1.reshape.dims, rank):,} FLOPs")

# %% [markdown]
# **Measure.** One call rebuilds the tensor; its shape is that of the dims. Reshaped, it is the weight of the layer.

# %%
tensor = tucker_to_tensor(fc1.to_tucker()) * fc1.scale
weight = fc1.reshape.undo(tensor)
print("tensor", tensor.shape, "-> weight", weight.shape)
assert weight.shape == (500, 800)

# %%
fig, axes = plt.subplots(figsize=(7, 4.2))
limit = float(np.abs(weight).max()) / 2
axes.imshow(weight, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
axes.set(xlabel="input", ylabel="output", title="fc1: so few numbers, so much pattern")
plt.show()

# %% [markdown]
# ## Does it read?
#
# `to_dense` rebuilds every parameter; the network itself is twenty lines of numpy in `course_kit/numpy_net.py`.
# We let it read the 1,000 held-out digits of the bundled MNIST-5k.

# %%
weights = network.to_dense()
images, labels = bundled_digits()
said = logits(network.architecture, weights, images).argmax(axis=1)
wrong = np.flatnonzero(said != labels)
print(f"{len(wrong)} of {len(labels):,} held-out digits of MNIST-5k are misread")
assert len(wrong) < 0.03 * len(labels)

# %%
fig, grid = plt.subplots(3, 8, figsize=(9, 4))
shown = [*range(24 - min(8, len(wrong))), *wrong[:8]]
for axes, k in zip(grid.flat, shown, strict=False):
    digit(axes, images[k], int(labels[k]), int(said[k]))
plt.show()

# %% [markdown]
# The framed ones are misread. Would you have known?
#
# *A caution. All of MNIST-5k comes from MNIST's training set, and this network was trained on MNIST: it has met most of
# these digits. Its error on MNIST's own 10,000 test digits, which nothing was trained or chosen on, is in the README.*

# %% [markdown]
# **Your turn.** Set one mode's matrix of `fc1` to zero, or flip the sign of the largest number in its core, rebuild, and
# count the errors again. Which part of the file matters most?

# %%
damaged = dict(weights)
damaged["fc1.weight"] = np.zeros_like(weights["fc1.weight"])  # change me
blind = logits(network.architecture, damaged, images).argmax(axis=1)
print(f"{np.mean(blind != labels):.0%} misread without fc1")
assert np.mean(blind != labels) > 0.5

# %% [markdown]
# ## Summary
#
# - A LeNet-5 of 431,080 numbers came out of a file that fits in a QR code.
# - Each weight is a small core times one matrix per mode; what is stored are whole numbers and a step size.
# - Reading it back takes numpy and a range coder.
#
# **Next** 01: what is a mode, and what is that product in one?
#
# **What can go wrong.** A changed byte: the checksum refuses the file (try it: change `content` and call
# `tucker_core.from_bytes`). A network of another architecture: names and shapes are then stored in the file too.

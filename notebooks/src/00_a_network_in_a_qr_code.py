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
# The way: picture -> bytes -> whole numbers -> cores and matrices -> weights -> digits read.
#
# Three signs lead through every notebook: **Predict** (stop and guess before you run the next cell),
# **Measure** (see whether you were right) and **Your turn** (change something).

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>What does <code>a @ b</code> do with arrays of shapes 3 x 4 and 4 x 5?</summary>
#
# It gives the matrix product, of shape 3 x 5. If that is new: [numpy for beginners](https://numpy.org/doc/stable/user/absolute_beginners.html).
#
# </details>
#
# <details><summary>What is the error rate of a classifier?</summary>
#
# The fraction of images that it labels wrongly: 8 of 1,000 are 0.8 %.
#
# </details>
#
# <details><summary>How many bytes do a million numbers of 32 bits take?</summary>
#
# Four million: a byte has 8 bits.
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# First the tools: the library, and a few helpers of this course.

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from course_kit.notebook.numpy_net import logits
from course_kit.notebook.paths import QR_PICTURE, bundled_digits, model_path
from course_kit.notebook.playground import Playground
from course_kit.notebook.qr import read_qr
from course_kit.plots import DARK, MIDDLE, digit, to_scale
from tucker_core import coded_bits, from_bytes, reconstruct_flops, tucker_to_tensor

# %% [markdown]
# ## The picture
#
# This QR code is printed at the top of the README. It holds a LeNet-5, a network that reads handwritten digits: not a
# link to one, the network itself. Here it is as an ordinary picture file.

# %% alt="A QR code of 101 by 101 black and white squares"
fig, axes = plt.subplots(figsize=(4, 4))
axes.imshow(plt.imread(QR_PICTURE), cmap="gray", interpolation="nearest")
axes.set_title("a whole LeNet-5")
axes.axis("off")
plt.show()

# %% [markdown]
# Any decoder of QR codes gives back the bytes that were printed. They are the whole of a file that came out of
# `ada-tucker compress lenet5 --recipe small`: a LeNet-5 in ADA-Tucker form, trained, rounded and coded.

# %%
content = read_qr(QR_PICTURE)
print(f"{len(content):,} bytes; the first of them: {content[:12].hex(' ')}")
assert content == model_path("lenet5_small.ada").read_bytes()

# %% [markdown]
# **Predict.** A dense LeNet-5 has 431,080 weights and biases of 4 bytes each. How many times smaller is the file?
# Write down a number before you run the next cell.

# %%
network = from_bytes(content)
ratio = network.dense_bytes / len(content)
print(f"dense: {network.dense_bytes:,} bytes, {ratio:,.0f} times the file")
assert network.dense_bytes == 4 * 431_080
assert 500 < ratio < 3_000

# %% [markdown]
# **Measure.** The same two numbers as areas, drawn to scale.

# %% alt="Two squares to scale: a large one for the dense weights, and one the size of a full stop for the file"
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
weight_size = 500 * 800
print(f"together {fc1.n_params:,} numbers for a weight of {weight_size:,}")
assert fc1.n_params < 0.01 * weight_size

# %% [markdown]
# The numbers are small whole numbers; the whole product is multiplied by one scale in the end. Frequent ones get short
# codes, so the file needs only the one or two bits a number that the table above names.

# %% alt="Histogram of the integers in the core: a tall bar at 0, small bars from -4 to 4"
counts = Counter(fc1.core.ravel().tolist())
values = sorted(counts)
fig, axes = plt.subplots(figsize=(7, 2.6))
axes.bar(values, [counts[v] for v in values], color=MIDDLE, edgecolor=DARK)
axes.set(xlabel="integer in the core of fc1", ylabel="how often")
plt.show()

# %% [markdown]
# ## From core to weight
#
# The weight is the core multiplied by a matrix along each of its modes,
# $W = C \times_1 M_1 \times_2 M_2 \times_3 M_3 \times_4 M_4$ ([Zhong, Wei, Lin and Zhang, 2019](../docs/references.md) count modes from 1; code counts
# from 0).
#
# **Predict.** How many multiplications and additions does it take to rebuild 400,000 numbers: nearer to a million, or
# to a billion?

# %%
flops = reconstruct_flops(fc1.reshape.dims, fc1.core.shape)
print(f"{flops:,} FLOPs, {flops / weight_size:.0f} for each number of the weight")
assert flops < 1e8

# %% [markdown]
# **Measure.** A few million: a laptop does that in a blink. One call rebuilds the tensor; its shape is that of the dims.
# Reshaped, it is the weight of the layer.

# %%
tensor = tucker_to_tensor(fc1.to_tucker()) * fc1.scale
weight = fc1.reshape.undo(tensor)
print("tensor", tensor.shape, "-> weight", weight.shape)
assert weight.shape == (500, 800)

# %% [markdown]
# Its first 250 outputs and 400 inputs, dark where a weight is large. Whole rows and columns are blank; between them the
# same patterns come again and again, because all rows are mixed from few.

# %% alt="The weight as a grey image: blank bands of rows and columns, and between them a repeating pattern of dark dots"
fig, axes = plt.subplots(figsize=(7, 4.2))
part = np.abs(weight[:250, :400])
axes.imshow(part, cmap="gray_r", vmax=np.quantile(part, 0.99), aspect="auto")
axes.set(xlabel="input", ylabel="output", title="fc1: few numbers, much pattern")
plt.show()

# %% [markdown]
# Blank, because a row of zeros in one of the matrices is a unit, or a block of units, that the network does without.
# Training found that out by itself, for zeros cost the fewest bits.

# %%
for n, factor in enumerate(fc1.factors, start=1):
    zeros = np.sum(~factor.any(axis=1))
    print(f"M_{n}: {zeros} of {len(factor)} rows are zero")
assert np.mean(weight == 0) > 0.5

# %% [markdown]
# ## Does it read?
#
# `to_dense` rebuilds every parameter; the network itself is twenty lines of numpy in `course_kit/notebook/numpy_net.py`.
# We let it read the 1,000 held-out digits of the bundled MNIST-5k.

# %%
weights = network.to_dense()
images, labels = bundled_digits()
said = logits(network.architecture, weights, images).argmax(axis=1)
wrong = np.flatnonzero(said != labels)
print(f"{len(wrong)} of {len(labels):,} held-out digits of MNIST-5k are misread")
assert len(wrong) < 0.03 * len(labels)

# %% [markdown]
# Some that it reads, and behind them the ones that it does not: framed, with the truth written above.

# %% alt="24 handwritten digits with the network's answers above them; the misread ones stand last, in frames"
fig, grid = plt.subplots(3, 8, figsize=(9, 4))
shown = [*range(24 - min(8, len(wrong))), *wrong[:8]]
for axes, k in zip(grid.flat, shown, strict=False):
    digit(axes, images[k], int(labels[k]), int(said[k]))
plt.show()

# %% [markdown]
# Would you have known?
#
# *A caution. All of MNIST-5k comes from MNIST's training set, and this network was trained on MNIST: it has met most of
# these digits. Its error on MNIST's own 10,000 test digits, which nothing was trained or chosen on, is in the README.*

# %% [markdown]
# ## Does it read your hand?
#
# This page holds the same bytes. It decodes them a second time, by a program in JavaScript that was written from the
# [description of the format](../docs/file_format.md) alone, and runs the network in your browser: draw a digit. (Where no
# scripts may run you see a picture of it; [open the page itself](../playground/index.html) in a browser.)

# %%
Playground(content, "lenet5_small.ada")

# %% [markdown]
# **Your turn.** Set one mode's matrix of `fc1` to zero, or flip the sign of the largest number in its core, rebuild, and
# count the errors again. Which part of the file matters most?

# %%
damaged = dict(weights)
damaged["fc1.weight"] = np.zeros_like(weights["fc1.weight"])  # change me
blind = logits(network.architecture, damaged, images).argmax(axis=1)
print(f"{np.mean(blind != labels):.0%} misread with the damaged fc1")

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** Where do most of the file's bytes go?
#
# <details><summary>the header and the shapes</summary>
#
# No. They take less than a tenth.
#
# </details>
#
# <details><summary>the integers of cores and matrices</summary>
#
# Yes. They are the network; the rest is book-keeping.
#
# </details>
#
# <details><summary>the biases</summary>
#
# No. All but ten of them are zero and not stored.
#
# </details>
#
# **2.** Why are whole rows of the rebuilt weight zero?
#
# <details><summary>the file is damaged</summary>
#
# No. The checksum would have refused it.
#
# </details>
#
# <details><summary>a row of a matrix is zero, so all that it multiplies is</summary>
#
# Yes. Training switched that block of units off, since zeros cost the fewest bits.
#
# </details>
#
# <details><summary>float32 rounds small numbers to zero</summary>
#
# No. float32 holds numbers down to 1e-38.
#
# </details>
#
# **3.** Why is the error on MNIST-5k no honest measure here?
#
# <details><summary>1,000 images are too few to say anything</summary>
#
# No. They give the error to within some tenths of a point.
#
# </details>
#
# <details><summary>the network was trained on most of these images</summary>
#
# Yes. They are part of MNIST's training set.
#
# </details>
#
# <details><summary>the digits are of another size</summary>
#
# No. All are 28 x 28 pixels.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - A LeNet-5 of 431,080 numbers came out of a file that fits in a QR code.
# - Each weight is a small core times one matrix per mode; what is stored are whole numbers and a step size.
# - Reading it back takes numpy and a range coder.
#
# **What can go wrong.** A changed byte: the checksum refuses the file (try it: change `content` and call
# `from_bytes`). A network of another architecture: names and shapes are then stored in the file too.
#
# ## The map of the course
#
# | | question | you build |
# | --- | --- | --- |
# | [01](01_modes_and_unfoldings.ipynb) | What is a mode, and what is the product in one? | unfoldings, the n-mode product |
# | [02](02_tucker_and_hosvd.ipynb) | Which core and matrices come nearest to a tensor? | the HOSVD in six lines |
# | [03](03_why_reshape.ipynb) | Why is a weight reshaped first? | an ablation of order and balance |
# | [04](04_compress_a_trained_lenet.ipynb) | How small can a *trained* network become? | a sensitivity scan, fine-tuning |
# | [05](05_train_from_scratch.ipynb) | Can one train core and matrices from the start? | the gradients, the weight in 15 lines |
# | [06](06_share_the_core.ipynb) | Can all layers share one core? | SCADA-Tucker in 20 lines |
# | [07](07_quantise_and_pay_for_bits.ipynb) | How many bits must a parameter take? | quantisation, entropy, training that pays for bits |
# | [07b](07b_code_and_file.ipynb) | Where does every byte of the file go? | the range coder by hand |
# | [08](08_is_it_faster.ipynb) | Is it faster, too? | predictions of FLOPs, held against the clock |
# | [09](09_reproduce_the_paper.ipynb) | What does the paper's abstract claim, and what of it holds? | a table of claims and measurements |
# | [10](10_your_own_model.ipynb) | And your own model? | `compress_model` on it |
#
# Assignments go with them: [a1](assignments/student/a1_modes_and_products.ipynb) after 01,
# [a2](assignments/student/a2_hosvd_and_ranks.ipynb) after 02, [a3](assignments/student/a3_balance_and_planner.ipynb) after 03,
# [a4](assignments/student/a4_lenet_in_a_file.ipynb) after 07b. 01 to 03 need numpy alone (03 trains at its end, with PyTorch); 04 to 06 build on each other; 07 to 10 can be read in
# any order.
#
# **Exercises.**
# 1. Change one byte of `content` and decode it again. What does the error tell you?
# 2. Which layer has the most bytes, which the most bits a number? Why might a small layer need more bits for each?
# 3. Print the code (`docs/img/lenet5_qr.svg`), photograph it, and let `read_qr` read the photograph.
#
# <details><summary>Solutions</summary>
#
# [One way to solve each](solutions/00_a_network_in_a_qr_code.ipynb), with the code. Try for ten minutes first.
#
# </details>
#
# **Next** 01: what is a mode, and what is that product in one?

# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · Quantise, and pay for bits
#
# **You will learn**
# - to quantise a core to integers, and to predict how many bits these will take;
# - what a bit buys: the error halves;
# - how training can be made to pay for bits, and why that beats rounding afterwards.
#
# **Needs** notebook 00, and 02 for the HOSVD; PyTorch for the last part. **Time** 25 minutes to read, half a minute
# to run (five minutes on all of MNIST, with `ADA_BUDGET=full`).

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>What does an <code>.ada</code> file hold of each weight?</summary>
#
# The integers of a core and of matrices, and one scale. See [notebook 00](00_a_network_in_a_qr_code.ipynb).
#
# </details>
#
# <details><summary>What is log2(8)? And log2(1/8)?</summary>
#
# 3 and -3.
#
# </details>
#
# <details><summary>What does the relative error of a tensor mean?</summary>
#
# The norm of the difference over the norm of the tensor. See [notebook 02](02_tucker_and_hosvd.ipynb).
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# The file, the quantiser, and pictures.

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from course_kit.notebook.numpy_net import logits
from course_kit.notebook.paths import bundled_digits, model_path
from course_kit.plots import (
    DARK,
    error_against_size,
    plain_log_ticks,
    predicted_against_measured,
    series_style,
)
from tucker_core import (
    coded_bits,
    from_bytes,
    hosvd,
    load,
    quantize,
    rms_step,
    to_bytes,
    tucker_to_tensor,
)

ORANGE = series_style(1).color

# %% [markdown]
# ## Quantising
#
# The network of notebook 00 holds integers already. To have something to round, we take its largest weight and
# decompose it anew: an HOSVD gives a core and matrices of *real* numbers for the same weight.

# %%
path = model_path("lenet5_small.ada")
network = load(path)
fc1 = next(p for p in network.parameters if p.name == "fc1.weight")
tensor = fc1.reshape.apply(fc1.to_dense().astype(np.float64))
core, factors = hosvd(tensor, fc1.core.shape)
print("core", core.shape, "of", core.dtype)
assert np.allclose(tucker_to_tensor((core, factors)), tensor, atol=1e-6)

# %% [markdown]
# Rounding means: choose a **step** $s$, and store the integer $q = \mathrm{round}(w / s)$ in place of $w$. Only
# $q$ and one $s$ for all numbers are kept. A natural unit for the step is the core's root mean square; *levels* says
# how many steps fit into it.
#
# **Predict.** With 4 levels: about how many different integers will the 1,260 entries of the core become? 8? 40?
# 400?

# %%
symbols = quantize(core, rms_step(core, levels=4))
print(
    f"{len(np.unique(symbols))} different numbers, {symbols.min()} to {symbols.max()}"
)
assert 20 < len(np.unique(symbols)) < 80

# %% [markdown]
# **Measure.** How often each one comes, for 1, 4 and 16 levels. Many small numbers, few large ones; and the more
# levels, the flatter and wider.

# %% alt="Three histograms of the rounded core for 1, 4 and 16 levels: a spike at 0, a bell, and a wide flat bell"
fig, grid = plt.subplots(1, 3, figsize=(10, 2.6), layout="constrained")
for axes, levels in zip(grid, (1, 4, 16), strict=True):
    counts = Counter(quantize(core, rms_step(core, levels)).ravel().tolist())
    axes.bar(list(counts), list(counts.values()), width=1.0, color=DARK)
    axes.set(title=f"levels = {levels}", xlabel="integer", xlim=(-40, 40))
grid[0].set_ylabel("how often")
plt.show()

# %% [markdown]
# ## How many bits must that take?
#
# If the number $q$ comes with probability $p_q$, no code can spend fewer than $\log_2(1/p_q)$ bits on it, on average
# over all. The mean of that is the **entropy**, $H = \sum_q p_q \log_2(1/p_q)$ bits a number (Shannon, 1948).


# %%
def entropy(symbols):
    """Bits per number that no code can go below which knows only the shares."""
    _, counts = np.unique(symbols, return_counts=True)
    share = counts / symbols.size
    return float(np.sum(share * np.log2(1 / share)))


# %% [markdown]
# **Predict.** Twice as many levels split every bar of the histogram in two. How many bits more does each number need?

# %%
all_levels = [1, 2, 4, 8, 16, 32]
rounded = [quantize(core, rms_step(core, n)) for n in all_levels]
bits = [entropy(q) for q in rounded]
print(
    *(f"{n} levels: {b:.2f} bits" for n, b in zip(all_levels, bits, strict=True)),
    sep="\n",
)

# %% [markdown]
# **Measure.** Nearly one bit for each doubling. (Towards the end less: 1,260 entries cannot fill hundreds of bars.)

# %%
assert all(0.5 < more < 1.05 for more in np.diff(bits))
assert max(np.diff(bits)[:3]) > 0.9

# %% [markdown]
# And what is bought with a bit? Every entry is off by up to half a step, so **predict**: what does one more bit do to
# the relative error of the core?

# %% alt="Relative error against entropy, error on a log axis: six points from 1 to 32 levels on a straight falling line"
lost = [
    np.linalg.norm(core - q * rms_step(core, n)) / np.linalg.norm(core)
    for n, q in zip(all_levels, rounded, strict=True)
]
fig, axes = plt.subplots(figsize=(6, 3.2))
axes.semilogy(bits, lost, "o-", color=DARK)
for n, b, e in zip(all_levels, bits, lost, strict=True):
    axes.annotate(
        f"levels = {n}", (b, e), (6, 4), textcoords="offset points", fontsize=9
    )
axes.set(xlabel="entropy, bits per number", ylabel="relative error of the core")
axes.margins(x=0.25, y=0.1)
plain_log_ticks(axes.yaxis)
plt.show()

# %% [markdown]
# **Measure.** On this logarithmic axis the curve is a falling line: one bit halves the error. That is the going rate
# for everything that is rounded, and training will have to beat it.

# %%
halvings = np.log2(np.array(lost[:-1]) / np.array(lost[1:]))
assert halvings.min() > 0.75
assert halvings.max() < 1.1

# %% [markdown]
# Does the *network* mind? We round core and matrices of `fc1`, rebuild, and let it read the 1,000 held-out digits of
# MNIST-5k.

# %%
images, labels = bundled_digits()
dense = network.to_dense()


def misread(weights, count=1000):
    """Misread digits in percent, of the first so many."""
    said = logits(network.architecture, weights, images[:count]).argmax(axis=1)
    return 100 * float(np.mean(said != labels[:count]))


def with_rounded_fc1(levels):
    """The network with another fc1, and the bits per number of that."""
    parts = [core, *(f for f in factors if f is not None)]
    steps = [rms_step(part, levels) for part in parts]
    wholes = [quantize(part, step) for part, step in zip(parts, steps, strict=True)]
    spent = sum(entropy(q) * q.size for q in wholes) / sum(q.size for q in wholes)
    near_core, *near = [q * step for q, step in zip(wholes, steps, strict=True)]
    weight = fc1.reshape.undo(tucker_to_tensor((near_core, near)))
    return dense | {"fc1.weight": weight}, spent


errors = {}
for levels in (0.5, 1, 2, 4):
    weights, spent = with_rounded_fc1(levels)
    errors[levels] = misread(weights)
    print(f"{levels} levels: {spent:.2f} bits each, {errors[levels]:.1f} % misread")

# %% [markdown]
# With three bits a number and more it hardly does; with two it begins to break. Keep this in mind: the file spends
# *fewer* than two on this very layer, and its network is whole. How that is done comes next.

# %%
in_file = coded_bits(network)["fc1.weight"] / fc1.n_params
print(f"in the file: {in_file:.2f} bits per number, {misread(dense):.1f} % misread")
assert in_file < 2
assert misread(dense) < 2 < 5 < errors[1] < errors[0.5]

# %% [markdown]
# ## The rate term
#
# Rounding a finished network costs one bit for each halving of the error. Can training do better? It would have to
# *know* about rounding and about bits (this is *quantisation-aware training*, QAT, with a *rate term*). Both stand in the way of gradients: a staircase has slope zero.
#
# **Rounding** is helped by a trick: forwards round, backwards pretend it was the identity (*straight-through*). The
# solid line is what the network sees, the dashed one what the gradient believes.

# %% alt="A staircase of rounded numbers, and a dashed straight line through the middle of its steps"
import torch
from torch_bridge.quantization.fake_quantizer import Quantizer, round_through

x = torch.linspace(-3, 3, 601, requires_grad=True)
y = round_through(x)
(slope,) = torch.autograd.grad(y.sum(), x)
fig, axes = plt.subplots(figsize=(5, 3))
axes.plot(x.detach(), y.detach(), color=DARK, label="forwards: rounded")
believed = x.detach() * slope
axes.plot(x.detach(), believed, "--", color=ORANGE, label="backwards: slope 1")
axes.set(xlabel="number / step", ylabel="what the layer uses")
axes.legend(frameon=False)
plt.show()
assert torch.all(slope == 1)

# %% [markdown]
# **Bits** are made smooth by a distribution with a formula: a narrow peak for the zeros plus a wide one, and as the rate of a
# number the $\log_2(1/p)$ of that distribution. `Quantizer` holds the step and the distribution of a tensor, both learned. The
# rate of one number, against its size:

# %% alt="Rate in bits against number over step: a rounded valley at 0, then straight slopes up to 7 bits at 4 steps"
quantizer = Quantizer(unit=1.0)
with torch.no_grad():
    where = torch.linspace(-4, 4, 401)
    rates = torch.stack([quantizer.bits(value) for value in where])
    whole = torch.arange(-4.0, 5.0)
    paid = torch.stack([quantizer.bits(value) for value in whole])
fig, axes = plt.subplots(figsize=(5, 3))
axes.plot(where, rates, color=DARK)
axes.plot(whole, paid, "o", color=ORANGE)
axes.set(xlabel="number / step", ylabel="rate, bits", ylim=(0, None))
plt.show()

# %% [markdown]
# Its slope pulls every number towards zero, and its height is what the coder will ask for. Now there are two wishes: few
# errors and few bits. What we want is the least cross-entropy $E$ that $B$ bits allow. That is a problem with a constraint, and
# Lagrange's way to solve it is to minimise
#
# $$ L = E + \lambda \cdot B / 1000 . $$
#
# At the minimum $\mathrm{d}E = -\lambda\, \mathrm{d}B / 1000$: **$\lambda$ is the exchange rate**, how much cross-entropy 1,000 bits are worth.
# Every $\lambda$ gives one point of the curve of error against bytes, and its slope there is $-\lambda$. That is why one sweeps
# $\lambda$ and does not ask which is right. To try it, we train a LeNet-300 in Tucker form on the 3,600 training images
# of MNIST-5k, first without rounding. It takes a few seconds; its error will be large, and only the comparison
# counts.

# %%
from copy import deepcopy

from course_kit.notebook.budget import by_budget, say_budget
from torch_bridge import (
    TrainConfig,
    attach_quantizers,
    build_model,
    compress_model,
    evaluate,
    fit,
    load_network,
    to_network,
)
from torch_bridge.datasets.tensors import load_digits
from torch_bridge.quantization.qat import rate

print(say_budget(default="half a minute", full="five minutes, on all of MNIST"))
digits = load_digits(full=by_budget(smoke=False, default=False, full=True))
first, then = by_budget(smoke=(1, 1), default=(15, 6), full=(15, 6))  # epochs


def train_on(model, **settings):
    """Train a model in place."""
    config = TrainConfig(batch_size=128, precision="float32", **settings)
    fit(
        model, [digits.images], digits.labels, digits.validation, config, progress=False
    )


start = build_model("lenet300", seed=0)
report = compress_model(start, 3_000, init="scratch")
train_on(start, epochs=first, lr=2e-2)
print(f"{report.params:,} numbers")

# %% [markdown]
# The honest measure: write the file, read it back, and test what was read.


# %%
def size_and_error(model, levels=None):
    """Bytes of the file, and test error in percent of the network decoded from it."""
    content = to_bytes(to_network(model, "lenet300", levels))
    decoded = load_network(build_model("lenet300", seed=0), from_bytes(content))
    return len(content), evaluate(decoded, *digits.test)


# %% [markdown]
# First the old way: round afterwards, with fewer and fewer levels.

# %% tags=["nondeterministic"]
afterwards = [size_and_error(start, levels) for levels in (8, 4, 3, 2, 1.5, 1)]
for n_bytes, error in afterwards:
    print(f"rounded afterwards: {n_bytes:,} bytes, {error:.1f} %")

# %% [markdown]
# Now the new way: `attach_quantizers`, then six more epochs with the rate term. **Predict**: with $\lambda = 0$ training
# knows of rounding, but not of bits. Where will its file lie, compared with the ones above? And with $\lambda = 0.3$?

# %% tags=["nondeterministic"]
with_rate, zeros, guesses = [], [], []
lambdas = (0.0, 0.03, 0.1, 0.3, 1.0)  # change me
for weight in lambdas:
    model = deepcopy(start)
    attach_quantizers(model, levels=3)
    train_on(model, epochs=then, lr=5e-3, rate=weight, step_lr=1e-2)
    with_rate.append(size_and_error(model))
    rounded_network = to_network(model, "lenet300")
    every = np.concatenate([t.ravel() for t in rounded_network.tensors])
    zeros.append(np.mean(every == 0))
    coded = coded_bits(rounded_network)
    in_weights = sum(b for name, b in coded.items() if name.endswith("weight"))
    guesses.append((rate(model).item() / 8, in_weights / 8))

# %% [markdown]
# **Measure.** What each $\lambda$ buys: the higher $\lambda$, the more zeros, the smaller the file.

# %% tags=["nondeterministic"]
for weight, (n_bytes, error), share in zip(lambdas, with_rate, zeros, strict=True):
    print(f"lambda {weight:4}: {n_bytes:,} bytes, {error:4.1f} %, {share:.0%} zeros")

# %% [markdown]
# Both ways in one picture. Lower and further left is better: the dashed line, trained with the rate term, lies below the
# solid one.

# %% tags=["nondeterministic"] alt="Test error against bytes: the curve trained with the rate term stays low down to 1,400 bytes, the curve of rounding afterwards climbs steeply below 1,600"
fig, axes = plt.subplots(figsize=(7, 3.6))
series = {"rounded afterwards": afterwards, "trained with the rate term": with_rate}
series = {name: tuple(zip(*found, strict=True)) for name, found in series.items()}
error_against_size(axes, series, xlabel="bytes of the file", ylabel="test error, %")
plt.show()

# %% [markdown]
# At equal bytes it makes fewer errors, because it *chooses* which parameters become zero, and the others make up for it. Read
# off both curves at the same size:


# %% tags=["nondeterministic"]
def error_at(name, n_bytes):
    """Test error at a size, read off the curve."""
    sizes, errors = (np.array(values) for values in series[name])
    order = np.argsort(sizes)
    return np.interp(n_bytes, sizes[order], errors[order])


for name in series:
    print(f"{name}: {error_at(name, 1_350):.1f} % at 1,350 bytes")

# %% [markdown]
# One more question: the rate is only a formula. Does it know what the coder will really ask for? For the five
# networks, bytes by the formula and bytes by the coder's models:

# %% tags=["nondeterministic"] alt="Bytes by the coder against bytes by the rate term, for five networks: dots close to the line where both agree"
fig, axes = plt.subplots(figsize=(4.4, 4))
predicted, measured = zip(*guesses, strict=True)
predicted_against_measured(axes, predicted, measured, unit="bytes of all weights")
plt.show()
print(*(f"{m / p - 1:+.0%}" for p, m in guesses), "more than the formula said")

# %% [markdown]
# (The files hold 410 biases besides, finely rounded and outside the rate term. The network in the QR code has learned to do
# without all but ten.)
#
# **Your turn.** Take three values of your own for `lambdas`, between 0.05 and 3, and run from there. Where does the network
# begin to die? Which $\lambda$ would *you* print on paper?

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** One more bit a number. What happens to the error of the core?
#
# <details><summary>it halves</summary>
#
# Yes. The step halves, and with it every rounding error.
#
# </details>
#
# <details><summary>it falls by a tenth</summary>
#
# No. Look at the slope of the line.
#
# </details>
#
# <details><summary>it vanishes</summary>
#
# No. Only in the limit.
#
# </details>
#
# **2.** What does a larger lambda do?
#
# <details><summary>a larger file with fewer errors</summary>
#
# No. The other way round.
#
# </details>
#
# <details><summary>a smaller file with more errors</summary>
#
# Yes. Bits become dearer, so training saves them.
#
# </details>
#
# <details><summary>it trains faster</summary>
#
# No. It changes what is aimed at.
#
# </details>
#
# **3.** Why does the rate term beat rounding afterwards?
#
# <details><summary>it uses fewer levels</summary>
#
# No. The levels may be the same.
#
# </details>
#
# <details><summary>training chooses which parameters become zero, and the others make up for it</summary>
#
# Yes.
#
# </details>
#
# <details><summary>the coder is a better one</summary>
#
# No. It is the same coder.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - Quantising: one bit more halves the error. Entropy says what the integers must cost.
# - $\lambda$ is an exchange rate between error and bits; a sweep of it draws the whole curve.
# - Training that pays for bits beats rounding afterwards at the same bytes.
#
# **What can go wrong.** A step so small that the largest integer passes 32,768: `quantize` says so. A rate that is switched on
# at once: the network dies before it has learned (`fit` raises it slowly). Comparing bytes that leave out the header.
#
# **Exercises.**
# 1. Every entry is off by up to half a step. If the error is uniform within it, what is its root mean square, and which line does
#    that draw in the second picture? Hold it against the measured errors.
# 2. Quantise the core with `levels=4`, then set all entries of size 1 to zero. How many bits are saved, and how much error is
#    made? Is that a better deal than fewer levels?
# 3. Which integers would a coder like best: all equal, half zero, or all different? Compute three entropies.
#
# <details><summary>Solutions</summary>
#
# [One way to solve each](solutions/07_quantise_and_pay_for_bits.ipynb), with the code. Try for ten minutes first.
#
# </details>

# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07b · Code and file
#
# **You will learn**
# - how an arithmetic coder spends a third of a bit on a number, worked out by hand;
# - why a distribution of two numbers is cheaper to tell than a table;
# - what each byte of an `.ada` file says, and what happens when a bit is flipped;
# - to print a network of your own as a QR code.
#
# **Needs** notebook 07 up to the entropy. **Time** 25 minutes to read, seconds to run; no PyTorch.

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>What is the entropy of integers of which half are 0 and half are 1?</summary>
#
# One bit a number. See [notebook 07](07_quantise_and_pay_for_bits.ipynb).
#
# </details>
#
# <details><summary>What is 0.101 in binary as a fraction?</summary>
#
# 1/2 + 1/8 = 5/8.
#
# </details>
#
# <details><summary>Which integers does a core hold?</summary>
#
# Mostly zeros and small ones. See [notebook 00](00_a_network_in_a_qr_code.ipynb).
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# The file, the coder, and pictures.

# %%
import math
import zlib
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from course_kit.notebook.byte_meter import file_segments, ideal_bits
from course_kit.notebook.numpy_net import logits
from course_kit.notebook.paths import bundled_digits, model_path
from course_kit.notebook.playground import Playground
from course_kit.notebook.qr import read_qr, write_qr
from course_kit.plots import (
    DARK,
    MIDDLE,
    byte_map,
    coding_intervals,
    layer_bars,
    plain_log_ticks,
    predicted_against_measured,
    series_style,
)
from tucker_core import (
    CompressedNetwork,
    FileFormatError,
    coded_bits,
    from_bytes,
    load,
    to_bytes,
)
from tucker_core.codec import Decoder, Encoder
from tucker_core.limits import limits_of
from tucker_core.quantize import SCALE_CODES
from tucker_core.stream import read_network
from tucker_core.symbol_model import CODES, SIZES, SymbolModel, fit_model

ORANGE = series_style(1).color

# %% [markdown]
# The network of notebook 00, its largest weight, and the entropy of notebook 07.

# %%
path = model_path("lenet5_small.ada")
content = path.read_bytes()
size = len(content)
network = load(path)
fc1 = next(p for p in network.parameters if p.name == "fc1.weight")


def entropy(symbols):
    """Bits per integer that no code can go below which knows only the fractions."""
    _, counts = np.unique(symbols, return_counts=True)
    fractions = counts / symbols.size
    return float(np.sum(fractions * np.log2(1 / fractions)))


# %% [markdown]
# ## A third of a bit: arithmetic coding by hand
#
# How can a code spend 1.6 bits, or a third of one? A code with one word for each number cannot: each word has at
# least one whole bit. An **arithmetic coder** writes *one number for the whole message*.
#
# Take ten numbers, most of them zero, and say that 0 comes with probability 8/10, and 1 and -1 with 1/10 each.

# %%
message = [0, 0, 0, 1, 0, -1, 0, 0, 0, 0]
shares = {-1: Fraction(1, 10), 0: Fraction(8, 10), 1: Fraction(1, 10)}

# %% [markdown]
# **Predict** the bits. With one word a number the best is `0` -> 0, `1` -> 10, `-1` -> 11. The entropy bound for the
# message is $\sum \log_2(1/p)$.

# %%
words = {0: "0", 1: "10", -1: "11"}
by_words = sum(len(words[symbol]) for symbol in message)
ideal = sum(math.log2(1 / shares[symbol]) for symbol in message)
print(f"one word a number: {by_words} bits; bound: {ideal:.2f} bits")

# %% [markdown]
# The coder begins with the interval from 0 to 1 and cuts it into parts as wide as the probabilities. The first number
# of the message chooses its part; that is cut in the same way; and so on, ten times. Each bar below is the dark part
# of the one before, magnified, with its two ends written on it.

# %% alt="Eleven bars side by side, each the chosen part of the one before, magnified: eight thick parts for zeros, a thin one at the top for 1, a thin one at the bottom for -1"
fig, axes = plt.subplots(figsize=(11, 3.8))
drawn = coding_intervals(axes, {s: float(p) for s, p in shares.items()}, message)
plt.show()

# %% [markdown]
# Read the fourth bar: the 1 is rare, its part is thin, and the interval shrinks to a tenth. The zeros cost hardly
# anything. Here is the same in exact fractions.


# %%
def narrow(interval, symbol):
    """Cut the part of a symbol out of an interval (low, width)."""
    low, width = interval
    below = sum(share for other, share in shares.items() if other < symbol)
    return low + width * below, width * shares[symbol]


interval = Fraction(0), Fraction(1)
for symbol in message:
    interval = narrow(interval, symbol)
low, width = interval
print(f"from {float(low):.6f} to {float(low + width):.6f}, width {float(width):.6f}")
assert math.isclose(float(low), drawn[-1][0])

# %% [markdown]
# *Any* number in the last interval stands for the message. The shortest in binary is the one to write. An interval of
# width $w$ surely contains a multiple of $2^{-k}$ as soon as $2^{-k} \le w$, so $\log_2(1/w)$ bits, rounded up, are
# enough: and $w$ is the product of all probabilities. **That is the entropy bound, rounded up once for the whole
# message.**

# %%
for length in range(1, 20):
    numerator = math.ceil(low * 2**length)
    if Fraction(numerator, 2**length) < low + width:
        break
number = Fraction(numerator, 2**length)
print(
    f"{numerator:0{length}b}: {length} bits, the number {number} = {float(number):.6f}"
)
assert ideal - 3 < length <= math.ceil(ideal) < by_words

# %% [markdown]
# Decoding goes the same way: in which part does the number lie? That is the first symbol. **Predict** what comes out.


# %%
def decode(number, count):
    """Read so many symbols out of a number."""
    interval, symbols = (Fraction(0), Fraction(1)), []
    for _ in range(count):
        parts = {symbol: narrow(interval, symbol) for symbol in shares}
        for symbol, (low, width) in parts.items():
            if low <= number < low + width:
                symbols.append(symbol)
                interval = low, width
    return symbols


print(decode(number, 10))
assert decode(number, 10) == message

# %% [markdown]
# **Measure.** The library's `Encoder` does this with integers of 32 and 64 bits in place of fractions (a *range
# coder*, from the library constriction), and writes bytes. The model with the codes (1, 8, 11) has our three
# probabilities.

# %%
model = SymbolModel(size_code=1, zeta_code=8, theta_code=11)
print(model.probabilities())
encoder = Encoder()
encoder.tensor(np.array(message, np.int32), model)
print(f"{len(encoder.content())} bytes for {ideal:.2f} bits")
assert len(encoder.content()) == math.ceil(ideal / 8)

# %% [markdown]
# Ten numbers say little. For messages from 10 to 30,000 numbers, drawn from these probabilities, the bytes that were
# written over the bytes that the bound predicts: the dots lie on the line.

# %% alt="Bytes written against bytes predicted, both on log axes: eight dots on the line where both agree"
rng = np.random.default_rng(0)
bounds, written = [], []
for count in (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000):
    drawn_symbols = rng.choice([-1, 0, 1], count, p=model.probabilities()).astype(
        np.int32
    )
    encoder = Encoder()
    encoder.tensor(drawn_symbols, model)
    bounds.append(ideal_bits(drawn_symbols, model) / 8)
    written.append(len(encoder.content()))
fig, axes = plt.subplots(figsize=(4.4, 4))
predicted_against_measured(axes, bounds, written, unit="bytes")
plt.show()

# %% [markdown]
# The same argument as above, for bytes: the bound and at most one byte. (Less by luck, when a number with many zeros
# at its end lies in the interval. A trifle more for long messages, because the coder rounds probabilities to 24
# bits.)

# %%
excess = [w - b for w, b in zip(written, bounds, strict=True)]
print(*(f"{e:+.2f}" for e in excess), "bytes beyond the bound")
assert all(-1.5 < e < 2 for e in excess)

# %% [markdown]
# ## Two numbers instead of a table
#
# The decoder must know the probabilities, so the file has to tell them, and telling costs bits too. Here is the
# trained core of `fc1`, as it is in the file. The line is the model that the file uses: zero has a weight of
# its own, $\zeta$; beyond it, every number is $\theta$ times as likely as the one before, which is a straight line on
# this axis.

# %% alt="Share of each integer in the core of fc1 as bars on a log axis, and the model as two straight lines falling from a peak at 0"
model = fit_model(fc1.core)
numbers = np.arange(-model.largest, model.largest + 1)
share = [np.mean(fc1.core == n) for n in numbers]
fig, axes = plt.subplots(figsize=(7.5, 3))
axes.bar(numbers, share, color=MIDDLE, edgecolor=DARK, label="in the core")
axes.plot(numbers, model.probabilities(), "o-", color=ORANGE, ms=4, label="model")
axes.set(xlabel="integer", ylabel="share (log scale)", yscale="log")
plain_log_ticks(axes.yaxis)
axes.legend(frameon=False)
plt.show()
print(model)

# %% [markdown]
# **Predict.** Compared with the true fractions (the bars), how many percent more bits does the line cost, over all
# tensors of the file?

# %%
by_shares = sum(entropy(t) * t.size for t in network.tensors)
by_model = sum(ideal_bits(t, fit_model(t)) for t in network.tensors)
print(f"true fractions {by_shares:,.0f} bits, model {by_model:,.0f} bits")
print(f"{by_model / by_shares - 1:.1%} more")

# %% [markdown]
# **Measure.** And what would it cost to *tell* the true fractions? For each tensor, a count for each number up to the
# largest: $\log_2(n + 1)$ bits each, for a tensor of $n$ numbers. The model is told by three codes: the largest
# number, $\zeta$ and $\theta$.

# %% alt="Bars of bits: with the true fractions 6,200 for the numbers and 1,900 to tell the shares, with the model 6,500 and 180"
tables = sum(2 * fit_model(t).largest * math.log2(t.size + 1) for t in network.tensors)
codes = sum(math.log2(SIZES) + 2 * math.log2(CODES) for _ in network.tensors)
names = ["true fractions", "model"]
parts = {"numbers": [by_shares, by_model], "telling the model": [tables, codes]}
fig, axes = plt.subplots(figsize=(5.5, 3))
layer_bars(axes, names, parts, unit="bits")
axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# The rough line wins clearly, because the tensors are small. Were they a hundred times as large, the table would
# hardly cost more, and win:

# %%
assert by_shares < by_model < 1.1 * by_shares
assert by_model + codes < by_shares + tables
tables = sum(
    2 * fit_model(t).largest * math.log2(100 * t.size + 1) for t in network.tensors
)
assert 100 * by_model + codes > 100 * by_shares + tables

# %% [markdown]
# *Describe the data and the description together in the fewest bits*: this is called the minimum description length.

# %% [markdown]
# ## The file, byte by byte
#
# The file begins with eight plain bytes: three letters, a version, and a checksum of the rest.

# %%
body = content[8:]
print(content[:3], "version", content[3], f"and {len(body)} bytes")
checksum = int.from_bytes(content[4:8], "little")
print(f"checksum {checksum:08x}, computed {zlib.crc32(body):08x}")

# %% [markdown]
# All the rest is *one* number, arithmetically coded. It answers questions: which architecture, of 256? For each parameter of
# it: is it there, with which scale, dims and rank, and which modes have a matrix? Then three codes for the model of each
# tensor, and at last the integers. An answer of probability $p$ takes $\log_2(1/p)$ bits, so we can say how many bytes each
# thing takes; `file_segments` reads the file and counts.

# %%
segments = file_segments(content)
by_kind = Counter()
for segment in segments:
    by_kind[segment.kind] += segment.n_bytes
for kind, n_bytes in by_kind.items():
    print(f"{kind:12} {n_bytes:6.1f} bytes")

# %% [markdown]
# Shapes are cheap: a dim is one of the divisors of what is left, a rank is at most its dim, so hardly a number needs a byte of its
# own.
#
# **Predict.** Do the pieces add up to the size of the file?

# %%
total = sum(s.n_bytes for s in segments if s.kind != "end")
print(f"{total:.2f} bytes of information, {size} bytes of file")
assert -1.5 < size - total < 1.01, "an arithmetic coder loses less than a byte or so"

# %% [markdown]
# **Measure.** To a fraction of a byte: what is missing is the rounding at the end. Here is the whole file, from left
# to right and top to bottom, one box for each byte. A piece may begin in the middle of a byte, for bytes mean nothing
# to the coder.

# %% alt="Map of 868 bytes in 16 rows: one row of prefix, shapes and models, then conv1, conv2, fc1 and fc2, each with its core and its matrices"
fig, axes = plt.subplots(figsize=(11, 4.2))
kinds = byte_map(axes, segments)
plt.show()

# %% [markdown]
# Is the map true? We swap two neighbouring numbers in the middle of a core. The counts stay the same, so the models
# stay the same, and the file should change *from that place on*, and in its checksum. **Predict** the place from the
# map, for each of the five cores.


# %%
def swap_neighbours(parameter):
    """The parameter with two unlike neighbours swapped, and where in its core."""
    flat = parameter.core.ravel().copy()
    k = next(k for k in range(flat.size // 2, flat.size) if flat[k] != flat[k - 1])
    flat[[k - 1, k]] = flat[[k, k - 1]]
    return replace(parameter, core=flat.reshape(parameter.core.shape)), k - 1


def first_change(parameter):
    """Where the file changes: predicted byte, and measured byte."""
    changed, place = swap_neighbours(parameter)
    others = (changed if p is parameter else p for p in network.parameters)
    altered = to_bytes(CompressedNetwork(network.architecture, tuple(others)))
    label = parameter.name.removesuffix(".weight")
    at = next(k for k, s in enumerate(segments) if s[:2] == (label, "cores, bias"))
    model_of_core = fit_model(parameter.core)
    before = ideal_bits(parameter.core.ravel()[:place], model_of_core) / 8
    start = sum(s.n_bytes for s in segments[:at])
    unlike = (k for k in range(8, size) if altered[k : k + 1] != content[k : k + 1])
    return start + before, next(unlike)


places = [first_change(parameter) for parameter in network.parameters]
for parameter, (guess, found) in zip(network.parameters, places, strict=True):
    print(f"{parameter.name:13} predicted byte {guess:5.1f}, changed from byte {found}")
assert all(abs(guess - found) < 3 for guess, found in places)

# %% [markdown]
# **Measure.** Every number of the network has its place in the file, to the byte.
#
# ## A damaged byte
#
# Flip one bit, anywhere in the file. **Predict**: in how many of the 868 cases does the library
# notice?


# %%
def damage(content, place):
    """The same bytes with one bit flipped."""
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


refused = Counter()
for place in range(size):
    try:
        from_bytes(damage(content, place))
    except FileFormatError as error:
        refused[str(error).split()[0]] += 1
print(dict(refused))
assert sum(refused.values()) == size

# %% [markdown]
# **Measure.** Always. Three cases are a wrong beginning ("starts with ..."), one a wrong version, and the rest the
# checksum, which finds every single damaged byte. Is it needed? Let us read the stream alone, without a look at the
# checksum, and see what comes out.


# %%
images, labels = bundled_digits()


def misread(weights, count=200):
    """Misread digits in percent, of the first so many."""
    said = logits(network.architecture, weights, images[:count]).argmax(axis=1)
    return 100 * float(np.mean(said != labels[:count]))


def misread_after(place):
    """Misread digits in percent with one damaged byte; 100 if nothing can be read."""
    try:
        stream = Decoder(damage(content, place)[8:])
        broken = read_network(stream, SCALE_CODES, limits_of(size))
    except ValueError:
        return 100.0
    return misread(broken.to_dense())


# %% [markdown]
# **Predict** the curve: misread digits against the place of the damaged byte. Where is the file most vulnerable?

# %% alt="Misread digits against the damaged byte: near 90 % almost everywhere, falling to nothing over the last hundred bytes"
hit = [*range(8, size, 22)]
harm = [misread_after(place) for place in hit]
fig, axes = plt.subplots(figsize=(8, 3))
axes.plot(hit, harm, "o-", color=DARK, ms=4)
axes.axhline(misread(network.to_dense()), color=MIDDLE, ls="--")
axes.set(xlabel="damaged byte", ylabel="misread digits, %", ylim=(0, 105))
plt.show()

# %% [markdown]
# **Measure.** After a damaged byte *everything* that follows is garbage, so almost anywhere it is fatal; only near the
# end, in the last layer and its bias, is there less left to spoil (the dashed line is the undamaged network). A code
# that wastes nothing has nothing left to correct errors with. Four bytes of checksum are well spent.

# %%
assert np.median(harm) > 50
assert harm[-1] < 20

# %% [markdown]
# ## So where do the 868 bytes go?
#
# The same training, longer and on all of MNIST, made the file of this notebook. Its bytes, layer by layer:

# %% alt="Bars of bytes: conv1 95, conv2 237, fc1 380, fc2 92, its bias 7, and all else 57"
names = [p.name.removesuffix(".weight") for p in network.parameters]
spent = {p.name: coded_bits(network)[p.name] / 8 for p in network.parameters}
fig, axes = plt.subplots(figsize=(7, 3))
rest = size - sum(spent.values())
layer_bars(axes, [*names, "all else"], {"": [*spent.values(), rest]}, unit="bytes")
plt.show()

# %% [markdown]
# And what a number costs, beside the share of zeros:

# %%
for p in network.parameters:
    every = np.concatenate([t.ravel() for t in p.tensors])
    cost, none = 8 * spent[p.name] / p.n_params, np.mean(every == 0)
    print(
        f"{p.name:13} {p.n_params:5,} numbers, {cost:.2f} bits each, {none:.0%} zeros"
    )
everything = np.concatenate([t.ravel() for t in network.tensors])
assert np.mean(everything == 0) > 0.6
assert rest < 0.07 * size

# %% [markdown]
# The weights take nearly all of it. Two thirds of their numbers are zeros and cost a fraction of a bit; shapes,
# models and checksum together come to less than 7 % of the file.

# %% [markdown]
# ## Your own QR code
#
# `ada-tucker demo` trains a LeNet-5 of *yours* in one to four minutes, from 1.7 MB to less than a QR code holds, and writes
# `demo_output/lenet5.ada`. Run it in a terminal in this notebook's folder, then run the next cell: it writes your QR code to
# print, and a page that reads handwriting with your network. (Without a file of yours it takes the one of this notebook.)

# %%
mine = Path("demo_output") / "lenet5.ada"
own = mine.read_bytes() if mine.exists() else content
mine.parent.mkdir(exist_ok=True)
write_qr(own, mine.with_name("my_qr.png"))
Playground(own, "my_lenet5.ada").save(mine.with_name("my_page.html"))
assert read_qr(mine.with_name("my_qr.png")) == own, "the print holds the network"
print(f"{len(own):,} bytes -> my_qr.png and my_page.html in {mine.parent}")

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** How can a number cost a third of a bit?
#
# <details><summary>it cannot</summary>
#
# No. With one word a number it cannot; the coder writes one number for the whole message.
#
# </details>
#
# <details><summary>the interval shrinks by less than a half</summary>
#
# Yes. By 0.8, which is 0.32 bits.
#
# </details>
#
# <details><summary>several zeros are left out</summary>
#
# No. Every symbol is coded.
#
# </details>
#
# **2.** When does a table of fractions beat the two-number model?
#
# <details><summary>always, since it is exact</summary>
#
# No. It must be told, and that costs bits.
#
# </details>
#
# <details><summary>when tensors are large</summary>
#
# Yes. Then the table's cost is spread over many numbers.
#
# </details>
#
# <details><summary>never</summary>
#
# No. For a tensor a hundred times as large it wins.
#
# </details>
#
# **3.** A bit flips in the middle of the file. How much of the network is lost, were there no checksum?
#
# <details><summary>one number</summary>
#
# No. The coder loses its place.
#
# </details>
#
# <details><summary>everything after it</summary>
#
# Yes.
#
# </details>
#
# <details><summary>everything</summary>
#
# No. What was read before stays right.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - An arithmetic coder reaches the entropy to within a byte, for the whole message at once.
# - A model of two numbers is cheaper to tell than a table, as long as tensors are small.
# - Every byte of the file is accounted for, and a flipped bit is noticed.
#
# **Your turn.** Change the probabilities in `shares` to 1/2, 1/4, 1/4 and run from there. Which bars get thinner, and how many bits
# does the message take now? (Where the text speaks of 8/10 it still means the old ones.)
#
# **What can go wrong.** Probabilities that differ between two machines by a rounding error, and everything after is garbage: the
# library computes them in integers. Comparing bytes that leave out the header.
#
# **Exercises.**
# 1. Add a byte: append `b"\0"` to `body`, recompute the checksum, and load it. Is it the same network? And with `b"\xff"`?
#    Explain both by the last interval.
# 2. Code the ten numbers by hand with probabilities 1/2, 1/4, 1/4. How many bits now, and when is a code with one
#    word a number just as good?
# 3. Write `my_entropy_model(symbols)` that returns the best $\theta$ for fixed $\zeta = 1$, and compare its bits with
#    `fit_model`'s.
#
# <details><summary>Solutions</summary>
#
# [One way to solve each](solutions/07b_code_and_file.ipynb), with the code. Try for ten minutes first.
#
# </details>
#
# **Next** 08: it is small. Is it fast, too?

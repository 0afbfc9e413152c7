# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · Is it faster?
#
# **You will learn**
# - to predict the work of a layer in floating-point operations (FLOPs), and to measure time so that it can be
#   believed;
# - when a dense layer wins, when the factorized one does, and where the two cross;
# - what compiling with numba buys, and what a better order of work buys;
# - how this library stands beside its peers, its losses included.
#
# **Needs** notebooks 01 and 02, PyTorch. **Time** 30 minutes to read, half a minute to run.
#
# All times are of the machine that ran this notebook. Yours will be others; the *ratios* should be alike.

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>How many FLOPs does a product of a 500 x 800 matrix with a vector take?</summary>
#
# 2 · 500 · 800 = 800,000: one multiplication and one addition for each entry.
#
# </details>
#
# <details><summary>In which order should a chain of n-mode products be taken?</summary>
#
# In the one that keeps the intermediate tensors small. See [notebook 01](01_modes_and_unfoldings.ipynb).
#
# </details>
#
# <details><summary>What is a batch?</summary>
#
# Some inputs that go through the network together; the weights are fetched once for all.
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# PyTorch for the layers, `tucker_core` for products and counting. Everything runs on one thread, so that we compare
# work and not cores.

# %%
import json
import math
import os
import subprocess
import sys
from statistics import median
from time import process_time

import matplotlib.pyplot as plt
import numba
import numpy as np
import torch
from course_kit.figures.peers import family, peer_ratios
from course_kit.notebook.numpy_net import logits
from course_kit.notebook.paths import bundled_digits, model_path
from course_kit.notebook.results import results
from course_kit.plots import (
    DARK,
    LIGHT,
    MIDDLE,
    layer_bars,
    plain_log_ticks,
    series_style,
)
from torch.nn.functional import linear
from torch_bridge import tucker_product
from torch_bridge.forward.linear import factorized_linear
from tucker_core import (
    load,
    random_tucker,
    reconstruct_flops,
    tucker_params,
    tucker_to_tensor,
)
from tucker_core.counting import dense_flops

ORANGE = series_style(1).color
torch.set_num_threads(1)
_ = torch.set_grad_enabled(False)

# %% [markdown]
# ## One layer, three ways
#
# The largest layer of LeNet-5 takes 800 numbers to 500. As in notebook 00, its weight is a tensor of dims (20, 25,
# 50, 16) and rank (6, 6, 7, 5). A batch of 256 inputs can go through it in three ways:
#
# 1. **dense**: multiply by the weight, as if there were no Tucker format;
# 2. **rebuilt**: first compute the weight from core and matrices, then as above;
# 3. **factorized**: never build the weight. Squeeze the input through the matrices of the input modes (800 -> 35), then
#    the core (35 -> 36), then the matrices of the output modes (36 -> 500).
#
# A side of the factorized layer can be multiplied in two ways: all its matrices made into one beforehand (their
# Kronecker product), or one mode after another. The second has fewer FLOPs, in thinner products; the library takes it
# once that saves enough.
#
# **Predict**: how many FLOPs does each take? (One multiplication and one addition are two.)


# %%
def side_flops(dims, rank, by_modes):
    """FLOPs of the input modes, or of the output modes, for one input."""
    if not by_modes:
        return 2 * math.prod(dims) * math.prod(rank)
    left, flops = list(dims), 0
    for n in reversed(range(len(dims))):
        flops += 2 * math.prod(left) * rank[n]
        left[n] = rank[n]
    return flops


def factorized_flops(dims, rank, by_modes):
    """FLOPs of a factorized layer for one input; modes 0 and 1 are the outputs."""
    sides = [side_flops(dims[k : k + 2], rank[k : k + 2], by_modes) for k in (0, 2)]
    return sum(sides) + 2 * math.prod(rank)


dims, rank, batch = (20, 25, 50, 16), (6, 6, 7, 5), 256
dense = batch * dense_flops((500, 800))
flops = {
    "dense": dense,
    "rebuilt": dense + reconstruct_flops(dims, rank),
    "factorized": batch * factorized_flops(dims, rank, by_modes=True),
}
for way, n in flops.items():
    print(f"{way:10} {n / 1e6:6.1f} million FLOPs, {n / dense:.3f} of dense")
kronecker = batch * factorized_flops(dims, rank, by_modes=False)
print(f"factorized by Kronecker products: {kronecker / dense:.3f} of dense")

# %% [markdown]
# ## How to measure
#
# A single stop-watch reading means little: the first call compiles and fills caches, and other programs disturb. So:
# warm up, let all candidates take turns, count processor time instead of time on the wall, and take the best turn of
# each, for disturbance only ever adds.


# %%
def milliseconds(*jobs, turns=9):
    """Least processor time of each job in milliseconds, all taking turns."""
    times = [[] for _ in jobs]
    for _ in range(turns + 1):
        for job, found in zip(jobs, times, strict=True):
            calls, started = 0, process_time()
            while process_time() - started < 2e-3:  # quick jobs again and again
                job()
                calls += 1
            found.append((process_time() - started) / calls)
    return [1e3 * min(found[1:]) for found in times]


# %% [markdown]
# The three ways as functions. All must give the same result, or the race is void.


# %%
def three_ways(dims, rank, batch, seed=0):
    """A dense, a rebuilding and a factorized layer with the same weight, as jobs."""
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randn(rank, generator=generator)]
    parts += [
        torch.randn(i, j, generator=generator) / j**0.5
        for i, j in zip(dims, rank, strict=True)
    ]
    outs = math.prod(dims[:2])
    weight = tucker_product(parts[0], parts[1:]).reshape(outs, -1)
    inputs = torch.randn(batch, weight.shape[1], generator=generator)

    def rebuilt():
        return linear(inputs, tucker_product(parts[0], parts[1:]).reshape(outs, -1))

    return (
        lambda: linear(inputs, weight),
        rebuilt,
        lambda: factorized_linear(inputs, parts[0], parts[1:], 2),
    )


jobs = three_ways(dims, rank, batch)
expected = jobs[0]()
scale = expected.abs().max()
assert all(torch.allclose(job() / scale, expected / scale, atol=1e-5) for job in jobs)

# %% [markdown]
# **Predict.** FLOPs say that factorized should take the last fraction of the table above. Will it?

# %% tags=["nondeterministic"]
times = milliseconds(*jobs)
for way, took in zip(flops, times, strict=True):
    print(f"{way:10} {took:.2f} ms, {took / times[0]:.2f} of dense")

# %% [markdown]
# **Measure.** Dark: FLOPs, hatched: time, both relative to dense.

# %% tags=["nondeterministic"] alt="Bars relative to dense: rebuilt is about 1 in FLOPs and more in time, factorized a small bar in FLOPs and a larger one in time"
fig, axes = plt.subplots(figsize=(6.5, 3))
relative = {
    "FLOPs": [n / dense for n in flops.values()],
    "time": [took / times[0] for took in times],
}
layer_bars(axes, list(flops), relative, unit="relative to dense", form="{:.2f}")
plt.show()

# %% [markdown]
# The order is as predicted. But both Tucker ways take somewhat longer than their FLOPs say: thin matrices keep a
# processor less busy than a large square one, and every call costs something by itself.

# %%
assert times[2] < times[0]

# %% [markdown]
# ## Where dense and factorized cross
#
# Now a layer of 1024 to 1024, dims (32, 32, 32, 32), rank $(r, r, r, r)$. **Predict**: at which $r$ has the factorized
# layer as many FLOPs as the dense one? Try it for Kronecker products: $2 (1024\, r^2 + r^4 + 1024\, r^2)$ against
# $2 \cdot 1024^2$.

# %%
cube = (32,) * 4


def flops_ratio(r, by_modes=True):
    """FLOPs of the factorized layer, relative to dense."""
    return factorized_flops(cube, (r,) * 4, by_modes) / dense_flops((1024, 1024))


def crossing(by_modes):
    """The least rank at which dense has fewer FLOPs."""
    return next(r for r in range(1, 40) if flops_ratio(r, by_modes) > 1)


print(f"Kronecker products: from r = {crossing(False)} on dense has fewer FLOPs")
print(f"mode by mode: from r = {crossing(True)} on, and 32 is the whole weight")
assert crossing(False) < 24 < 30 < crossing(True)

# %% [markdown]
# Mode by mode, then, dense has more FLOPs at every rank that compresses at all.
#
# **Measure.** Time relative to dense for ranks from 2 to 30: the lines are predicted from FLOPs alone, the marks are
# measured.

# %% tags=["nondeterministic"] alt="Relative to dense over rank 2 to 30: two rising lines of FLOPs, by Kronecker products and below it mode by mode; the measured times of the factorized layer lie above the lower line and reach 1 near the right end; rebuilt stays above 1"
ranks = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 27, 30)
measured = []
for r in ranks:
    took = milliseconds(*three_ways(cube, (r,) * 4, 256), turns=5)
    measured.append((took[1] / took[0], took[2] / took[0]))
rebuilding, factorized = zip(*measured, strict=True)
fig, axes = plt.subplots(figsize=(7.5, 4))
for by_modes, style, label in (
    (False, ":", "FLOPs, Kronecker"),
    (True, "-", "FLOPs, by modes"),
):
    ratios = [flops_ratio(r, by_modes) for r in ranks]
    axes.plot(ranks, ratios, style, color=DARK, label=label)
axes.plot(ranks, factorized, "o", color=DARK, label="factorized, measured")
axes.plot(ranks, rebuilding, "s", color=ORANGE, label="rebuilt, measured")
axes.axhline(1, color=MIDDLE, ls="--")
axes.text(2, 0.9, "dense", va="top", color=DARK)
axes.set(xlabel="rank r", ylabel="relative to dense", yscale="log")
plain_log_ticks(axes.yaxis)
axes.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# The round marks lie above the solid line, far above it for the smallest ranks, where calling costs more than
# computing, and come nearer as the work grows. So they cross the dashed line a little earlier than predicted. The
# squares never fall below 1: who rebuilds does all that dense does, and more. Where is the crossing, in numbers?

# %% tags=["nondeterministic"]
beyond = np.interp(1, factorized, ranks)
stored = tucker_params(cube, (int(beyond),) * 4)
print(
    f"factorized is faster up to r = {beyond:.1f}, where {stored:,} parameters are stored,"
)
print(f"{stored / 1024**2:.0%} of the dense ones")
assert beyond > 8
assert factorized[ranks.index(8)] < 1

# %% [markdown]
# **So: a layer of this size that is compressed at all is faster factorized.** The large layers of this course keep about one
# parameter in a hundred.
#
# ## The batch decides about rebuilding
#
# Rebuilding is done once for a batch, however large that is. **Predict** the time of *rebuilt* relative to dense,
# $1 + F_\text{rebuild} / (B \cdot F_\text{dense})$, for batches $B$ of 1 and of 1024.

# %%
small = (6,) * 4
rebuild = reconstruct_flops(cube, small) / dense_flops((1024, 1024))
for n in (1, 1024):
    print(f"batch {n:4}: {1 + rebuild / n:.2f} times dense")

# %% [markdown]
# **Measure.** At rank 6, over the batch. Lines are FLOPs, marks are times.

# %% tags=["nondeterministic"] alt="Time relative to dense over the batch: rebuilt falls from several times to 1, factorized stays well below 1 and above the dashed line of its FLOPs"
batches = (1, 4, 16, 64, 256, 1024)
took = [milliseconds(*three_ways(cube, small, n), turns=5) for n in batches]
fig, axes = plt.subplots(figsize=(7, 3.8))
axes.plot(batches, [1 + rebuild / n for n in batches], "--", color=ORANGE)
axes.plot(batches, [r / d for d, r, _ in took], "s", color=ORANGE, label="rebuilt")
axes.axhline(flops_ratio(6), color=DARK, ls="--")
axes.plot(batches, [f / d for d, _, f in took], "o", color=DARK, label="factorized")
axes.set(xlabel="batch", ylabel="time / dense time", xscale="log", yscale="log")
axes.set_xticks(batches, batches)
plain_log_ticks(axes.yaxis)
axes.minorticks_off()
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# *Rebuilt* comes to its line as the batch grows. *Factorized* stays above its own: its products are so thin that
# arithmetic is not what they wait for. And for small batches dense is slow, too. At what speed does it compute, and how
# fast does it fetch its weight?

# %% tags=["nondeterministic"]
for n, (d, _, _) in zip(batches, took, strict=True):
    gflops = n * dense_flops((1024, 1024)) / d / 1e6
    fetched = 4 * 1024**2 / d / 1e6
    print(f"batch {n:4}: {gflops:5.1f} GFLOP/s, weight at {fetched:4.1f} GB/s")

# %% [markdown]
# A single input uses each weight once: the processor waits for memory, not for arithmetic. With 256 inputs each
# weight that was fetched is used 256 times. A Tucker layer has hardly any weights to fetch. FLOPs alone predict well
# only where arithmetic is the bottleneck.
#
# And in use nobody rebuilds for each batch: a network is rebuilt once, when it is loaded, and is then exactly as fast
# as the dense one. What does that cost for LeNet-5? **Predict** in digits read: rebuilding the whole network takes as
# many FLOPs as reading how many digits?

# %%
network = load(model_path("lenet5_small.ada"))
positions = {"conv1.weight": 24 * 24, "conv2.weight": 8 * 8}
weighty = [p for p in network.parameters if p.name.endswith("weight")]
reading = [dense_flops(p.reshape.shape, positions.get(p.name, 1)) for p in weighty]
building = [reconstruct_flops(p.reshape.dims, p.core.shape) for p in weighty]
ratio = sum(building) / sum(reading)
print(f"rebuilding costs as much as reading {ratio:.1f} digits")
assert 1 < ratio < 3

# %% [markdown]
# Layer by layer: the convolutions are cheap to rebuild and dear to use, the dense layers the other way round.

# %% alt="Bars of million FLOPs for each layer: conv2 is dear to use and cheap to rebuild, fc1 the other way round"
fig, axes = plt.subplots(figsize=(7.5, 3.2))
layers = [p.name.removesuffix(".weight") for p in weighty]
work = {
    "rebuild once": [n / 1e6 for n in building],
    "read one digit": [n / 1e6 for n in reading],
}
layer_bars(axes, layers, work, unit="million FLOPs", form="{:.2f}")
plt.show()

# %% [markdown]
# **Measure**, with numpy alone: decode the file, rebuild the network, read 100 digits.

# %% tags=["nondeterministic"]
weights = network.to_dense()
images, _ = bundled_digits()
decode_ms, rebuild_ms, read_ms = milliseconds(
    lambda: load(model_path("lenet5_small.ada")),
    network.to_dense,
    lambda: logits("lenet5", weights, images[:100]),
    turns=5,
)
print(f"decode {decode_ms:.1f} ms, rebuild {rebuild_ms:.1f} ms")
print(f"read one digit {read_ms / 100:.2f} ms")

# %% [markdown]
# A few milliseconds, once. **In use, a Tucker network costs nothing that can be felt**; what it costs is training,
# where weights change with every step. To that we come at the end.
#
# ## What numba buys
#
# The product $C \times_1 M_1 \times_2 M_2 \times_3 M_3$, written down as the definition says: six loops, three over
# the entries of the result, three over the core.


# %%
def six_loops(core, a, b, c, out):
    """Tucker product of order 3 by definition."""
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            for k in range(c.shape[0]):
                total = 0.0
                for p in range(a.shape[1]):
                    for q in range(b.shape[1]):
                        for r in range(c.shape[1]):
                            total += core[p, q, r] * a[i, p] * b[j, q] * c[k, r]
                out[i, j, k] = total
    return out


example = random_tucker((16, 16, 16), (4, 4, 4), np.random.default_rng(0))
core, (a, b, c) = example
out = np.empty((16, 16, 16))

# %% [markdown]
# The same loops, compiled; and the product as a chain: one mode after the other, three small matrix products
# (`np.tensordot`). **Predict** the order of the four, and the factors between them: loops in Python, loops compiled
# by numba, chain in numpy, the library's `tucker_to_tensor`.

# %%
compiled_loops = numba.njit(six_loops)


def chain():
    """Tucker product one mode at a time, in numpy."""
    grown = core
    for factor in (a, b, c):
        grown = np.tensordot(grown, factor, axes=(0, 1))
    return grown


assert np.allclose(compiled_loops(core, a, b, c, out), chain())
assert np.allclose(six_loops(core, a, b, c, np.empty_like(out)), chain())
assert np.allclose(tucker_to_tensor(example), chain())

# %% [markdown]
# **Measure.** Mind the logarithmic axis: every grid line is a factor of ten.

# %% tags=["nondeterministic"] alt="Four bars of microseconds on a log axis, each lower: loops in Python 100,000, loops in numba 100, chain in numpy 20, tucker_core below 10"
four = {
    "loops,\nPython": milliseconds(lambda: six_loops(core, a, b, c, out), turns=2)[0],
    "loops,\nnumba": milliseconds(lambda: compiled_loops(core, a, b, c, out))[0],
    "chain,\nnumpy": milliseconds(chain)[0],
    "tucker_core": milliseconds(lambda: tucker_to_tensor(example))[0],
}
fig, axes = plt.subplots(figsize=(7, 3.4))
values = {"": [1e3 * took for took in four.values()]}
layer_bars(
    axes, list(four), values, unit="microseconds (log scale)", log=True, form="{:,.0f}"
)
plain_log_ticks(axes.yaxis)
axes.grid(axis="y", color=LIGHT)
axes.set_axisbelow(True)
plt.show()

# %% [markdown]
# Compiling makes the loops faster by the factor printed below, and yet they lose against numpy: *a better order of work*
# saves more. The six loops need $4 \cdot 16^3 \cdot 4^3$ FLOPs (three multiplications and an addition for each pass), the
# chain far fewer:

# %% tags=["nondeterministic"]
by_loops = 4 * 16**3 * 4**3  # three multiplications and one addition
by_chain = reconstruct_flops((16,) * 3, (4,) * 3)
print(f"loops {by_loops:,} FLOPs, chain {by_chain:,}")
print(f"{by_loops / by_chain:.0f} times fewer")
python, loops, numpy_chain, library = four.values()
print(f"compiled loops are {python / loops:,.0f} times faster than loops in Python")
assert python > 20 * loops
assert loops > numpy_chain

# %% [markdown]
# So what does the library use numba for? For the *same chain* as numpy, without the time between the calls and with
# vector instructions for thin matrices. It can be switched off: with `NUMBA_DISABLE_JIT=1` a version in plain numpy does
# the work. That must be decided before the library is loaded, so we start two other Pythons.

# %%
SCRIPT = """
import json
from time import process_time
from timeit import Timer
import numpy as np
from tucker_core import random_tucker, tucker_to_tensor

cases = [
    ((8,) * 3, (3,) * 3),
    ((16,) * 4, (4,) * 4),
    ((50, 20, 5, 5), (8, 8, 3, 3)),
    ((20, 25, 50, 16), (6, 6, 7, 5)),
    ((100,) * 3, (20,) * 3),
]
found = []
for shape, rank in cases:
    example = random_tucker(shape, rank, np.random.default_rng(0))
    tucker_to_tensor(example)
    found.append(process_time())
    timer = Timer(lambda: tucker_to_tensor(example), timer=process_time)
    found.append(1e6 * min(timer.repeat(9, 50)) / 50)
print(json.dumps([found[0], found[1::2]]))
"""


def in_another_python(**settings):
    """Seconds until the first product is there, and microseconds of five products."""
    quiet = dict(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | quiet | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


# %% [markdown]
# **Predict**: will numba gain more on the smallest of these tensors, or on the largest?

# %% tags=["nondeterministic"] alt="Pairs of bars on a log axis for five tensors: with the JIT each takes about half the time"
first_on, with_numba = in_another_python(NUMBA_DISABLE_JIT="0")
first_off, without = in_another_python(NUMBA_DISABLE_JIT="1")
fig, axes = plt.subplots(figsize=(8, 3.4))
names = ["$8^3$\nrank 3", "$16^4$\nrank 4", "conv2", "fc1", "$100^3$\nrank 20"]
both = {"JIT off (numpy)": without, "JIT on (numba)": with_numba}
layer_bars(axes, names, both, unit="microseconds (log scale)", log=True, form="{:,.0f}")
axes.legend(frameon=False, loc="upper left")
plain_log_ticks(axes.yaxis)
plt.show()
gains = [off / on for off, on in zip(without, with_numba, strict=True)]
print("gain:", *(f"{gain:.1f}" for gain in gains))

# %% [markdown]
# **Measure.** Read the gains off the last line: the thicker the matrices (rank 20), the more BLAS is at home. And it
# has a price: loading compiled code takes time. Below, processor time until the first product is there. (The very
# first time on a machine it takes longer still; then what was compiled is kept on disk.)

# %% tags=["nondeterministic"]
print(f"first product after {first_on:.1f} s with numba, {first_off:.1f} s without")
assert max(gains) > 1

# %% [markdown]
# ## Peers beside us
#
# `make bench` times this library beside TensorLy, pyttb, `numpy.einsum` and `torch.einsum`, all on one thread and
# taking turns. The results are read from `results/bench_core.json`, nothing is typed here. Before a line of the
# library was written, each operation was given a *floor*, how much faster than the best peer it must be, from
# prototypes.
#
# **Predict.** In how many of the cases is some peer faster?

# %%
bench = results("bench_core.json")[0]
rows = bench["rows"]
slower = [row for row in rows if row["ratio"] < 1]
below = [row for row in rows if row["ratio"] < row["floor"]]
middle = median(row["ratio"] for row in rows)
print(f"{len(rows)} cases, measured {bench['date']} on {bench['machine']['cpu']}")
print(f"a peer is faster in {len(slower)}, the median ratio is {middle:.1f}")
print(f"below their floor: {len(below)}")
assert len(slower) < 0.2 * len(rows)

# %% [markdown]
# **Measure.** A mark for each case. Right of the line at 1 we are faster; hollow marks are below their floor, which
# is a miss even where we are faster.

# %% alt="Marks for eight operations over the ratio of times on a log axis: n-mode products lie around 1, nearly all others to the right of it, the search for core shapes farthest"
fig, axes = plt.subplots(figsize=(8, 4))
peer_ratios(axes, rows)
plt.show()

# %% [markdown]
# The honest list, where a peer is faster, with its name:

# %%
for row in sorted(slower, key=lambda row: row["ratio"]):
    name = f"{row['operation']}, {row['case']}, {row['dtype']}"
    print(f"{row['ratio']:.2f}  {name:52} {row['best_peer']}")

# %% [markdown]
# Count the single n-mode products among them: each is one matrix product, in which a peer's BLAS is hard to beat. What
# is a chain of products or a search is where a library can be better than its parts.

# %%
single = sum(family(row) == "mode_dot" for row in slower)
print(f"{single} of {len(slower)} are single n-mode products")
chains = [row["ratio"] for row in rows if family(row) == "product and gradient"]
assert median(chains) > 2

# %% [markdown]
# ## A training step
#
# In training the weight changes with each step, so it must be rebuilt or avoided each time, and gradients must go
# back through it. Forward and backward together, for the layer from the top of this notebook, from
# `results/bench_layer.json`. **Predict**: dense is 1; where are the others?

# %% alt="Four bars of time relative to dense: dense 1, rebuilt in plain torch highest, rebuilt by this library a little above 1, factorized lowest"
layer = results("bench_layer.json")[0]
named = {row["layer"]: row["relative"] for row in layer["rows"]}
fig, axes = plt.subplots(figsize=(8, 3))
ways = [
    "dense\n(nn.Linear)",
    "rebuilt,\nplain torch",
    "rebuilt,\nours",
    "factorized,\nours",
]
shown = [
    "nn.Linear",
    "plain torch chain",
    "ours, weight rebuilt",
    "ours, factorised",
]
bars = {"": [named[way] for way in shown]}
layer_bars(axes, ways, bars, unit="time / dense", form="{:.2f}")
plt.show()

# %% [markdown]
# Each has a limit that it must keep: time relative to dense, at most so much.

# %%
for row in layer["rows"]:
    if "floor" in row:
        target = f"at most {row['floor']}: {row['verdict']}"
        print(f"{row['layer']:21} {row['relative']:.2f}, {target}")
assert named["ours, factorised"] < 0.7
assert 1 < named["ours, weight rebuilt"] < named["plain torch chain"]

# %% [markdown]
# **Measure.** In a training step rebuilding costs more than dense, and less in one call than as a chain in torch; the
# factorized way is much faster than all. It needs a reshape that keeps inputs and outputs apart (03), which the planner
# sees to.
#
# ### Whole networks
#
# `fit` therefore decides for every layer, once and before the first step, which way needs less work: FLOPs, bytes and
# calls, each times a stated rate. It is no stopwatch that decides, because the two ways add up in different orders: a
# choice that changed from run to run would change the last digits, and with them the file. What does a step of a whole
# network come to, from `results/bench_step.json`? **Predict**: LeNet-5 has convolutions, pooling and an optimizer
# beside its large layers. Will its step be as much faster as its largest layer?

# %%
steps = results("bench_step.json")[0]["rows"]
for row in steps:
    if row["step"] != "dense":
        what = f"{row['net']}, {row['precision']}, {row['threads']} threads"
        print(f"{what:42} {row['step']:22} {row['relative']:.2f} of dense")

# %% [markdown]
# **Measure.** Less than the layer alone, as always when only a part of the work gets faster (Amdahl's law): pooling and
# the first convolution, which has a single input channel, take as long as ever. A small layer is better
# reconstructed: a 10 x 100 weight is made in no time, and its factors would only be more calls. And a convolution whose
# kernel keeps few patterns (rank 64 x 64 x 2 of 64 x 64 x 9) is one 1 x 1 and one depthwise convolution for each.
#
# ## So, is it faster?
#
# - **To store and to send**: yes, by the ratio of bytes. That is what the format is for.
# - **In use**: the network is rebuilt once and is then as fast as a dense one, no more and no less; or it is run
#   factorized, and each large dense layer that is compressed well is faster.
# - **In training**: factorized faster, rebuilt slower than dense; `fit` takes for each layer what needs less work.

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** A layer has a thirtieth of the FLOPs. Is it thirty times as fast?
#
# <details><summary>yes</summary>
#
# No. Thin products keep a processor less busy, and each call costs something.
#
# </details>
#
# <details><summary>faster, but by less</summary>
#
# Yes. See the bars.
#
# </details>
#
# <details><summary>slower</summary>
#
# No. At this size it is faster.
#
# </details>
#
# **2.** In use, how much slower is a network that was rebuilt once from its file?
#
# <details><summary>as much as rebuilding costs, for each digit</summary>
#
# No. It is rebuilt once, not for each digit.
#
# </details>
#
# <details><summary>not at all</summary>
#
# Yes. It is then an ordinary dense network.
#
# </details>
#
# <details><summary>by the ratio of bytes</summary>
#
# No. Bytes of the file have no part in it.
#
# </details>
#
# **3.** Why do all candidates take turns?
#
# <details><summary>it is faster</summary>
#
# No. It takes as long.
#
# </details>
#
# <details><summary>a disturbance then hits all alike</summary>
#
# Yes.
#
# </details>
#
# <details><summary>so that caches stay empty</summary>
#
# No. They are warmed up on purpose.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - FLOPs can be predicted, and time follows them, as long as arithmetic is the bottleneck and the work is not tiny.
# - The rank at which the factorized layer crosses the dense one can be estimated beforehand.
# - A better order of work first, compiling second.
#
# **What can go wrong.** Timing the first call. Timing two things one after the other on a busy machine, not in turns.
# Comparing one thread with eight. Quoting FLOPs as if they were seconds. Leaving out the cases in which one loses.
#
# **Exercises.**
# 1. Predict the crossing rank for LeNet-5's layer (dims (20, 25, 50, 16), ranks $(r, r, r, \min(r, 16))$), then
#    measure it.
# 2. Two modes only: dims (1024, 1024), rank $(r, r)$. Where does that cross? How many numbers does it store there,
#    compared with order 4?
# 3. Write `flops_of_step(dims, rank, batch)` for forward and backward of the rebuilt layer, with `gradient_flops`,
#    and predict the third bar of the last picture.
#
# **Next** 09: what the abstract claims, and what of it holds here.

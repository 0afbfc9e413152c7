# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] nbgrader={"grade_id": "intro"}
# # Assignment 4 · A LeNet-300 under a byte budget
#
# **You will learn** to take a network the whole way: plan, train in Tucker form, round, write a file, and judge it by what is
# decoded from that file.
#
# **Needs** notebooks 04, 05 and 07, PyTorch; the 5,000 digits of MNIST-5k come with the course. **Time** about 3 hours, of which
# training takes about a minute a run. **Points** 20, and a place on the leaderboard.
#
# A dense LeNet-300 has 266,610 parameters, 1,066,440 bytes. Yours has to fit into some 1,600. The whole file counts: cores,
# matrices, biases, scales, header and checksum.
#
# **Rules of the game.** The file is made by this notebook, from the training images; it must run within five minutes. The
# 1,000 test images are for judging: train on them and the number on the leaderboard means nothing.

# %% nbgrader={"grade_id": "setup"}
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from course_kit import checks
from course_kit.checks.variants import this_student
from course_kit.notebook.numpy_net import logits
from course_kit.plots import digit, layer_bars
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
from torch_bridge.benchmarks.experiment import fix_inner_biases
from torch_bridge.datasets import load_mnist5k
from torch_bridge.training.augment import Distortion, augmented_copies
from tucker_core import ARCHITECTURES, load, plan_network, save

me = this_student()
budget = checks.byte_budget(me)
PATH = Path("lenet300.ada")
PATH.unlink(missing_ok=True)
SMOKE = os.environ.get("ADA_BUDGET") == "smoke"  # only to see whether everything runs
print(me, "has a budget of", budget, "bytes")

# %% [markdown] nbgrader={"grade_id": "text-data"}
# The digits: 3,600 to train on, shown in eight slightly distorted copies; 400 to make decisions with; 1,000 for the end.

# %% nbgrader={"grade_id": "data"}
data = load_mnist5k()
images, labels = torch.tensor(data.train_images), torch.tensor(data.train_labels)
validation = torch.tensor(data.val_images), torch.tensor(data.val_labels)
seed = me.number("a4 seed", 0, 2**31 - 1)
pool = augmented_copies(images, 1 if SMOKE else 8, Distortion(), seed)
shapes = {k: v for k, v in ARCHITECTURES["lenet300"].items() if k.endswith("weight")}
print(shapes)

# %% [markdown] nbgrader={"grade_id": "text-plan"}
# ## 1 · Plan (4 points)
#
# If every number took `bits` bits, which plan for all three weights would use `n_bytes`, or at least nine tenths of them, and
# never more? `plan_network` of notebook 04 does the search; look up its arguments.


# %% nbgrader={"grade_id": "plan", "solution": true}
def my_plan(n_bytes, bits):
    """A NetworkPlan for `shapes` that stores at most n_bytes at so many bits a number."""
    ### BEGIN SOLUTION
    return plan_network(shapes, budget=n_bytes, unit="bytes", bits=bits)
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-plan", "points": 4}
checks.compression_plan(my_plan, me)
### BEGIN HIDDEN TESTS
checks.compression_plan(my_plan, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-look"}
# Where your numbers go, if each takes 4 bits:

# %% nbgrader={"grade_id": "look"}
plan = my_plan(budget, 4.0)
print(plan.table())
fig, axes = plt.subplots(figsize=(6, 3))
counts = {
    "dense": [int(np.prod(shape)) for shape in shapes.values()],
    "Tucker": [plan[name].n_params for name in shapes],
}
layer_bars(axes, list(shapes), counts, unit="numbers", log=True)
plt.show()

# %% [markdown] nbgrader={"grade_id": "text-compress"}
# ## 2 · Compress (5 points)
#
# Train a LeNet-300 in Tucker form and write it to `PATH`, in at most `n_bytes`. The steps, all of them known from the
# notebooks:
#
# 1. `build_model("lenet300", seed=seed)`, then `compress_model` with your plan; from scratch or from a dense net's HOSVD.
# 2. `fix_inner_biases(model)`: inner biases stay zero, and the file need not hold them.
# 3. `train(model, epochs, lr)`, below.
# 4. `attach_quantizers(model, levels)` rounds from now on; train again, with a price `rate` on bits. About 1.4 levels and a rate
#    of a few thousandths are a start: a higher rate makes a smaller file.
# 5. `to_network(model, "lenet300")`, and `save(PATH, ...)`.


# %% nbgrader={"grade_id": "train"}
def train(model, epochs, lr, rate=0.0):
    """Train in place; the weights of least validation error of the last epochs stay."""
    config = TrainConfig(
        epochs=2 if SMOKE else epochs,
        lr=lr,
        rate=rate,
        batch_size=128,
        precision="float32",
        seed=seed,
    )
    result = fit(model, pool, labels, validation, config, progress=False)
    print(
        f"{epochs} epochs: {result.seconds:.0f} s, validation {result.val_error:.1f} %"
    )


# %% nbgrader={"grade_id": "compress", "solution": true}
def my_compress(path, n_bytes):
    """Train a LeNet-300 in Tucker form and write it to path, in at most n_bytes."""
    ### BEGIN SOLUTION
    model = build_model("lenet300", seed=seed)
    generator = torch.Generator().manual_seed(seed)
    compress_model(model, my_plan(n_bytes, 4.0), init="scratch", generator=generator)
    fix_inner_biases(model)
    train(model, epochs=40, lr=3e-2)
    attach_quantizers(model, levels=1.4)
    train(model, epochs=40, lr=2e-2, rate=8e-3)
    save(path, to_network(model, "lenet300"))
    ### END SOLUTION


# %% [markdown] nbgrader={"grade_id": "text-run"}
# The next cell takes about a minute.

# %% nbgrader={"grade_id": "run"}
my_compress(PATH, budget)
print(f"{PATH} has {PATH.stat().st_size:,} of {budget:,} bytes")

# %% nbgrader={"grade_id": "test-file", "points": 5} ada_tucker={"files": ["lenet300.ada"]}
checks.file_fits(PATH, me)
print(checks.leaderboard_line(PATH, me))

# %% [markdown] nbgrader={"grade_id": "text-error"}
# ## 3 · Judge the file, not the model (3 points)
#
# The error in percent of the network *decoded from the file*, on any digits: `load` the file, put it into a dense model
# (`load_network`) or run it with `course_kit.notebook.numpy_net.logits`, and count.


# %% nbgrader={"grade_id": "error", "solution": true}
def my_error(path, images, labels):
    """Error in percent on byte images (n, 28, 28) with labels (n,), both numpy arrays."""
    ### BEGIN SOLUTION
    model = load_network(build_model("lenet300"), load(path))
    return evaluate(model, torch.tensor(images), torch.tensor(labels))
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-error", "points": 3} ada_tucker={"files": ["lenet300.ada"]}
checks.file_error(my_error, PATH, me)

# %% [markdown] nbgrader={"grade_id": "text-marks"}
# ## 4 · How good is it? (8 points)
#
# Three marks, for at most 12 %, 9 % and 7.5 % of the 1,000 test digits misread, within the budget.

# %% nbgrader={"grade_id": "test-twelve", "points": 3} ada_tucker={"files": ["lenet300.ada"]}
checks.error_at_most(PATH, me, 12)

# %% nbgrader={"grade_id": "test-nine", "points": 3} ada_tucker={"files": ["lenet300.ada"]}
checks.error_at_most(PATH, me, 9)

# %% nbgrader={"grade_id": "test-seven", "points": 2} ada_tucker={"files": ["lenet300.ada"]}
checks.error_at_most(PATH, me, 7.5)

# %% [markdown] nbgrader={"grade_id": "text-misread"}
# The first digits that your file misreads: the label, and what it took them for. Would you have known?

# %% nbgrader={"grade_id": "misread"}
found = logits("lenet300", load(PATH).to_dense(), data.test_images).argmax(1)
wrong = np.flatnonzero(found != data.test_labels)
fig, grid = plt.subplots(1, 8, figsize=(9, 1.6))
for axes, k in zip(grid, wrong, strict=False):
    digit(axes, data.test_images[k], int(data.test_labels[k]), int(found[k]))
plt.show()

# %% [markdown] nbgrader={"grade_id": "end"}
# ## What you have now
#
# A network that fits on a sheet of paper, made by a plan that you can defend and judged by the bytes that you would send. Try
# the paper's idea of one core for all layers (notebook 06), or spend your bytes on fewer, finer numbers: the leaderboard shows
# both error and bytes.

# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 · Your own model
#
# **You will learn**
# - to compress a PyTorch model that nobody here prepared: a small transformer and a small ResNet;
# - to let ranks follow evidence: which layer bears how much, measured on a calibration set;
# - to save it in a small file, run it from its factors, and hand it to programs that know nothing of Tucker.
#
# **Needs** notebooks 03 and 04, PyTorch. **Time** 25 minutes to read, half a minute to run.

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>What does <code>compress_model(model, budget)</code> change?</summary>
#
# Each large weight becomes a core and matrices; the module stays. See [notebook 04](04_compress_a_trained_lenet.ipynb).
#
# </details>
#
# <details><summary>What is a sensitivity scan?</summary>
#
# Compress one layer at a time and measure the network. See [notebook 04](04_compress_a_trained_lenet.ipynb).
#
# </details>
#
# <details><summary>What is an <code>nn.Module</code>?</summary>
#
# PyTorch's building block: it holds parameters and says in `forward` what happens. If not: [PyTorch's first steps](https://pytorch.org/tutorials/beginner/basics/intro.html).
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# The tools: `compress_model` and its helpers from `torch_bridge`, `save` and `load` from the core.

# %%
import copy
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from course_kit.plots import DARK, layer_bars
from torch import nn
from torch_bridge import (
    TrainConfig,
    compress_model,
    evaluate,
    fit,
    load_network,
    materialize,
    scan_sensitivity,
    survey,
    to_network,
    use_implementation,
)
from torch_bridge.compression.export import export_model
from torch_bridge.datasets import load_mnist5k
from torch_bridge.training.evaluate import to_input
from tucker_core import load, save

# %% [markdown]
# ## Two strangers
#
# A transformer that reads a digit as 28 words, its rows of pixels. Nothing in it is ours.


# %%
class RowReader(nn.Module):
    """A transformer over the 28 rows of an image."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(28, 64)
        self.places = nn.Parameter(0.1 * torch.randn(28, 64))
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, images):
        words = self.embed(images.squeeze(1)) + self.places
        return self.head(self.encoder(words).mean(1))


# %% [markdown]
# And a ResNet of two blocks, with batch norms and a shortcut.


# %%
class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        inner = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


def small_resnet():
    """Two blocks between a stem and a linear layer."""
    stem = nn.Conv2d(1, 16, 3, 2, 1)
    rest = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    return nn.Sequential(stem, Block(16, 32, 2), Block(32, 64, 2), *rest)


# %% [markdown]
# Both shall learn the 5,000 bundled digits. A decision spoils the set that it was made on for any later measurement. So we
# keep three sets apart, and a fourth to train on:
#
# - the **calibration set**, 400 images, says how many parameters each layer gets;
# - the **validation set** chooses the epoch;
# - the **test set** decides nothing. All errors that are compared below are of the test set.

# %%
data = load_mnist5k()
every_image = torch.from_numpy(data.train_images)
every_label = torch.from_numpy(data.train_labels)
images, labels = every_image[:-400], every_label[:-400]
calibration = every_image[-400:], every_label[-400:]
validation = torch.from_numpy(data.val_images), torch.from_numpy(data.val_labels)
test = torch.from_numpy(data.test_images), torch.from_numpy(data.test_labels)


def train(model, lr, epochs):
    """Train in place, validation chooses the epoch; gives the test error in percent."""
    config = TrainConfig(epochs=epochs, lr=lr, batch_size=128, precision="float32")
    fit(model, [images], labels, validation, config, progress=False)
    return evaluate(model, *test)


# %% [markdown]
# A few seconds each; that makes no champions, but networks with something to lose.

# %% tags=["nondeterministic"]
torch.manual_seed(0)
reader, resnet = RowReader(), small_resnet()
errors = {
    "transformer": train(reader, 3e-3, 6),
    "ResNet": train(resnet, 1e-2, 3),
}
print({name: f"{error:.1f} %" for name, error in errors.items()})
assert max(errors.values()) < 30

# %% [markdown]
# ## Look first
#
# `compress_model(..., dry_run=True)` plans and touches nothing. The ceiling may be in `numbers` (of cores and factors),
# `parameters`, `bytes` or a `ratio`. **Predict**: which weights of the transformer will not be compressed?

# %%
report = compress_model(reader, 4, unit="ratio", dry_run=True)
print(report)

# %% [markdown]
# **Measure.** The positional embedding is a bare parameter in a class that the library does not know, and is left alone with
# that reason. It could be taken in by name, `include=["places", ...]`; small embeddings are better left as they are.
#
# Patterns choose by name or by type. A pattern that fits nothing is an error, so that a misspelt name is noticed.

# %%
chosen = survey(
    reader, include=[nn.TransformerEncoder, "encoder.*"], exclude=["*norm*"]
)
print([weight.name for weight in chosen.weights])
assert len(chosen.weights) == 8

# %% [markdown]
# ## Which layer bears how much?
#
# `scan_sensitivity` puts one weight at a time in Tucker form, at a few fractions of its parameters, and measures the model
# with whatever you give it: here the cross-entropy on the calibration set. The model is as before when it ends.


# %% tags=["nondeterministic"]
def loss(model):
    """Cross-entropy on the calibration set."""
    with torch.no_grad():
        return F.cross_entropy(model(to_input(calibration[0])), calibration[1]).item()


fractions = (0.5, 0.25, 0.12, 0.06)
reader.eval()
scan = scan_sensitivity(reader, loss, fractions=fractions, what="loss", progress=False)

# %% [markdown]
# **Measure.** Every bar is one weight: how much the loss of the whole model rises when this weight alone is left with about
# an eighth of its numbers.

# %% tags=["nondeterministic"] alt="A bar for each of the ten weights of the transformer: the rise of the loss at an eighth of its numbers differs many times from weight to weight"
fig, axes = plt.subplots(figsize=(7.5, 3.6))
names = [name.removesuffix("weight").rstrip("._") for name in scan.options]
rises = [options[fractions.index(0.12)].loss for options in scan.options.values()]
axes.barh(names, rises, color=DARK)
axes.invert_yaxis()
axes.set(xlabel="rise of the loss at 12 % of the numbers")
plt.show()

# %% [markdown]
# They differ widely: equal shares for all would be a waste. A plan "by evidence" takes one measured point of every weight,
# so that the rises add up to the least under the ceiling. **Predict**: how much better than the balanced plan at the same
# ceiling, before any fine-tuning?


# %% tags=["nondeterministic"]
def compressed(model, ratio, **options):
    """A compressed copy."""
    small = copy.deepcopy(model)
    compress_model(small, ratio, unit="ratio", **options)
    return small


balanced = compressed(reader, 4)
by_evidence = compressed(reader, 4, criterion=scan)
before = {"dense": loss(reader), "balanced": loss(balanced)}
before["by evidence"] = loss(by_evidence)
print({name: f"{value:.2f}" for name, value in before.items()})

# %% [markdown]
# **Pitfall.** An optimiser made *before* `compress_model` holds the old parameters. Make it afterwards, as `fit` does.
# A few epochs of fine-tuning mend a good part of the damage. To be fair, the dense model gets the same epochs as well: else
# the compressed ones would be held against a network that trained less.

# %% tags=["nondeterministic"]
dense = copy.deepcopy(reader)
after = {
    "dense": train(dense, 2e-3, 4),
    "balanced": train(balanced, 2e-3, 4),
    "by evidence": train(by_evidence, 2e-3, 4),
}
print({name: f"{error:.1f} %" for name, error in after.items()})
assert min(after.values()) < after["dense"] + 12, "fine-tuning repairs the damage"

# %% [markdown]
# **Measure.** Loss on the calibration set before fine-tuning and after, at a quarter of the parameters. (It belongs to the
# set that the plan was made on; the errors above do not.)

# %% tags=["nondeterministic"] alt="Bars of the loss: right after compression the balanced plan loses more than the plan by evidence, fine-tuning brings both down towards the dense level"
fig, axes = plt.subplots(figsize=(6.5, 3))
tuned = [loss(dense), loss(balanced), loss(by_evidence)]
bars = {"at once": list(before.values()), "fine-tuned": tuned}
layer_bars(axes, list(before), bars, unit="loss", form="{:.2f}")
plt.show()

# %% [markdown]
# ## Into a file and back
#
# For a model that the library does not know, the file gives the weights and *you* give the module. Batch statistics are
# stored, too. Now it is the ResNet's turn, at a fifth of its numbers. **Predict** the bytes of its file, if every number
# takes about five bits.

# %% tags=["nondeterministic"]
resnet.eval()
small = compressed(resnet, 5)
train(small, 3e-3, 4)
folder = Path(tempfile.mkdtemp())
network = save(folder / "resnet.ada", to_network(small, "small-resnet", levels=8.0))
dense_bytes = 4 * sum(p.numel() for p in resnet.parameters())
print(f"{dense_bytes:,} bytes of dense weights -> {network.n_bytes:,} in the file")
assert network.n_bytes < dense_bytes / 12

# %% [markdown]
# **Measure.** What counts is the error of the network *decoded from the file*.

# %% tags=["nondeterministic"]
decoded = load_network(small_resnet(), load(folder / "resnet.ada"))
error = evaluate(decoded, *test)
longer = train(copy.deepcopy(resnet), 3e-3, 4)  # dense, with the same further epochs
print(f"dense {longer:.1f} %, decoded from the file {error:.1f} %")
assert error < longer + 15, "the file holds a network that reads"

# %% [markdown]
# ## Running from the factors
#
# A Tucker layer rebuilds its weight at every call. Where outputs and inputs lie in modes of their own it can contract the
# input with the factors instead: the same values, fewer operations. `use_implementation(model, "auto")` lets every layer choose by
# rates measured on your machine.

# %% tags=["nondeterministic"]
rebuilt = small.eval()(to_input(validation[0]))
print(use_implementation(small, "factorized"))
difference = (small(to_input(validation[0])) - rebuilt).abs().max().item()
print(f"largest difference {difference:.1e}")
assert difference < 1e-3

# %% [markdown]
# ## Out into the world
#
# `materialize` gives an ordinary dense model again: same classes, same names of parameters. `export_model` writes it for
# other programs: `.npz` here; `.safetensors`, `.onnx` and `.pt2` with `pip install ada-tucker[export]`.

# %% tags=["nondeterministic"]
plain = materialize(copy.deepcopy(small))
assert list(dict(plain.named_modules())) == list(dict(resnet.named_modules()))
export_model(small, folder / "resnet.npz")
print(
    f"{(folder / 'resnet.npz').stat().st_size:,} bytes: dense weights are large again"
)

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** You plan ranks on the test set and report its error. What is wrong?
#
# <details><summary>nothing, nothing was trained on it</summary>
#
# No. The plan was fitted to it.
#
# </details>
#
# <details><summary>the error is too good to be believed</summary>
#
# Yes.
#
# </details>
#
# <details><summary>it is too slow</summary>
#
# No. Speed is not the matter.
#
# </details>
#
# **2.** The optimiser was made before `compress_model`. What happens?
#
# <details><summary>an error</summary>
#
# No. Nothing notices.
#
# </details>
#
# <details><summary>it updates parameters that the model no longer uses</summary>
#
# Yes. So make it afterwards.
#
# </details>
#
# <details><summary>it works</summary>
#
# No. The core and matrices are new parameters.
#
# </details>
#
# **3.** Is `resnet.npz` from `export_model` small?
#
# <details><summary>yes, as the <code>.ada</code> file</summary>
#
# No. It holds dense weights.
#
# </details>
#
# <details><summary>no, it is dense again</summary>
#
# Yes.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - Look first (`dry_run`), and read what was skipped and why.
# - Ranks by evidence spend the ceiling where the loss feels it. Fine-tuning narrows the gap to equal shares.
# - One set to plan on, one to stop on, one to report: and a dense baseline with the same epochs.
# - What can go wrong: a budget that nothing fits is refused, and names the least that would; the model is then as before.
# - Make the optimiser after `compress_model`; wrap in `DistributedDataParallel` after it, too.
# - Small is the `.ada` file. Exported weights are dense.
#
# **Your turn.**
# 1. Leave the head of the transformer dense (`exclude=["head"]`). Does the error after fine-tuning fall, at the same ratio?
# 2. `scan_rate` measures coded bytes instead of a loss and needs no data. How do its ranks differ?
# 3. Bring a model of your own. Which of its weights are skipped, and why?

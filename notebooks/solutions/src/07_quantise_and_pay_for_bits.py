# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · Quantise, and pay for bits: solutions
#
# Each exercise with one way to solve it; others may be as good.

# %% tags=["setup"]

# %%
import numpy as np
from course_kit.notebook.paths import model_path
from tucker_core import hosvd, load, quantize, rms_step

network = load(model_path("lenet5_small.ada"))
fc1 = next(p for p in network.parameters if p.name == "fc1.weight")
tensor = fc1.reshape.apply(fc1.to_dense().astype(np.float64))
core, _ = hosvd(tensor, fc1.core.shape)


def entropy(symbols):
    """Bits per integer that no code can go below which knows only the fractions."""
    _, counts = np.unique(symbols, return_counts=True)
    fractions = counts / symbols.size
    return float(np.sum(fractions * np.log2(1 / fractions)))


def relative_error(symbols, step):
    """Of the core, if these integers stand for it."""
    return np.linalg.norm(core - symbols * step) / np.linalg.norm(core)


# %% [markdown]
# ## 1. The line in the second picture
#
# An error that is uniform between $-s/2$ and $s/2$ has the variance $s^2 / 12$. With $n$ levels $s$ is the root mean square over $n$, so the
# relative error is $1 / (n \sqrt{12})$: a falling line on a log axis, one bit for each halving.

# %%
for levels in (1, 2, 4, 8, 16):
    step = rms_step(core, levels)
    found = relative_error(quantize(core, step), step)
    print(f"{levels:2} levels: {1 / (levels * 12**0.5):.4f}, measured {found:.4f}")
assert np.isclose(found, 1 / (16 * 12**0.5), rtol=0.1)

# %% [markdown]
# The guess holds even for one level, where a step is as large as a typical entry.
#
# ## 2. A dead zone
#
# To set the ones to zero saves bits and makes an error. Fewer levels do so as well. Both as points of error and bits:

# %%
step = rms_step(core, 4)
plain = quantize(core, step)
dead = np.where(np.abs(plain) == 1, 0, plain)
print(f"4 levels: {entropy(plain):.2f} bits, error {relative_error(plain, step):.3f}")
print(f"dead zone: {entropy(dead):.2f} bits, error {relative_error(dead, step):.3f}")
for levels in (3, 2.5, 2, 1.5):
    coarse = rms_step(core, levels)
    fewer = quantize(core, coarse)
    told = f"{entropy(fewer):.2f} bits, error {relative_error(fewer, coarse):.3f}"
    print(f"{levels} levels: {told}")

# %% [markdown]
# Compare the dead zone with the row of about as many bits. A dead zone on top of fine steps is a bad deal here; what training does with a
# rate term is another thing, since it also moves the entries that remain.
#
# ## 3. What a coder likes
#
# All equal: 0 bits. Half zeros, and the others 1 and -1 equally often: 1.5 bits. All different: $\log_2 n$.

# %%
cases = {
    "all equal": np.zeros(64, int),
    "half zero": np.repeat([0, 0, 1, -1], 16),
    "all different": np.arange(64),
}
for name, symbols in cases.items():
    print(f"{name}: {entropy(symbols):.1f} bits")

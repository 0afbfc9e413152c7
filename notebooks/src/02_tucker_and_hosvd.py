# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · Tucker and HOSVD
#
# **You will learn**
# - what the Tucker format is: a small core, and one matrix for each mode;
# - how the HOSVD finds it, with six lines of your own and with the library;
# - how to predict its error before you compute it, and what HOOI can still gain.
#
# **Needs** notebook 01, and what a singular value is. **Time** 30 minutes to read, seconds to run.

# %% [markdown]
# **Before you start.** Can you answer these three? Open each to check; what is missing is behind the link.
#
# <details><summary>What is <code>unfold(X, 1)</code> of a tensor of shape 2 x 3 x 4?</summary>
#
# A 3 x 8 matrix, one row for each slice of mode 1. See [notebook 01](01_modes_and_unfoldings.ipynb).
#
# </details>
#
# <details><summary>What do the singular values of a matrix tell?</summary>
#
# How much of it lies in each direction; cut after the first r, and the rest, squared and summed, is the squared error.
#
# </details>
#
# <details><summary>What does X ×₁ M do to the fibres of mode 1?</summary>
#
# Each is multiplied by $M$. See [notebook 01](01_modes_and_unfoldings.ipynb).
#
# </details>

# %% tags=["setup"]

# %% [markdown]
# The format, the decompositions and the pictures.

# %%
import matplotlib.pyplot as plt
import numpy as np
from course_kit.notebook.photo import portrait
from course_kit.plots import (
    DARK,
    error_against_size,
    predicted_against_measured,
    spectra,
    tucker_diagram,
)
from tucker_core import (
    hosvd,
    mode_dot,
    multi_mode_dot,
    random_tucker,
    tucker,
    tucker_params,
    tucker_to_tensor,
    unfold,
)

# %% [markdown]
# ## The format
#
# A tensor in **Tucker format** is a *core tensor* $C$ multiplied in every mode by a *factor matrix* $M_n$:
#
# $$ W = C \times_1 M_1 \times_2 M_2 \times_3 M_3 $$
#
# The core has shape $(J_1, J_2, J_3)$, called the **rank**; the matrix $M_n$ has shape $(I_n, J_n)$. Here is one to
# scale: a light tensor of 40 x 30 x 20 on the left, on the right a small dark core and three grey matrices.

# %% alt="A large cuboid equals a small dark cube and three narrow matrices, all to scale: 24,000 numbers against 590"
fig, axes = plt.subplots(figsize=(9, 3.2))
tucker_diagram(axes, (40, 30, 20), (6, 5, 4))
plt.show()

# %% [markdown]
# **Predict.** How many numbers does the format store? Count the boxes on the right: $\prod_n J_n$ for the core,
# $\sum_n I_n J_n$ for the matrices.

# %%
predicted = 6 * 5 * 4 + (40 * 6 + 30 * 5 + 20 * 4)
print(f"{predicted} numbers instead of {40 * 30 * 20:,}")

# %% [markdown]
# **Measure.** We draw such a tensor at random, and ask it.

# %%
example = random_tucker((40, 30, 20), (6, 5, 4), np.random.default_rng(0))
core, factors = example
assert example.n_params == tucker_params((40, 30, 20), (6, 5, 4)) == predicted

# %% [markdown]
# To get the tensor back, multiply one mode after the other, as in notebook 01. `tucker_to_tensor` does the same and
# wastes nothing.

# %%
grown = mode_dot(mode_dot(mode_dot(core, factors[0], 0), factors[1], 1), factors[2], 2)
assert np.allclose(grown, tucker_to_tensor(example))
grown.shape

# %% [markdown]
# ## HOSVD in six lines
#
# Now the other way: given a tensor, find core and matrices. The idea: in each mode, keep the directions in which the
# fibres are large. They are the leading left singular vectors of the unfolding $X_{(n)}$, which are also the
# leading eigenvectors of its *Gram matrix* $X_{(n)} X_{(n)}^T$: small, symmetric, and all that we need. Then project the tensor on
# them. (Assignment 2 asks for the way by the SVD, which keeps twice as many digits of small singular values.)


# %%
def gram_hosvd(tensor, rank):
    """Higher-order SVD, from the Gram matrices of the unfoldings."""
    factors = []
    for mode, kept in enumerate(rank):
        rows = unfold(tensor, mode)
        _, vectors = np.linalg.eigh(rows @ rows.T)  # the smallest come first
        factors.append(vectors[:, : -kept - 1 : -1])
    return multi_mode_dot(tensor, factors, transpose=True), factors


# %% [markdown]
# On a tensor that *has* rank (6, 5, 4) nothing should be lost. **Predict** the relative error.


# %%
def error_of(tensor, approximation):
    """Relative error: the norm of the difference, over the norm of the tensor."""
    return np.linalg.norm(tensor - approximation) / np.linalg.norm(tensor)


rebuilt = tucker_to_tensor(gram_hosvd(grown, (6, 5, 4)))
print(f"relative error {error_of(grown, rebuilt):.1e}")

# %% [markdown]
# **Measure.** It is zero up to rounding.

# %%
assert error_of(grown, rebuilt) < 1e-7, "nothing is lost but rounding"

# %% [markdown]
# ## A real tensor
#
# A photograph of 150 x 128 pixels in 3 colours has no small rank. But its singular values fall, and they fall
# differently in each mode.

# %%
photo = portrait()
sigmas = [np.linalg.svd(unfold(photo, n), compute_uv=False) for n in range(3)]
[len(sigma) for sigma in sigmas]

# %% [markdown]
# The spectra of the three unfoldings. The rings mark rank (20, 20, 2): what lies right of a ring will be thrown away.
# The curve of the colours ends after three points, for there are only three.

# %% alt="Singular values of three unfoldings, falling on a logarithmic axis; rings mark the 20th, the 20th and the 2nd"
fig, axes = plt.subplots(figsize=(7.5, 3.6))
labels = ["height (mode 0)", "width (mode 1)", "colour (mode 2)"]
spectra(
    axes,
    dict(zip(labels, sigmas, strict=True)),
    kept=dict(zip(labels, (20, 20, 2), strict=True)),
)
plt.show()

# %% [markdown]
# ## The error, before it is made
#
# Nothing needs to be decomposed to know how bad it can get. With the discarded singular values $\sigma$ of all modes,
#
# $$ \max_n \sum_{j > J_n} \sigma_{n,j}^2 \;\le\; \left\lVert X - \hat X \right\rVert^2 \;\le\; \sum_n \sum_{j > J_n} \sigma_{n,j}^2 . $$
#
# (De Lathauwer, De Moor, Vandewalle, 2000.) **Predict** both ends for rank (20, 20, 2).


# %%
def bounds(rank):
    """Least and largest relative error that a HOSVD to this rank can have."""
    lost = [np.sum(s[j:] ** 2) for s, j in zip(sigmas, rank, strict=True)]
    norm = np.linalg.norm(photo)
    return np.sqrt(max(lost)) / norm, np.sqrt(sum(lost)) / norm


low, high = bounds((20, 20, 2))
print(f"between {low:.3f} and {high:.3f}")

# %% [markdown]
# **Measure.** Decompose and look.

# %%
measured = error_of(photo, tucker_to_tensor(gram_hosvd(photo, (20, 20, 2))))
print(f"measured {measured:.3f}")
assert low <= measured <= high

# %% [markdown]
# The same for eight ranks at once, measured over predicted. The dashed line is the upper bound itself: every point
# lies below it, and none below 60 % of it.

# %% alt="Eight measured errors over their predicted bounds; all dots lie a little below the diagonal"
ranks = [(r, r, c) for r in (5, 10, 20, 40) for c in (2, 3)]
upper = [bounds(rank)[1] for rank in ranks]
found = [error_of(photo, tucker_to_tensor(gram_hosvd(photo, rank))) for rank in ranks]
fig, axes = plt.subplots(figsize=(4.6, 4))
predicted_against_measured(axes, upper, found, unit="relative error")
plt.show()

# %% [markdown]
# Both halves of that sentence, computed:

# %%
assert all(0.6 * u < f <= u for u, f in zip(upper, found, strict=True))

# %% [markdown]
# ## The library's HOSVD
#
# `hosvd` does what our six lines do, with three improvements. It projects after each mode instead of at the end
# (**ST-HOSVD**): every next SVD sees a smaller tensor, and here the error even shrinks a little.

# %%
plain = hosvd(photo, (20, 20, 2), sequential=False)
sequential = hosvd(photo, (20, 20, 2))
print(f"plain {error_of(photo, plain.to_tensor()):.4f}")
print(f"sequential {error_of(photo, sequential.to_tensor()):.4f}")
assert np.isclose(error_of(photo, plain.to_tensor()), measured)

# %% [markdown]
# It fixes the signs of the singular vectors, so that two machines agree. And it takes a *tolerance* in place of a rank:
# the bound, used backwards. **Predict**: will the error be just below 0.1, or far below?

# %%
within = hosvd(photo, tol=0.1)
print(within.rank, f"error {error_of(photo, within.to_tensor()):.4f}")
assert 0.09 < error_of(photo, within.to_tensor()) <= 0.1

# %% [markdown]
# **Measure.** Below, and not by much: the guarantee costs little.
#
# ## How it looks
#
# One decomposition to full rank serves for all smaller ones: the HOSVD of rank $(J, J, 3)$ is a corner of the full core
# and the first columns of the full matrices.

# %%
full_core, full_factors = gram_hosvd(photo, (150, 128, 3))


def corner(r):
    """The HOSVD of rank (r, r, 3), cut out of the full one."""
    heights, widths, colours = full_factors
    return full_core[:r, :r], [heights[:, :r], widths[:, :r], colours]


# %% [markdown]
# At which rank does it stop paying? The format stores $3 r^2 + (150 + 128) r + 9$ parameters at rank $(r, r, 3)$, the photograph
# 57,600. **Predict** the break-even: 50, 100 or 128?

# %%
stored = [tucker_params(photo.shape, (r, r, 3)) for r in range(1, 129)]
break_even = next(r for r, n in enumerate(stored, start=1) if n > photo.size)
print(f"from rank {break_even} on the format stores more than the photograph")
assert stored[break_even - 2] <= photo.size < stored[break_even - 1]

# %% [markdown]
# Three ranks below it. Each row shows the original, the picture from the format, and their difference (grey: none).

# %% alt="Three rows of original, approximation and difference: at rank 5 a blur, at 20 a face with its edges in the difference, at 60 hardly any difference left"
fig, grid = plt.subplots(3, 3, figsize=(7.2, 9), layout="constrained")
for row, r in zip(grid, (5, 20, 60), strict=True):
    near = tucker_to_tensor(corner(r)).clip(0, 1)
    share = stored[r - 1] / photo.size
    for axes, picture in zip(row, (photo, near, 0.5 + (near - photo) / 2), strict=True):
        axes.imshow(picture)
        axes.axis("off")
    row[1].set_title(f"rank {r}, {share:.0%} stored", fontsize=12)
    row[2].set_title(f"error {error_of(photo, near):.2f}", fontsize=12)
grid[0, 0].set_title("original", fontsize=12)
plt.show()

# %% [markdown]
# And the whole way, with the break-even marked: left of the dashed line the format saves.

# %% alt="Relative error against rank, falling from 0.5 to zero; a dashed line marks the break-even"
shown = (1, 2, 5, 10, 20, 40, 60, 80, 100, 120)
fig, axes = plt.subplots(figsize=(7, 3.2))
errors_of = [error_of(photo, tucker_to_tensor(corner(r))) for r in shown]
axes.plot(shown, errors_of, "o-", color=DARK)
axes.axvline(break_even, color=DARK, ls="--")
axes.text(break_even + 1, 0.2, f"break-even:\nrank {break_even}", color=DARK)
axes.set(xlabel="rank r of (r, r, 3)", ylabel="relative error", xlim=(0, 128))
axes.set_ylim(bottom=0)
plt.show()

# %% [markdown]
# **Your turn.** Move the slider (it works where a kernel runs: in JupyterLab and on Colab). At which rank would you not
# notice the difference any more? Does the format still save there?

# %%
from ipywidgets import IntSlider, interact


def show(rank):
    """Draw the photograph at a rank, then say what it costs."""
    picture = tucker_to_tensor(corner(rank))
    _, axes = plt.subplots(figsize=(2.4, 2.8))
    axes.imshow(picture.clip(0, 1))
    axes.axis("off")
    plt.show()
    share = tucker_params(photo.shape, (rank, rank, 3)) / photo.size
    print(f"rank {rank}: {share:.0%} stored, error {error_of(photo, picture):.3f}")


slider = IntSlider(value=20, min=1, max=128, continuous_update=False)
_ = interact(show, rank=slider)

# %% [markdown]
# ## Is it better than an SVD?
#
# Lay the photograph out as a matrix, 150 x 384, and cut its SVD to rank $r$: that stores $r (150 + 384)$ numbers. The
# SVD is the best that *a matrix* can do. **Predict**: does Tucker need fewer numbers for the same error?

# %%
sizes = {"Tucker": [], "SVD of a matrix": []}
errors = {"Tucker": [], "SVD of a matrix": []}
for r in (3, 5, 8, 12, 20, 30, 40):
    sizes["Tucker"].append(tucker_params(photo.shape, (r, r, min(r, 3))))
    errors["Tucker"].append(error_of(photo, tucker_to_tensor(corner(r))))
    sizes["SVD of a matrix"].append(r * (150 + 384))
    errors["SVD of a matrix"].append(bounds((r, 128, 3))[0])

# %% [markdown]
# **Measure.** Both errors against the numbers stored. The SVD's errors are free: the unfolding in mode 0 *is* that
# matrix, so its discarded singular values tell them.

# %% alt="Relative error against numbers stored: Tucker's curve lies below that of the SVD of a matrix throughout"
fig, axes = plt.subplots(figsize=(7, 3.6))
series = {name: (sizes[name], errors[name]) for name in sizes}
error_against_size(axes, series, xlabel="numbers stored", ylabel="relative error")
plt.show()

# %% [markdown]
# Tucker's solid line lies below: it pays for the width once, not once for every colour. At 5,000 numbers, for example:

# %%
tucker_error, svd_error = (np.interp(5_000, *curve) for curve in series.values())
print(f"Tucker {tucker_error:.2f}, SVD {svd_error:.2f}")
assert tucker_error < svd_error

# %% [markdown]
# ## HOOI: better still?
#
# HOSVD looks at each mode alone, so it is good but not optimal. **HOOI** goes round: it improves the matrix of one mode
# while the others stand still, and again, until nothing moves. `tucker` does that.
#
# **Predict.** By how much does the error of rank (20, 20, 2) fall: 1 %, 10 %, 50 %?

# %%
best = tucker(photo, (20, 20, 2), n_iter_max=50, tol=1e-9)
gain = 1 - error_of(photo, best.to_tensor()) / measured
print(f"HOOI {error_of(photo, best.to_tensor()):.4f}, {gain:.1%} less than HOSVD")
assert 0 < gain < 0.05

# %% [markdown]
# **Measure.** Hardly at all: a photograph's modes are simple, so HOSVD is almost optimal. Noise is the other end.
# Below, the errors of three methods on a tensor of pure noise, relative to the plain HOSVD's.

# %%
noise = np.random.default_rng(1).standard_normal((20, 20, 20))
base = error_of(noise, hosvd(noise, 6, sequential=False).to_tensor())
print(f"ST-HOSVD {error_of(noise, hosvd(noise, 6).to_tensor()) / base:.3f}")
print(f"HOOI     {error_of(noise, tucker(noise, 6).to_tensor()) / base:.3f}")

# %% [markdown]
# And how many rounds does HOOI take? The error against the sweeps, on the noise.

# %% alt="The error of HOOI falls steeply over the first sweeps and is flat from the tenth on"
sweeps = range(1, 16)
falling = [
    error_of(noise, tucker(noise, 6, n_iter_max=k, tol=0).to_tensor()) for k in sweeps
]
fig, axes = plt.subplots(figsize=(6, 2.8))
axes.plot(sweeps, falling, "o-", color=DARK)
axes.set(xlabel="sweeps of HOOI", ylabel="relative error")
plt.show()

# %% [markdown]
# The curve never rises, and what is left to gain after ten sweeps is a twentieth of the whole gain at most.

# %%
assert all(np.diff(falling) < 1e-9)
assert falling[9] - falling[-1] < 0.05 * (falling[0] - falling[-1])

# %% [markdown]
# ## Check yourself
#
# Choose an answer and open it: each one says why it is right or wrong.
#
# **1.** What does the HOSVD's upper bound need?
#
# <details><summary>the decomposition itself</summary>
#
# No. That is the point: it is known before.
#
# </details>
#
# <details><summary>the singular values that are thrown away in every mode</summary>
#
# Yes. Their squares, summed over all modes.
#
# </details>
#
# <details><summary>the norm of the core</summary>
#
# No. That gives the error afterwards.
#
# </details>
#
# **2.** Rank (20, 2, 2) is asked for. How many directions of mode 0 can be used?
#
# <details><summary>20</summary>
#
# No. The core, unfolded in mode 0, has 2 · 2 = 4 columns.
#
# </details>
#
# <details><summary>4</summary>
#
# Yes. The product of the other ranks is a ceiling.
#
# </details>
#
# <details><summary>2</summary>
#
# No. Each of the 2 x 2 combinations of the others may have its own.
#
# </details>
#
# **3.** When does the Tucker format store more than the tensor?
#
# <details><summary>never</summary>
#
# No. At full rank it stores the core, as large as the tensor, and the matrices on top.
#
# </details>
#
# <details><summary>beyond the break-even rank</summary>
#
# Yes. For this photograph from rank 100 on.
#
# </details>
#
# <details><summary>as soon as the error is below 10 %</summary>
#
# No. Here that is at a third of the numbers.
#
# </details>

# %% [markdown]
# ## Take-aways
#
# - Tucker format: $\prod J_n + \sum I_n J_n$ numbers instead of $\prod I_n$.
# - HOSVD: singular vectors of every unfolding, then project. Its error is known beforehand from the spectra.
# - ST-HOSVD is cheaper and as good; HOOI squeezes out the rest.
#
# **What can go wrong.** A rank that the product of the others cannot feed: rank (20, 20, 2) is fine, rank (20, 2, 2) can
# use at most 4 directions in mode 0. Judging by the norm of the error alone: the eye, and a network, weigh differently.
# A tolerance in single precision below about 1e-3: its digits end there.
#
# **Exercises.**
# 1. Prove the upper bound for one mode, then for two: projections shorten vectors.
# 2. Make the core of the photograph's full HOSVD and look at where its large numbers are. Which corner? Why?
# 3. Take the ranks $(r, r, 2)$ in place of $(r, r, 3)$. For which sizes does it pay to give up a colour?
#
# <details><summary>Solutions</summary>
#
# [One way to solve each](solutions/02_tucker_and_hosvd.ipynb), with the code. Try for ten minutes first.
#
# </details>
#
# **Next** 03: a weight is usually a matrix. What is there to gain by making it a tensor?

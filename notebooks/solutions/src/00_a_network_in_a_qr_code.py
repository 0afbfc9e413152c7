# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · A neural network in a QR code: solutions
#
# Each exercise with one way to solve it; others may be as good.

# %% tags=["setup"]

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from course_kit.notebook.paths import QR_PICTURE
from course_kit.notebook.qr import read_qr
from tucker_core import FileFormatError, coded_bits, from_bytes

content = read_qr(QR_PICTURE)
network = from_bytes(content)

# %% [markdown]
# ## 1. One changed byte
#
# The checksum, a number computed from all bytes, no longer fits. The file is refused before anything is decoded.

# %%
damaged = bytearray(content)
damaged[400] ^= 1
try:
    from_bytes(bytes(damaged))
except FileFormatError as error:
    print(error)

# %% [markdown]
# ## 2. Bytes, and bits a parameter
#
# The largest weight has the most bytes. The first convolution has the most bits a parameter: it has few parameters, every output
# depends on them, and hardly one can be spared, so fewer are zero and they are rounded more finely.

# %%
bits = coded_bits(network)
for p in network.parameters:
    zeros = np.mean(np.concatenate([t.ravel() for t in p.tensors]) == 0)
    each = bits[p.name] / p.n_params
    print(
        f"{p.name:13} {bits[p.name] / 8:4.0f} bytes, {each:.2f} bits, {zeros:.0%} zeros"
    )
assert max(bits, key=bits.get) == "fc1.weight"

# %% [markdown]
# ## 3. A photograph of the print
#
# In place of a camera: the code larger, blurred by its own shift, with noise and a grey cast. QR codes carry corrections for about 7 %
# of their content at the lowest level, so the bytes come back exactly.

# %% alt="The QR code as a photograph would show it: grey, a little blurred, with noise"
sharp = plt.imread(QR_PICTURE)
sharp = sharp if sharp.ndim == 2 else sharp[..., 0]
blurred = (sharp + np.roll(sharp, 1, 0) + np.roll(sharp, 1, 1)) / 3
noise = np.random.default_rng(0).normal(0, 0.08, blurred.shape)
photograph = (0.15 + 0.7 * blurred + noise).clip(0, 1)
path = Path(tempfile.mkdtemp()) / "photograph.png"
plt.imsave(path, photograph, cmap="gray", vmin=0, vmax=1)
fig, axes = plt.subplots(figsize=(3, 3))
axes.imshow(photograph, cmap="gray", vmin=0, vmax=1)
axes.axis("off")
plt.show()
assert read_qr(path) == content

# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07b · Code and file: solutions
#
# Each exercise with one way to solve it; others may be as good.

# %% tags=["setup"]

# %%
import math
import zlib

import numpy as np
from course_kit.notebook.byte_meter import ideal_bits
from course_kit.notebook.paths import model_path
from tucker_core import FileFormatError, from_bytes, load
from tucker_core.symbol_model import fit_model

content = model_path("lenet5_small.ada").read_bytes()

# %% [markdown]
# ## 1. One more byte
#
# The checksum is computed again, so it does not complain.


# %%
def sealed(body):
    """A whole file around a stream."""
    return content[:4] + zlib.crc32(body).to_bytes(4, "little") + body


for extra in (b"\0", b"\xff"):
    try:
        from_bytes(sealed(content[8:] + extra))
        print(extra, "is read")
    except FileFormatError as error:
        print(extra, "is refused:", str(error)[:70])

# %% [markdown]
# The stream is a number, and more digits at its end move it by less than the width of the last interval: all symbols would be decoded
# as before. But then two files would hold the same network, and "the same bytes for the same network" would no longer be true. So a
# reader of the format also asks whether the stream is what the writer would have written, and refuses what it would not.
#
# ## 2. Halves and quarters
#
# Eight zeros take one bit each, the 1 and the -1 two each: 12 bits. The words 0, 10 and 11 take just as many. A code with one word a
# number is as good as an arithmetic coder whenever all probabilities are powers of 1/2.

# %%
message = [0, 0, 0, 1, 0, -1, 0, 0, 0, 0]
probabilities = {0: 1 / 2, 1: 1 / 4, -1: 1 / 4}
print(sum(math.log2(1 / probabilities[symbol]) for symbol in message), "bits")

# %% [markdown]
# ## 3. The best decay
#
# With $\zeta = 1$ the model is $p_q = \theta^{|q|} (1 - \theta) / (1 + \theta)$. For $n$ integers with the mean size $m$ the bits are
# $-n (m \log_2 \theta + \log_2 \frac{1 - \theta}{1 + \theta})$. The derivative is zero at $2 \theta / (1 - \theta^2) = m$, so
# $\theta = (\sqrt{1 + m^2} - 1) / m$.


# %%
def my_entropy_model(symbols):
    """Best decay for zeta = 1, and the bits that it takes."""
    m = np.mean(np.abs(symbols))
    theta = (math.sqrt(1 + m * m) - 1) / m
    each = m * math.log2(theta) + math.log2((1 - theta) / (1 + theta))
    return theta, -symbols.size * each


for p in load(model_path("lenet5_small.ada")).parameters:
    theta, bits = my_entropy_model(p.core)
    fitted = ideal_bits(p.core, fit_model(p.core))
    print(f"{p.name:13} theta {theta:.2f}: {bits:6.0f} bits, fit_model {fitted:6.0f}")

# %% [markdown]
# A weight of its own for zero is worth most where zeros are far more frequent than the straight line says.

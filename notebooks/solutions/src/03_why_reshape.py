# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · Why reshape?: solutions
#
# Each exercise with one way to solve it; others may be as good.

# %% tags=["setup"]

# %%
import math

from tucker_core import balance_dims

# %% [markdown]
# ## 1. Two dims, without the inequality
#
# $f(x) = x + N / x$ has the derivative $1 - N / x^2$: negative for $x < \sqrt N$, positive beyond. So the sum is least at $x = \sqrt N$, where
# both dims are equal. Or without calculus: $(I_1 + I_2)^2 = (I_1 - I_2)^2 + 4 N$.

# %%
for first in (300, 420, 480):
    second = 235_200 // first
    assert first * second == 235_200
    assert (first + second) ** 2 == (first - second) ** 2 + 4 * 235_200
    print(f"{first} + {second} = {first + second}")

# %% [markdown]
# ## 2. VGG's largest layer
#
# A hundred million weights. At $J = 10$ the core grows tenfold with every order, and the matrices shrink:

# %%
size = 4096 * 25088
for order in range(3, 7):
    dims = balance_dims(size, order)
    count = 10**order + 10 * sum(dims)
    print(f"{dims}: core {10**order:,} + matrices {10 * sum(dims):,} = {count:,}")

# %% [markdown]
# ## 3. How many test images?
#
# With one seed the picture changes from run to run; with three the bars of (4, 75, 28, 28) and of the planner's dims overlap. The test
# set alone: the difference of two error rates $p$, measured on other images each, has a variance of $2 p (1 - p) / n$. For half a point
# to be two standard deviations:

# %%
p, difference = 0.08, 0.005
n = 2 * p * (1 - p) * (2 / difference) ** 2
print(f"{n:,.0f} images")
assert math.isclose(2 * math.sqrt(2 * p * (1 - p) / n), difference)

# %% [markdown]
# (On *the same* images fewer do, for then only the images count on which the two networks disagree.)

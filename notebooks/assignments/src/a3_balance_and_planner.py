# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] nbgrader={"grade_id": "intro"}
# # Assignment 3 · Balanced dimensions, and a planner that beats a greedy one
#
# **You will learn** to count what a shape costs, to find the most balanced one, and to share a budget among layers better
# than the obvious way does.
#
# **Needs** notebook 03; the singular values of notebook 02. **Time** about 3 hours. **Points** 20.
#
# This is the *ada* of ADA-Tucker: adaptive dimension adjustment.

# %% nbgrader={"grade_id": "setup"}
import math

import matplotlib.pyplot as plt
import numpy as np
from course_kit import checks
from course_kit.checks import greedy_plan, total_loss
from course_kit.checks.variants import this_student
from course_kit.plots import DARK, error_against_size, layer_bars

me = this_student()
print(me)

# %% [markdown] nbgrader={"grade_id": "text-count"}
# ## 1 · Count (2 points)
#
# A Tucker tensor of dims $(I_1, \ldots, I_N)$ and rank $(J_1, \ldots, J_N)$ stores its core, $\prod J_n$ numbers, and one matrix
# of $I_n J_n$ numbers per mode; but a full mode, $J_n = I_n$, needs no matrix.


# %% nbgrader={"grade_id": "count", "solution": true}
def my_count(dims, rank):
    """Numbers stored by core and matrices."""
    ### BEGIN SOLUTION
    matrices = [i * j for i, j in zip(dims, rank, strict=True) if j < i]
    return math.prod(rank) + sum(matrices)
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-count", "points": 2}
checks.count_numbers(my_count, me)
### BEGIN HIDDEN TESTS
checks.count_numbers(my_count, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-factor"}
# ## 2 · Every factorization (3 points)
#
# All ways to write `n` as a product of `order` whole numbers >= 1, each way once: 2 x 6 and 6 x 2 are the same. For `n` = 12
# and order 2 there are three: 1 x 12, 2 x 6, 3 x 4.


# %% nbgrader={"grade_id": "factor", "solution": true}
def my_factorizations(n, order):
    """List of tuples of `order` factors whose product is n."""

    ### BEGIN SOLUTION
    def rising(n, order, least):
        if order == 1:
            return [(n,)] if n >= least else []
        return [
            (first, *rest)
            for first in range(least, n + 1)
            if n % first == 0
            for rest in rising(n // first, order - 1, first)
        ]

    return rising(n, order, 1)
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-factor", "points": 3}
checks.factor_tuples(my_factorizations, me)
### BEGIN HIDDEN TESTS
checks.factor_tuples(my_factorizations, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-balance"}
# ## 3 · Balance (2 points)
#
# Of all those ways the one of least sum; of several with the same sum, the one whose largest factor is least.


# %% nbgrader={"grade_id": "balance", "solution": true}
def my_balance(n, order):
    """The most balanced tuple of `order` factors of n."""
    ### BEGIN SOLUTION
    return min(my_factorizations(n, order), key=lambda way: (sum(way), max(way)))
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-balance", "points": 2}
checks.balance_dims(my_balance, me)
### BEGIN HIDDEN TESTS
checks.balance_dims(my_balance, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-cube"}
# ## 4 · The largest core (2 points)
#
# With the same rank $J$ in every mode, and a matrix in every mode: the largest $J$ with $J^N + J \sum_n I_n \le$ `budget`.


# %% nbgrader={"grade_id": "cube", "solution": true}
def my_cube(dims, budget):
    """The largest J that fits."""
    ### BEGIN SOLUTION
    J = 0
    while (J + 1) ** len(dims) + (J + 1) * sum(dims) <= budget:
        J += 1
    return J
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-cube", "points": 2}
checks.largest_cube(my_cube, me)
### BEGIN HIDDEN TESTS
checks.largest_cube(my_cube, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-layer"}
# Your own layer, at orders 2 to 6 in the most balanced shape: how many of your budget's numbers go into the core?

# %% nbgrader={"grade_id": "layer"}
shape, order, budget = checks.balance_question(me)
print(f"a layer of shape {shape}, order {order}, budget {budget:,}")
orders = range(2, 7)
every = [my_balance(math.prod(shape), d) for d in orders]
cubes = [my_cube(dims, budget) for dims in every]
cores = [J**d for J, d in zip(cubes, orders, strict=True)]
matrices = [J * sum(dims) for J, dims in zip(cubes, every, strict=True)]
fig, axes = plt.subplots(figsize=(8, 3))
bars = {"core": cores, "matrices": matrices}
layer_bars(axes, [f"order {d}" for d in orders], bars, unit="numbers stored")
plt.show()

# %% [markdown] nbgrader={"grade_id": "text-numbers"}
# ## 5 · Your own numbers (2 points)
#
# For your layer, order and budget: the sum of the most balanced dims; the largest $J$ there; and the largest $J$ if the layer
# stays the matrix that it is.

# %% nbgrader={"grade_id": "numbers", "solution": true}
answers = {"sum": None, "cube": None, "matrix": None}
### BEGIN SOLUTION
dims = my_balance(math.prod(shape), order)
answers["sum"] = sum(dims)
answers["cube"] = my_cube(dims, budget)
answers["matrix"] = my_cube(shape, budget)
### END SOLUTION

# %% nbgrader={"grade_id": "test-numbers", "points": 2}
checks.balance_numbers(answers, me)

# %% [markdown] nbgrader={"grade_id": "text-planner"}
# ## 6 · A planner (9 points)
#
# Now several layers share one budget. `losses[k][n][J - 1]` says what is lost if mode $n$ of layer $k$ keeps rank $J$ (minus the
# logarithm of the energy kept, from the singular values), and the losses of all modes add up. The plan of least total loss
# within the budget is wanted.
#
# Here is your network, and the plan of the obvious way: `greedy_plan` raises, again and again, whichever rank lessens the loss
# most, *whatever it costs*.

# %% nbgrader={"grade_id": "network"}
case = checks.plan_case(me)
print("dims", case.dims, "budget", case.budget)
greedy = greedy_plan(*case)
print("greedy ranks", greedy, f"loss {total_loss(greedy, case.losses):.4f}")

# %% [markdown] nbgrader={"grade_id": "text-plan"}
# Beat it. Two points for a plan that keeps the budget and uses at least half of it; four more if its loss is smaller than the
# greedy one's on every network; and three more if no plan within the budget has a smaller loss. These networks are small, so
# you may weigh every shape of a layer; but not every combination of two layers.


# %% nbgrader={"grade_id": "planner", "solution": true}
def my_planner(dims, budget, losses):
    """A list of one rank (J_1, ..., J_N) per layer; together at most `budget` numbers."""
    ### BEGIN SOLUTION
    # best[b]: least loss of the layers so far with at most b numbers, and their ranks
    best = [(0.0, ())] * (budget + 1)
    for own, loss in zip(dims, losses, strict=True):
        shapes = {}  # numbers stored -> least loss at that cost, and its rank
        for rank in np.ndindex(*own):
            rank = tuple(j + 1 for j in rank)
            cost = my_count(own, rank)
            lost = sum(float(mode[j - 1]) for mode, j in zip(loss, rank, strict=True))
            shapes[cost] = min(shapes.get(cost, (math.inf, ())), (lost, rank))
        frontier, least = [], math.inf
        for cost in sorted(shapes):
            if shapes[cost][0] < least:
                least = shapes[cost][0]
                frontier.append((cost, *shapes[cost]))
        best = [
            min(
                (
                    (best[b - cost][0] + lost, (*best[b - cost][1], rank))
                    for cost, lost, rank in frontier
                    if cost <= b
                ),
                default=(math.inf, ()),
            )
            for b in range(budget + 1)
        ]
    return list(best[budget][1])
    ### END SOLUTION


# %% nbgrader={"grade_id": "test-plan-budget", "points": 2}
checks.planner_within_budget(my_planner, me)
### BEGIN HIDDEN TESTS
checks.planner_within_budget(my_planner, me, hard=True)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "test-plan-greedy", "points": 4}
checks.planner_beats_greedy(my_planner, me)
### BEGIN HIDDEN TESTS
checks.planner_beats_greedy(my_planner, me, hard=True)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "test-plan-best", "points": 3}
checks.planner_is_best(my_planner, me)
### BEGIN HIDDEN TESTS
checks.planner_is_best(my_planner, me, hard=True)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade_id": "text-plot"}
# How much is that worth? Your plan and the greedy one at five budgets: smaller is better.

# %% nbgrader={"grade_id": "plot"}
sizes = [int(case.budget * share) for share in (0.4, 0.6, 0.8, 1, 1.3)]
curves = {}
for name, planner in (("greedy", greedy_plan), ("mine", my_planner)):
    plans = [planner(case.dims, size, case.losses) for size in sizes]
    curves[name] = (sizes, [total_loss(plan, case.losses) for plan in plans])
fig, axes = plt.subplots(figsize=(6, 3))
error_against_size(axes, curves, xlabel="numbers stored", ylabel="total loss")
axes.axvline(case.budget, color=DARK, ls=":")
plt.show()

# %% [markdown] nbgrader={"grade_id": "end"}
# ## What you have now
#
# What `plan_network(..., search="exact")` does for whole networks. In assignment 4 a plan becomes a file.

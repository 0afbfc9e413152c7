"""Checks of the assignments, for notebooks and tests alike: silent if right, else `CheckFailed`.

A check draws its cases from a student's variant and computes the truth with tucker_core, so that there
is no table of answers to copy. Its message names the call, the first wrong index, what was expected,
what came, and the likely cause where a well-known mistake gives that very result.
"""

from course_kit.checks.algebra import (
    ProductQuestion,
    column_of,
    fold,
    mode_dot,
    multi_mode_dot,
    product_numbers,
    product_question,
    unfold,
)
from course_kit.checks.balance import (
    BalanceQuestion,
    balance_dims,
    balance_numbers,
    balance_question,
    count_numbers,
    factor_tuples,
    largest_cube,
)
from course_kit.checks.decompose import error_bounds, hosvd, leading_basis, rebuild
from course_kit.checks.network import (
    byte_budget,
    compression_plan,
    error_at_most,
    error_of,
    file_error,
    file_fits,
    leaderboard_line,
)
from course_kit.checks.planning import (
    PlanCase,
    greedy_plan,
    plan_case,
    planner_beats_greedy,
    planner_is_best,
    planner_within_budget,
    total_loss,
)
from course_kit.checks.ranks import (
    RankQuestion,
    rank_is_best,
    rank_numbers,
    rank_question,
    rank_within_budget,
)
from course_kit.checks.verdict import CheckFailed

__all__ = [
    "BalanceQuestion",
    "CheckFailed",
    "PlanCase",
    "ProductQuestion",
    "RankQuestion",
    "balance_dims",
    "balance_numbers",
    "balance_question",
    "byte_budget",
    "column_of",
    "compression_plan",
    "count_numbers",
    "error_at_most",
    "error_bounds",
    "error_of",
    "factor_tuples",
    "file_error",
    "file_fits",
    "fold",
    "greedy_plan",
    "hosvd",
    "largest_cube",
    "leaderboard_line",
    "leading_basis",
    "mode_dot",
    "multi_mode_dot",
    "plan_case",
    "planner_beats_greedy",
    "planner_is_best",
    "planner_within_budget",
    "product_numbers",
    "product_question",
    "rank_is_best",
    "rank_numbers",
    "rank_question",
    "rank_within_budget",
    "rebuild",
    "total_loss",
    "unfold",
]

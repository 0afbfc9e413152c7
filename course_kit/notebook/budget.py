"""How much a notebook computes: the environment variable ADA_BUDGET, in one place.

"smoke" runs every cell with as little work as possible, "default" takes seconds to a minute on a laptop,
"full" takes minutes and gives the steadier numbers.
"""

import os
from typing import TypeVar

BUDGETS = ("smoke", "default", "full")

T = TypeVar("T")


def budget() -> str:
    """The budget in force: "smoke", "default" (also where ADA_BUDGET is not set) or "full".

    Raises
    ------
    ValueError
        If ADA_BUDGET is something else.

    Examples
    --------
    >>> budget() in BUDGETS
    True
    """
    chosen = os.environ.get("ADA_BUDGET") or "default"
    if chosen not in BUDGETS:
        raise ValueError(f"ADA_BUDGET is {chosen!r}; one of {', '.join(BUDGETS)} is needed")
    return chosen


def by_budget(*, smoke: T, default: T, full: T) -> T:
    """Pick what the budget in force allows, a number of epochs for example."""
    return {"smoke": smoke, "default": default, "full": full}[budget()]


def say_budget(*, default: str, full: str) -> str:
    """Say which budget is in force and what it and the others cost, a line each.

    Parameters
    ----------
    default, full : how long a notebook takes, in words

    Examples
    --------
    >>> "full" in say_budget(default="30 seconds", full="6 minutes")
    True
    """
    costs = {"smoke": "seconds", "default": default, "full": full}
    lines = [
        f"ADA_BUDGET={name}{' (in force)' if name == budget() else ''}: {cost}"
        for name, cost in costs.items()
        if name in (budget(), "default", "full")
    ]
    return "\n".join(lines)

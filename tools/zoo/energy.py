"""What each family of reshapes loses of a network's energy at a quarter of its parameters.

Nothing is trained and no input is needed. Once for every weight alone, each with a quarter of its own
parameters, and once for all weights together, whose quarter the planner shares out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from torch_bridge import survey
from tucker_core.joint_plan import WeightOptions, joint_plan, weight_options

FRACTION = 0.25
METHODS = ("default", "svd", "balanced")


def study(network: nn.Module, fraction: float = FRACTION) -> dict[str, Any]:
    """Energy lost by each method, for every weight and in sum.

    Parameters
    ----------
    network : dense, with trained weights
    fraction : of the parameters of all weights that can be compressed

    Returns
    -------
    "weights", a row each; "together", the shares that all weights lose under one budget; "left_out",
    weights of which some method has no format so small

    Examples
    --------
    >>> found = study(nn.Sequential(nn.Linear(40, 30), nn.Linear(30, 20)))
    >>> [sorted(row["lost"]) for row in found["weights"]]
    [['balanced', 'default', 'svd'], ['balanced', 'default', 'svd']]
    """
    arrays = {w.name: w.parameter.detach().float().numpy() for w in survey(network).weights}
    options = [weight_options(name, array) for name, array in arrays.items()]
    rows = [_row(own, arrays[own.name], fraction) for own in options]
    used = [own for own, row in zip(options, rows, strict=True) if len(row["lost"]) == len(METHODS)]
    return {
        "fraction": fraction,
        "weights": [row for row in rows if len(row["lost"]) == len(METHODS)],
        "left_out": [row["name"] for row in rows if len(row["lost"]) < len(METHODS)],
        "together": _together(used, {own.name: arrays[own.name] for own in used}, fraction),
    }


def _row(own: WeightOptions, array: np.ndarray, fraction: float) -> dict[str, Any]:
    most = int(fraction * array.size)
    lost = own.lost_by_family(most)
    found = {name: lost[name] for name in METHODS if name in lost}
    if lost:
        found["default"] = min(lost.values())
    return {
        "name": own.name, "shape": list(array.shape), "params": most,
        "spatial": bool(np.prod(array.shape[2:]) > 1),
        "lost": {name: round(float(share), 5) for name, share in found.items()},
    }  # fmt: skip


def _together(
    options: Sequence[WeightOptions], arrays: dict[str, np.ndarray], fraction: float
) -> dict[str, Any]:
    """Parameters and energy lost of all weights under one budget, by method."""
    budget = int(fraction * sum(array.size for array in arrays.values()))
    energies = {
        name: float(np.square(array, dtype=np.float64).sum()) for name, array in arrays.items()
    }
    found: dict[str, Any] = {"budget": budget}
    for method in METHODS:
        own = [o if method == "default" else o.only(method) for o in options]
        plan = joint_plan(own, budget)
        shares = {o.name: o.lost_by_family(plan[o.name].n_params) for o in own}
        lost = {name: min(share.values()) for name, share in shares.items()}
        found[method] = {
            "params": plan.n_params,
            "of_sum": round(sum(lost[n] * energies[n] for n in lost) / sum(energies.values()), 5),
            "minus_log_kept": round(
                float(sum(-np.log1p(-min(s, 1 - 1e-12)) for s in lost.values())), 4
            ),
        }
    return found

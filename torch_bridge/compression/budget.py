"""What a budget leaves for cores and factors: numbers, parameters, bytes or a ratio."""

import math
from collections.abc import Sequence
from typing import Literal, get_args

from torch import nn

from torch_bridge.compression.survey import Weight
from torch_bridge.weights.count import count_bytes, count_params
from tucker_core.planner import fewest_params

Unit = Literal["numbers", "parameters", "bytes", "ratio"]


def numbers_within(
    model: nn.Module,
    weights: Sequence[Weight],
    budget: float,
    unit: Unit = "numbers",
    least: int | None = None,
) -> int:
    """How many numbers all cores and factors may store so that a model keeps to its budget.

    Parameters
    ----------
    model : the dense model
    weights : those of its weights that are to be compressed
    budget : the ceiling
    unit : of the budget. "numbers": those of cores and factors alone. "parameters": all parameters of the
        compressed model. "bytes": all its parameters and buffers, in the dtypes that they have. "ratio":
        how many times fewer parameters than the dense model, at least
    least : fewest parameters that a plan of the weights stores, by default that of the balanced one

    Raises
    ------
    ValueError
        If the unit is unknown, the budget is no positive number, or nothing fits into it; then the
        smallest possible budget is named.

    Examples
    --------
    >>> from torch_bridge.compression.survey import survey
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> numbers_within(model, survey(model).weights, 2, "ratio")  # 620 / 2, less 20 biases
    290
    """
    if unit not in get_args(Unit):
        raise ValueError(f"unit is {unit!r}; one of {get_args(Unit)} is needed")
    if not (math.isfinite(budget) and budget > 0) or (unit != "ratio" and budget != int(budget)):
        what = "number" if unit == "ratio" else "integer"
        raise ValueError(f"budget is {budget} in the unit {unit!r}; a positive {what} is needed")
    if unit == "numbers":
        return int(budget)
    dense = sum(weight.parameter.numel() for weight in weights)
    others = count_params(model) - dense
    if least is None:
        least = sum(fewest_params(weight.shape) for weight in weights)
    if unit == "bytes":
        size = max(weight.parameter.element_size() for weight in weights)
        stored = sum(
            weight.parameter.numel() * weight.parameter.element_size() for weight in weights
        )
        fixed = count_bytes(model) - stored
        room, smallest = (int(budget) - fixed) // size, f"{fixed + least * size:,} bytes"
    elif unit == "ratio":
        total = count_params(model)
        room, smallest = int(total / budget) - others, f"a ratio of {total / (others + least):.4g}"
    else:
        room, smallest = int(budget) - others, f"{others + least:,} parameters"
    if room < least:
        raise ValueError(
            f"budget is {budget} in the unit {unit!r}; nothing fits beyond {smallest}: {others:,} "
            f"parameters are not compressed, and {len(weights)} weights need at least {least:,}"
        )
    return room

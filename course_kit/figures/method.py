"""The idea of ADA-Tucker in one picture, redrawn after figure 2 of the paper.

A weight is reshaped to a tensor, the tensor is a small core times one matrix per mode, and the
product is reshaped back. All boxes are drawn with lengths in proportion to the dims, so balance can
be seen.
"""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from course_kit.plots import DARK, LIGHT, MIDDLE, box
from tucker_core import tucker_params


def method_figure(
    shape: Sequence[int], cases: Sequence[tuple[Sequence[int], Sequence[int], str]]
) -> Figure:
    """Draw one row per way to reshape a weight: the tensor, its core and matrices, the parameters stored.

    Parameters
    ----------
    shape : shape of the weight
    cases : (dims, core shape, verdict) of each row; order 2 or 3
    """
    figure = Figure(figsize=(11.5, 2.35 * len(cases)), layout="constrained")
    weight = " x ".join(map(str, shape))
    for axes, (dims, rank, verdict) in zip(
        figure.subplots(len(cases), 1, squeeze=False)[:, 0], cases, strict=True
    ):
        _row(axes, weight, tuple(dims), tuple(rank), verdict)
    return figure


def _row(
    axes: Axes, weight: str, dims: tuple[int, ...], rank: tuple[int, ...], verdict: str
) -> None:
    unit = 2.1 / max(dims)
    lengths = [max(dim * unit, 0.06) for dim in dims]
    small = [max(r * unit, 0.06) for r in rank]
    by = " x ".join(map(str, dims))
    axes.text(-0.2, 1.2, f"weight\n{weight}", ha="center", va="center", fontsize=11)
    _arrow(axes, 0.85, 1.5, "reshape")
    box(axes, (1.7, 0.1), lengths, LIGHT, f"tensor {by}")
    _arrow(axes, 4.9, 5.6, "Tucker")
    box(axes, (6.1, 0.9), small, DARK, "core " + " x ".join(map(str, rank)))
    for k, (length, width) in enumerate(zip(lengths, small, strict=True)):
        label = f"$M_{k + 1}$  {dims[k]} x {rank[k]}"
        box(axes, (7.6 + 1.3 * k, 0.1), [length, width], MIDDLE, label)
    stored, core = tucker_params(dims, rank), math.prod(rank)
    text = f"{verdict}\n{stored:,} parameters stored,\n{core:,} of them in the core"
    axes.text(11.4, 1.2, text, va="center", fontsize=11)
    axes.set_xlim(-1.3, 14.4)
    axes.set_ylim(-0.45, 2.75)
    axes.set_aspect("equal")
    axes.axis("off")


def _arrow(axes: Axes, start: float, end: float, label: str) -> None:
    arrow = FancyArrowPatch(
        (start, 1.2), (end, 1.2), arrowstyle="-|>", mutation_scale=14, color=DARK
    )
    axes.add_patch(arrow)
    axes.text((start + end) / 2, 1.32, label, ha="center", fontsize=9)

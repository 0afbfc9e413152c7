"""The Tucker format as boxes drawn to scale: a tensor, its core, one matrix per mode."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from course_kit.plots.style import DARK, LIGHT, MIDDLE
from tucker_core import tucker_params

_SLANT = (0.42, 0.30)  # how the third mode is drawn: right and up


def tucker_diagram(axes: Axes, dims: Sequence[int], rank: Sequence[int]) -> None:
    """Draw tensor = core x matrices with all lengths to one scale, for order 2 or 3.

    Parameters
    ----------
    axes : where to draw
    dims : (I_1, ..., I_N) of the tensor, N = 2 or 3
    rank : (J_1, ..., J_N), the shape of the core

    Raises
    ------
    ValueError
        If the order is not 2 or 3, or a rank does not fit its dimension.
    """
    if len(dims) not in (2, 3):
        raise ValueError(f"dims {tuple(dims)} have {len(dims)} modes; boxes can show 2 or 3")
    stored = tucker_params(dims, rank)
    unit = 2.0 / max(dims)
    lengths = [max(dim * unit, 0.05) for dim in dims]
    small = [max(r * unit, 0.05) for r in rank]
    by = " x ".join(map(str, dims))
    box(axes, (0, 0), lengths, LIGHT, f"tensor {by}: {math.prod(dims):,} entries")
    axes.text(3.55, 1, "=", fontsize=18, ha="center", va="center")
    box(axes, (4.1, 0.6), small, DARK, "core " + " x ".join(map(str, rank)))
    x = 4.1 + small[1] + _SLANT[0] * (small[2] if len(small) > 2 else 0) + 1.0
    for n, (length, width) in enumerate(zip(lengths, small, strict=True)):
        box(axes, (x, 0), [length, width], MIDDLE, f"$M_{n + 1}$\n{dims[n]} x {rank[n]}")
        x += width + 0.75
    axes.text((4.1 + x) / 2, 2.45, f"{stored:,} parameters", ha="center", fontsize=11)
    axes.set(xlim=(-0.3, x), ylim=(-0.75, 2.8), aspect="equal")
    axes.axis("off")


def box(
    axes: Axes, corner: tuple[float, float], lengths: Sequence[float], color: str, label: str
) -> None:
    """Draw a matrix or cuboid: the first mode down, the second to the right, the third backwards.

    Parameters
    ----------
    axes : where to draw
    corner : lower left corner of the front
    lengths : of the two or three modes
    color : of the faces
    label : below the box
    """
    x, y = corner
    height, width = lengths[0], lengths[1]
    depth = lengths[2] if len(lengths) > 2 else 0.0
    dx, dy = depth * _SLANT[0], depth * _SLANT[1]
    front = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    top = [front[3], front[2], (x + width + dx, y + height + dy), (x + dx, y + height + dy)]
    side = [front[1], (x + width + dx, y + dy), (x + width + dx, y + height + dy), front[2]]
    for corners, alpha in ((front, 1.0), (top, 0.75), (side, 0.55)):
        axes.add_patch(Polygon(corners, facecolor=color, edgecolor="black", alpha=alpha, lw=0.8))
    axes.text(x + (width + dx) / 2, y - 0.12, label, ha="center", va="top", fontsize=9)

"""Small tensors and their unfoldings, every entry written in a box of its own.

The shade of a box tells its index in one mode, so that an eye can follow where the entries of a
slice go when the tensor is unfolded.
"""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from course_kit.plots.style import DARK, LIGHT
from tucker_core import unfold

_SHADES = LinearSegmentedColormap.from_list("shades", ["white", LIGHT, "#9fb0c6", "#4c5f7d"])
_GAP = 0.8  # between two slices, in boxes

Matrix = npt.NDArray[np.generic]


def matrix_cells(
    axes: Axes, matrix: Matrix, shades: npt.NDArray[np.integer] | None = None, title: str = ""
) -> None:
    """Draw a matrix as boxes with its entries written in them.

    Parameters
    ----------
    axes : where to draw
    matrix : array of shape (I, K)
    shades : integers of the same shape, 0 is white; by default all boxes are white
    title : above the boxes
    """
    levels = np.zeros(matrix.shape, int) if shades is None else shades
    _boxes(axes, np.asarray(matrix), levels / max(1, int(levels.max())), 0.0)
    _frame(axes, matrix.shape[1], matrix.shape[0], title)


def tensor_cells(axes: Axes, tensor: Matrix, mode: int, title: str = "") -> None:
    """Draw the slices tensor[0], tensor[1], ... of an order-3 tensor, shaded by their index in a mode.

    Raises
    ------
    ValueError
        If the tensor is not of order 3.
    """
    if tensor.ndim != 3:
        raise ValueError(f"tensor has order {tensor.ndim}; three modes can be drawn as slices")
    levels = np.indices(tensor.shape)[mode] / max(1, tensor.shape[mode] - 1)
    step = tensor.shape[2] + _GAP
    for k, (part, level) in enumerate(zip(tensor, levels, strict=True)):
        _boxes(axes, part, level, k * step)
        axes.text(
            k * step + tensor.shape[2] / 2, -tensor.shape[1] - 0.15, f"tensor[{k}]",
            ha="center", va="top", fontsize=9, family="monospace",
        )  # fmt: skip
    _frame(axes, len(tensor) * step - _GAP, tensor.shape[1] + 0.6, title)


def unfolding_cells(axes: Axes, tensor: npt.NDArray[np.floating], mode: int) -> None:
    """Draw the unfolding of a tensor in one mode, row i in the shade of index i."""
    matrix = unfold(tensor, mode)
    rows = np.broadcast_to(np.arange(len(matrix))[:, None], matrix.shape)
    matrix_cells(axes, matrix, rows, f"unfold(tensor, {mode}): {len(matrix)} x {matrix.shape[1]}")


def _boxes(axes: Axes, matrix: Matrix, levels: npt.NDArray[np.floating], x: float) -> None:
    for (i, j), value in np.ndenumerate(matrix):
        level = float(levels[i, j])
        corner = (x + j, -i - 1)
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=_SHADES(level), edgecolor=DARK, lw=0.7))
        color = "white" if level > 0.8 else DARK
        axes.text(x + j + 0.5, -i - 0.5, f"{value:g}", ha="center", va="center", color=color)


def _frame(axes: Axes, width: float, height: float, title: str) -> None:
    axes.set(xlim=(-0.05, width + 0.05), ylim=(-height - 0.05, 0.05), aspect="equal")
    axes.set_title(title, fontsize=11)
    axes.axis("off")

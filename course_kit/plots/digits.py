"""Digits with what a network reads, and file sizes drawn to scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_kit.plots.style import DARK, LIGHT, MIDDLE


def demo_figure(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.uint8],
    predictions: npt.NDArray[np.int64],
    sizes: tuple[int, int],
    title: str,
) -> Figure:
    """Draw digits with what the compressed network reads, beside the two file sizes to scale.

    Parameters
    ----------
    images : bytes of shape (n, 28, 28)
    labels, predictions : (n,), the truth and what the network says
    sizes : bytes of the dense network and of the file
    title : above the digits
    """
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=[1.25, 1])
    left, right = halves
    left.suptitle(title, fontsize=11)
    for axes, image, label, said in zip(
        left.subplots(4, 6).flat, images, labels, predictions, strict=False
    ):
        digit(axes, image, int(label), int(said))
    to_scale(right.add_subplot(), *sizes)
    return figure


def digit(axes: Axes, image: npt.NDArray[np.uint8], label: int, said: int) -> None:
    """Draw one digit with the network's answer; a wrong answer is framed and names the truth."""
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
    wrong = said != label
    text = f"{said}, not {label}" if wrong else f"{said}"
    axes.set_title(text, fontsize=9, pad=2, fontweight="bold" if wrong else "normal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(wrong)
        spine.set_linewidth(2.5)


def to_scale(axes: Axes, dense: int, small: int) -> None:
    """Draw two squares whose areas are the two numbers of bytes."""
    side, little = dense**0.5, small**0.5
    axes.add_patch(Rectangle((0, 0), side, side, facecolor=LIGHT, edgecolor=MIDDLE))
    axes.add_patch(Rectangle((1.3 * side, 0), little, little, facecolor=DARK))
    axes.text(
        side / 2, side / 2, f"dense weights\n{dense:,} bytes", ha="center", va="center", fontsize=12
    )
    axes.annotate(
        f"the .ada file\n{small:,} bytes\n{dense / small:,.0f}x smaller",
        xy=(1.3 * side + little / 2, little), xytext=(1.3 * side + little / 2, 0.22 * side),
        ha="center", fontsize=12, arrowprops={"arrowstyle": "->", "color": DARK},
    )  # fmt: skip
    axes.set_xlim(-0.02 * side, 1.6 * side)
    axes.set_ylim(-0.02 * side, 1.02 * side)
    axes.set_aspect("equal")
    axes.set_title("bytes, drawn to scale (area)", fontsize=11)
    axes.axis("off")


def pick_digits(
    labels: npt.NDArray[np.uint8], predictions: npt.NDArray[np.int64], count: int, n_wrong: int
) -> Sequence[int]:
    """Choose digits to show: the first ones read correctly, and the first `n_wrong` read wrongly last.

    Examples
    --------
    >>> truth, said = np.array([1, 2, 3, 4], np.uint8), np.array([1, 2, 8, 4])
    >>> pick_digits(truth, said, count=3, n_wrong=1)
    [0, 1, 2]
    """
    wrong = np.flatnonzero(labels != predictions)[:n_wrong].tolist()
    right = np.flatnonzero(labels == predictions)[: count - len(wrong)].tolist()
    return [*right, *wrong]

"""One bar per layer (or per whatever has a name), several quantities side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from course_kit.plots.style import DARK, series_style, tidy


def layer_bars(
    axes: Axes,
    names: Sequence[str],
    values: Mapping[str, Sequence[float]],
    *,
    unit: str,
    log: bool = False,
    form: str = "{:,.0f}",
) -> None:
    """Draw a group of bars for each layer, every bar with its number written on it.

    Parameters
    ----------
    axes : where to draw
    names : of the layers
    values : label of a quantity -> one value a layer
    unit : of all values
    log : use a logarithmic axis
    form : how the numbers are written
    """
    width = 0.8 / len(values)
    places = np.arange(len(names))
    for k, (label, heights) in enumerate(values.items()):
        style = series_style(k)
        bars = axes.bar(
            places + (k - (len(values) - 1) / 2) * width, heights, 0.92 * width, label=label,
            color=style.color, hatch=style.hatch, edgecolor="white" if k == 0 else DARK, lw=0.6,
        )  # fmt: skip
        axes.bar_label(bars, [form.format(h) for h in heights], fontsize=8, padding=2)
    axes.set_xticks(places, names)
    axes.set_ylabel(unit)
    if log:
        axes.set_yscale("log")
    if len(values) > 1:
        axes.legend(frameon=False)
    axes.margins(y=0.15)
    tidy(axes, grid=False)

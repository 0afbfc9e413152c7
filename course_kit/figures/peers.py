"""Our times beside those of the best peers, as ratios: right of 1 we are faster."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from course_kit.plots import DARK, MIDDLE, plain_log_ticks, tidy

_MARKERS = {"float32": "o", "float64": "s", "": "D"}
_ASIDE = {"float32": -0.14, "float64": 0.14, "": 0.0}  # so that marks do not hide each other


def family(row: Mapping[str, Any]) -> str:
    """Name of the operation of a measurement, without its variants.

    Examples
    --------
    >>> family({"operation": "mode_dot, mode 0"})
    'mode_dot'
    """
    return str(row["operation"]).partition(",")[0]


def peer_ratios(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw a mark for each measurement: the best peer's time divided by ours, on a logarithmic axis.

    Parameters
    ----------
    axes : where to draw
    rows : the rows of `results/bench_core.json`; a hollow mark is one below its floor
    """
    names = list(dict.fromkeys(family(row) for row in rows))
    for row in rows:
        met = row["ratio"] >= row["floor"]
        axes.plot(
            row["ratio"], names.index(family(row)) + _ASIDE[row["dtype"]], _MARKERS[row["dtype"]],
            ms=6, mec=DARK, mfc=MIDDLE if met else "white",
        )  # fmt: skip
    axes.axvline(1, color=DARK, lw=1.2)
    axes.set_xscale("log")
    plain_log_ticks(axes.xaxis)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("time of the best peer / our time")
    marks = [
        (_MARKERS["float32"], MIDDLE, "float32"),
        (_MARKERS["float64"], MIDDLE, "float64"),
        (_MARKERS[""], MIDDLE, "whole numbers"),
        (_MARKERS["float32"], "white", "hollow: below the floor"),
    ]
    handles = [
        Line2D([], [], marker=shape, ls="", ms=7, mec=DARK, mfc=fill, label=label)
        for shape, fill, label in marks
    ]
    axes.legend(handles=handles, frameon=False, loc="upper right", fontsize=9)
    tidy(axes)

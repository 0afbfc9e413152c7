"""Error and energy lost against the order of the dims, at equal parameters."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_kit.plots import DARK, MIDDLE, tidy


def shapes_figure(content: Mapping[str, Any]) -> Figure:
    """Draw what each order of the dims costs: energy lost by the HOSVD, and the error after training.

    Parameters
    ----------
    content : of a result file of `ada-tucker bench NAME --shapes`
    """
    figure = Figure(figsize=(9.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    runs = [run for run in content["runs"] if "row" in run]
    _panel(left, [(run, 100 * run["energy_lost"]) for run in runs])
    _panel(right, [(run, run["row"]["test_error"]) for run in runs])
    left.set_ylabel("energy lost by the truncated HOSVD, %")
    right.set_ylabel("test error after training, %")
    dense = content["dense"]["test_error"]
    right.axhline(dense, color=MIDDLE, lw=1, ls="--")
    right.text(6.7, dense, f"dense, {dense:.2f} %", ha="right", va="bottom", fontsize=9)
    figure.suptitle(
        f"{content['benchmark']} on {content['data_set']}, {content['fraction']:.0%} of the parameters"
    )
    return figure


def _panel(axes: Axes, points: list[tuple[Mapping[str, Any], float]]) -> None:
    """Filled marks for balanced dims, open ones for the layer's; dims of the largest weight beside."""
    for run, value in points:
        balanced = run["title"] == "balanced"
        axes.plot(run["order"], value, "o", color=DARK, mfc=DARK if balanced else "white", ms=8)
        first = run["seed"] == points[0][0]["seed"]
        if first:
            axes.annotate(
                " x ".join(map(str, run["dims"])), (run["order"], value),
                xytext=(0, 9 if balanced else -9), textcoords="offset points", fontsize=9,
                ha="center", va="bottom" if balanced else "top",
            )  # fmt: skip
    axes.set_xlabel("order (filled: balanced dims)")
    axes.set_xlim(1.4, 6.8)
    axes.margins(y=0.15)
    axes.set_xticks(range(2, 7))
    tidy(axes)

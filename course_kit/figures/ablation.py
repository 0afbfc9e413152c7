"""The outcome of a study as a picture: a mark per seed, a bar or a line at the median."""

import statistics
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from course_kit.plots import DARK, MIDDLE, plain_log_ticks, tidy


def ablation_figure(result: Mapping[str, Any]) -> Figure:
    """Draw the test error of every setting of a study, one row a setting, error on a log axis.

    Parameters
    ----------
    result : content of a result file of `ada-tucker ablate`
    """
    errors: dict[str, list[float]] = {}
    for outcome in result["outcomes"]:
        errors.setdefault(outcome["setting"], []).append(outcome["test_error"])
    figure = Figure(figsize=(8, 1.1 + 0.42 * len(errors)), layout="constrained")
    axes = figure.add_subplot()
    for row, found in enumerate(errors.values()):
        middle = statistics.median(found)
        axes.plot(found, [row] * len(found), "o", color=DARK, mfc="none", ms=7)
        axes.plot([middle] * 2, [row - 0.3, row + 0.3], color=MIDDLE, lw=3)
        axes.annotate(
            f"{middle:.2f} %", (max(found), row), (10, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(range(len(errors)), list(errors))
    axes.invert_yaxis()
    axes.set_xscale("log")
    plain_log_ticks(axes.xaxis)
    axes.margins(x=0.18)
    axes.set_xlabel("test error, % (log scale); ring: one seed, bar: median")
    stored = max(outcome["params"] for outcome in result["outcomes"])
    axes.set_title(
        f"{result['study']}: {result['model']} on {result['data_set']}, "
        f"at most {stored:,} parameters stored"
    )
    tidy(axes)
    return figure


def budgets_figure(result: Mapping[str, Any]) -> Figure:
    """Draw test error against parameters stored, one panel a network, one line a way of storing.

    Parameters
    ----------
    result : content of a result file whose settings read "network, way, budget"
    """
    panels: dict[str, dict[str, dict[str, list[tuple[int, float]]]]] = {}
    for outcome in result["outcomes"]:
        network, way, budget = outcome["setting"].split(", ")
        lines = panels.setdefault(network, {}).setdefault(way, {})
        lines.setdefault(budget, []).append((outcome["params"], outcome["test_error"]))
    figure = Figure(figsize=(5 * len(panels), 4), layout="constrained")
    for axes, (network, ways) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for (way, budgets), shape in zip(ways.items(), "os^D", strict=False):
            middles = [
                (statistics.median(n for n, _ in found), statistics.median(e for _, e in found))
                for found in budgets.values()
            ]
            everything = [point for found in budgets.values() for point in found]
            axes.plot(*zip(*everything, strict=True), shape, color=DARK, mfc="none", ms=5)
            style = "-" if shape == "o" else "--"
            axes.plot(*zip(*middles, strict=True), f"{shape}{style}", color=MIDDLE, label=way)
        axes.set_xscale("log")
        axes.set_yscale("log")
        plain_log_ticks(axes.xaxis)
        plain_log_ticks(axes.yaxis)
        axes.set_xlabel("parameters stored")
        axes.set_title(f"{network} on {result['data_set']}")
        axes.legend()
        tidy(axes)
    figure.axes[0].set_ylabel("test error, %; open marks: seeds, lines: medians")
    return figure

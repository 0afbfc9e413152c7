"""The outcome of a study as a picture: a mark per seed, a bar at the median."""

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

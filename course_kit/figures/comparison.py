"""Methods side by side: error against bytes, each with the range over its seeds."""

import statistics
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from course_kit.plots import DARK, MIDDLE, plain_log_ticks, tidy

_SHAPES = "osD^vP*X"
OURS = ("ada", "scada", "scada-groups")
TITLES = {
    "ada": "ADA-Tucker",
    "scada": "SCADA-Tucker",
    "scada-groups": "SCADA-Tucker in groups",
    "svd": "truncated SVD",
    "tucker2": "Tucker-2",
    "tt": "tensor train",
    "pruning": "magnitude pruning",
    "rounding": "rounding alone",
}


def compare_figure(content: Mapping[str, Any]) -> Figure:
    """Draw test error against bytes of the file, both on log scales, a line for each method.

    Parameters
    ----------
    content : of a result file of `ada-tucker bench NAME --compare`; marks are medians over the seeds,
        bars go from the least error to the largest
    """
    figure = Figure(figsize=(9.5, 6), layout="constrained")
    axes = figure.add_subplot()
    for (method, title), shape in zip(TITLES.items(), _SHAPES, strict=False):
        points = sorted(middles(content, method))
        if not points:
            continue
        sizes, errors, least, most = zip(*points, strict=True)
        ours = method in OURS
        axes.errorbar(
            sizes, errors,
            [[e - low for e, low in zip(errors, least, strict=True)],
             [high - e for e, high in zip(errors, most, strict=True)]],
            fmt=f"{shape}-" if ours else f"{shape}:", color=DARK if ours else MIDDLE,
            mfc=DARK if ours else "white", ms=7, capsize=3, label=title,
        )  # fmt: skip
    dense = content["dense"]["test_error"]
    axes.axhline(dense, color=MIDDLE, lw=1, ls="--", label=f"dense, {dense:.2f} %")
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_log_ticks(axes.xaxis)
    plain_log_ticks(axes.yaxis)
    tidy(axes)
    axes.set_xlabel("bytes of the file")
    axes.set_ylabel("test error, %; bars: all seeds")
    axes.set_title(
        f"{content['benchmark']} on {content['data_set']}: same training, quantizer and coder for all"
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=4, frameon=False)
    return figure


def rates_figure(content: Mapping[str, Any]) -> Figure:
    """Draw test error against the fraction of the parameters that share the same bytes.

    Parameters
    ----------
    content : of a result file of `ada-tucker bench NAME --compare --fractions ...`; lines are medians
        over the seeds, open marks are seeds
    """
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes, dense = figure.add_subplot(), content["dense"]
    done = [run for run in content["runs"] if "row" in run]
    for ratio, shape in zip(sorted({run["ratio"] for run in done}), _SHAPES, strict=False):
        mine = [run for run in done if run["ratio"] == ratio]
        points = []
        for bits in {run["bits"] for run in mine}:
            rows = [run["row"] for run in mine if run["bits"] == bits]
            errors = [row["test_error"] for row in rows]
            part = 100 * statistics.median(row["params"] for row in rows) / dense["params"]
            points.append((part, statistics.median(errors)))
            axes.plot([part] * len(errors), errors, shape, color=DARK, mfc="none", ms=5)
        size = statistics.median(run["row"]["n_bytes"] for run in mine)
        axes.plot(*zip(*sorted(points), strict=True), f"{shape}-", color=MIDDLE)
        axes.annotate(
            f"{size:,.0f} bytes",
            max(points),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.axhline(dense["test_error"], color=MIDDLE, lw=1, ls="--")
    axes.set_xscale("log")
    axes.set_xlim(right=300)
    plain_log_ticks(axes.xaxis)
    tidy(axes)
    axes.set_xlabel("parameters stored, % of the dense network's; 100 is rounding alone")
    axes.set_ylabel(f"test error, %; dashed: dense, {dense['test_error']:.2f} %")
    axes.set_title(
        f"{content['benchmark']} on {content['data_set']}: few fine parameters or many coarse ones"
    )
    return figure


def middles(content: Mapping[str, Any], method: str) -> list[tuple[float, float, float, float]]:
    """Median bytes, median, least and largest error of a method at every size that it was made for.

    Examples
    --------
    >>> row = {"n_bytes": 100, "test_error": 1.0}
    >>> run = {"method": "svd", "ratio": 9.0, "row": row}
    >>> middles({"runs": [run, run | {"row": row | {"test_error": 2.0}}]}, "svd")
    [(100.0, 1.5, 1.0, 2.0)]
    """
    return [
        (
            float(statistics.median(row["n_bytes"] for row in found)),
            statistics.median(errors := [row["test_error"] for row in found]),
            min(errors),
            max(errors),
        )
        for found in rows_by_size(content, method).values()
        if found
    ]


def rows_by_size(content: Mapping[str, Any], method: str) -> dict[float, list[Any]]:
    """Rows of a method, one a seed, by the target ratio; none where nothing fitted.

    Examples
    --------
    >>> run = {"method": "svd", "ratio": 9.0, "reason": "nothing fits"}
    >>> rows_by_size({"runs": [run]}, "svd")
    {9.0: []}
    """
    rows: dict[float, list[Any]] = {}
    for run in content["runs"]:
        if run["method"] == method:
            rows.setdefault(run["ratio"], []).extend([run["row"]] if "row" in run else [])
    return rows

"""Error against compression for a benchmark: our twins beside published curves, by what each counts."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from matplotlib.figure import Figure

from course_kit.paths import DATA
from course_kit.plots import DARK, MIDDLE

_SHAPES = "osD^vP*X"


def published_benchmark(model: str) -> list[dict[str, Any]]:
    """Published results of a network: name, ratio, error in percent or None, what is counted, source.

    Examples
    --------
    >>> published_benchmark("resnet32")[2]["error"]
    8.15
    """
    records = json.loads((DATA / "records.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = records["benchmarks"].get(model, [])
    return found


def benchmark_figure(
    model: str, series: Mapping[str, Sequence[tuple[float, float]]], dense: Mapping[str, float]
) -> Figure:
    """Draw error against how many times smaller, on a logarithmic scale.

    Parameters
    ----------
    model : a network of the benchmarks; what is published of it is drawn as open marks
    series : name, which says what it counts -> (ratio, test error in percent) of our networks
    dense : name -> test error in percent of dense networks, drawn as level lines

    Examples
    --------
    >>> figure = benchmark_figure("resnet32", {"ours, bytes": [(15.0, 9.0)]}, {"dense": 8.0})
    >>> figure.axes[0].get_xscale()
    'log'
    """
    figure = Figure(figsize=(9.5, 6), layout="constrained")
    axes = figure.add_subplot()
    for (name, points), shape in zip(series.items(), _SHAPES, strict=False):
        ratios, errors = zip(*sorted(points), strict=True)
        axes.plot(ratios, errors, f"{shape}-", color=DARK, markersize=7, label=name)
    known = [record for record in published_benchmark(model) if record["error"] is not None]
    curves = groupby(known, key=lambda record: (record["name"].split(",")[0], record["counted"]))
    for ((name, counted), records), shape in zip(curves, _SHAPES[::-1], strict=False):
        ratios, errors = zip(*((r["ratio"], r["error"]) for r in records), strict=True)
        axes.plot(
            ratios, errors, f"{shape}:", color=MIDDLE, mfc="white", label=f"{name} ({counted})"
        )
    for (name, error), style in zip(dense.items(), ("-", "--", "-."), strict=False):
        axes.axhline(
            error, color=MIDDLE, linestyle=style, linewidth=1, label=f"{name}, {error:.2f} %"
        )
    axes.set_xscale("log")
    axes.set_xlabel("times smaller than the dense network, by what each counts")
    axes.set_ylabel("test error, %")
    axes.set_title(f"{model}: error against compression; published ones on the original CIFAR-10")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    return figure

"""Error against compression for a benchmark: ours beside published curves, by what each counts."""

from collections.abc import Sequence
from itertools import cycle, groupby

from matplotlib.figure import Figure

from course_kit.notebook.results import Result, compressed_runs
from course_kit.plots import DARK, MIDDLE, plain_log_ticks, tidy
from tucker_core.results import published

_SHAPES = "osD^vP*X"
_STYLES = ("-", "--", "-.")  # of the dense networks' lines


def benchmark_figure(model: str, runs: Sequence[Result]) -> Figure:
    """Draw error against how many times smaller, on a logarithmic scale.

    Parameters
    ----------
    model : a network of the benchmarks; what is published of it is drawn as open marks
    runs : of result files of `ada-tucker bench`; the compressed networks are drawn as full
        marks, once by their bytes and once by their parameters, and their dense networks as level lines

    Examples
    --------
    >>> dense = {"params": 100, "test_error": 8.0}
    >>> small = {"params": 40, "test_error": 9.0, "ratio": 15.0}
    >>> run = {"rows": [dense, small], "recipe": {"method": "ada"}, "data_set": "CIFAR-10"}
    >>> figure = benchmark_figure("resnet32", [run])
    >>> [mark.get_label() for mark in figure.axes[0].get_lines()[:2]]
    ['ours, ada, CIFAR-10: bytes', 'ours, ada, CIFAR-10: parameters']
    """
    series: dict[str, list[tuple[float, float]]] = {}
    dense: list[tuple[str, float]] = []
    for run in compressed_runs(runs):
        whole, row = run["rows"]
        kind, error = f"ours, {run['recipe']['method']}, {run['data_set']}", row["test_error"]
        fewer = whole["params"] / row["params"]
        series.setdefault(f"{kind}: bytes", []).append((row["ratio"], error))
        series.setdefault(f"{kind}: parameters", []).append((fewer, error))
        dense.append((f"dense, {run['data_set']}", whole["test_error"]))
    figure = Figure(figsize=(9.5, 6), layout="constrained")
    axes = figure.add_subplot()
    for (name, points), shape in zip(series.items(), _SHAPES, strict=False):
        ratios, errors = zip(*sorted(points), strict=True)
        axes.plot(ratios, errors, f"{shape}-", color=DARK, markersize=7, label=name)
    known = [record for record in published(model) if record["error"] is not None]
    curves = groupby(known, key=lambda record: (record["name"].split(",")[0], record["counted"]))
    for ((name, counted), records), shape in zip(curves, _SHAPES[::-1], strict=False):
        ratios, errors = zip(*((r["ratio"], r["error"]) for r in records), strict=True)
        axes.plot(
            ratios, errors, f"{shape}:", color=MIDDLE, mfc="white", label=f"{name} ({counted})"
        )
    for (name, error), style in zip(dict.fromkeys(dense), cycle(_STYLES), strict=False):
        axes.axhline(
            error, color=MIDDLE, linestyle=style, linewidth=1, label=f"{name}, {error:.2f} %"
        )
    axes.set_xscale("log")
    plain_log_ticks(axes.xaxis)
    tidy(axes)
    axes.set_xlabel("times smaller than the dense network, by what each counts")
    axes.set_ylabel("test error, %")
    axes.set_title(f"{model}: error against compression; published ones on the original CIFAR-10")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    return figure

"""Error against compression for a benchmark: ours beside published curves, by what each counts."""

from collections.abc import Sequence
from itertools import cycle, groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_kit.notebook.results import Result, compressed_runs
from course_kit.plots import DARK, MIDDLE, plain_log_ticks, tidy
from tucker_core.layer_counts import honest_title
from tucker_core.results import published

_SHAPES = "osD^vP*X"
_STYLES = ("-", "--", "-.")  # of the dense networks' lines


def benchmark_figure(model: str, runs: Sequence[Result]) -> Figure:
    """Draw error against how many times smaller, on a logarithmic scale.

    Parameters
    ----------
    model : a network of the benchmarks; what is published of it is drawn as open marks
    runs : of result files of `ada-tucker bench`; the compressed networks are drawn as full marks, by
        bytes on the left and by parameters on the right, and their dense networks as level lines

    Examples
    --------
    >>> dense = {"params": 100, "test_error": 8.0}
    >>> small = {"params": 40, "test_error": 9.0, "ratio": 15.0}
    >>> run = {"rows": [dense, small], "recipe": {"method": "ada"}, "data_set": "CIFAR-10",
    ...        "plan": [("fc", (10, 10), (2, 2))]}
    >>> figure = benchmark_figure("resnet32", [run])
    >>> [axes.get_lines()[0].get_label() for axes in figure.axes]
    ['ADA-Tucker, CIFAR-10', 'ADA-Tucker, CIFAR-10']
    """
    known = [record for record in published(model) if record["error"] is not None]
    small = compressed_runs(runs)
    figure = Figure(figsize=(10.5, 5.5), layout="constrained")
    for axes, counted in zip(
        figure.subplots(1, 2, sharey=True), ("bytes", "parameters"), strict=True
    ):
        _ours(axes, small, counted)
        _published(axes, [record for record in known if _counts(record) == counted])
        _dense(axes, small)
        axes.set_xscale("log")
        plain_log_ticks(axes.xaxis)
        tidy(axes)
        axes.set_xlabel(f"times fewer {counted} than the dense network")
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    figure.axes[0].set_ylabel("test error, %")
    figure.suptitle(f"{model}: error against compression; published ones on the original images")
    return figure


def _ours(axes: Axes, runs: Sequence[Result], counted: str) -> None:
    series: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        whole, row = run["rows"]
        fewer = row["ratio"] if counted == "bytes" else whole["params"] / row["params"]
        name = f"{honest_title(run).split(',')[0]}, {run['data_set']}"
        series.setdefault(name, []).append((fewer, row["test_error"]))
    for (name, points), shape in zip(series.items(), _SHAPES, strict=False):
        ratios, errors = zip(*sorted(points), strict=True)
        axes.plot(ratios, errors, f"{shape}-", color=DARK, markersize=7, label=name)


def _published(axes: Axes, records: Sequence[Result]) -> None:
    curves = groupby(records, key=lambda record: (record["name"].split(",")[0], record["counted"]))
    for ((name, counted), found), shape in zip(curves, _SHAPES[::-1], strict=False):
        ratios, errors = zip(*((r["ratio"], r["error"]) for r in found), strict=True)
        axes.plot(
            ratios, errors, f"{shape}:", color=MIDDLE, mfc="white", label=f"{name} ({counted})"
        )


def _counts(record: Result) -> str:
    """Which of the two a published ratio is of."""
    return "parameters" if "parameters" in record["counted"] else "bytes"


def _dense(axes: Axes, runs: Sequence[Result]) -> None:
    found = ((f"dense, {run['data_set']}", run["rows"][0]["test_error"]) for run in runs)
    for (name, error), style in zip(dict.fromkeys(found), cycle(_STYLES), strict=False):
        axes.axhline(
            error, color=MIDDLE, linestyle=style, linewidth=1, label=f"{name}, {error:.2f} %"
        )

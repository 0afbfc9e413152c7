"""Error against bytes: our files beside the published records, each by what it counts."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from course_kit.plots import DARK, MIDDLE, plain_log_ticks, tidy
from tucker_core.results import claimed_bytes, published

_SHAPES = "osD^vP*X"
__all__ = ["claimed_bytes", "pareto_figure", "published"]


def pareto_figure(
    model: str, series: Mapping[str, Sequence[tuple[int, float]]], dense: Mapping[str, float]
) -> Figure:
    """Draw error against bytes on a logarithmic scale.

    Parameters
    ----------
    model : "lenet5" or "lenet300"; its published records are drawn as open marks
    series : name -> (bytes, test error in percent) of our files
    dense : name -> test error in percent of dense networks, drawn as level lines
    """
    figure = Figure(figsize=(9.5, 7), layout="constrained")
    axes = figure.add_subplot()
    for (name, points), shape in zip(series.items(), _SHAPES, strict=False):
        sizes, errors = zip(*sorted(points), strict=True)
        axes.plot(sizes, errors, shape, color=DARK, markersize=7, label=name)
    for record, shape in zip(published(model), _SHAPES[::-1], strict=False):
        label = f"{record['name']} ({record['counted']})"
        axes.plot(
            record["bytes"], record["error"], shape, mfc="white", mec=MIDDLE, ms=8, label=label
        )
    claim = claimed_bytes(model)
    axes.axvline(claim, color=MIDDLE, linestyle=":", label=f"the paper's claim, {claim:,} bytes")
    for (name, error), style in zip(dense.items(), ("-", "--", "-."), strict=False):
        axes.axhline(
            error, color=MIDDLE, linestyle=style, linewidth=1, label=f"{name}, {error:.2f} %"
        )
    axes.set_xscale("log")
    plain_log_ticks(axes.xaxis)
    tidy(axes)
    axes.set_xlabel("bytes of the file")
    axes.set_ylabel("test error, %")
    axes.set_title(f"{model} on MNIST: error against bytes")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    return figure

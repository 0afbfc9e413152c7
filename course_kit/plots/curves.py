"""Curves of the course: spectra, errors against size, training, predictions against measurements."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from course_kit.plots.style import DARK, MIDDLE, plain_log_ticks, series_style, tidy

Numbers = Sequence[float] | npt.NDArray[np.floating]


def spectra(
    axes: Axes, spectrum: Mapping[str, Numbers], kept: Mapping[str, int] | None = None
) -> None:
    """Draw the singular values of several unfoldings, as shares of each one's largest.

    Parameters
    ----------
    axes : where to draw
    spectrum : label -> singular values, largest first
    kept : label -> how many are kept; that place is marked by a large hollow ring
    """
    for k, (label, values) in enumerate(spectrum.items()):
        style = series_style(k)
        share = np.asarray(values) / values[0]
        index = np.arange(1, len(share) + 1)
        axes.semilogy(
            index, share, style.marker, ls=style.line, color=style.color, ms=3.5, label=label,
            markevery=max(1, len(share) // 20),
        )  # fmt: skip
        if kept and label in kept:
            j = kept[label]
            axes.plot(j, share[j - 1], "o", ms=12, mfc="none", mec=style.color, mew=2)
    axes.set(xlabel="number of the singular value", ylabel="size (largest = 1)")
    plain_log_ticks(axes.yaxis)
    axes.legend(frameon=False)
    tidy(axes)


def error_against_size(
    axes: Axes,
    series: Mapping[str, tuple[Numbers, Numbers]],
    *,
    xlabel: str = "bytes",
    ylabel: str = "error, %",
) -> None:
    """Draw errors against bytes (or parameters stored), sizes on a logarithmic axis.

    Parameters
    ----------
    axes : where to draw
    series : label -> (sizes, errors), as many of one as of the other
    xlabel, ylabel : what is on the axes, with units
    """
    for k, (label, (sizes, errors)) in enumerate(series.items()):
        style = series_style(k)
        order = np.argsort(np.asarray(sizes))
        axes.semilogx(
            np.asarray(sizes)[order], np.asarray(errors)[order],
            marker=style.marker, ls=style.line, color=style.color, label=label,
        )  # fmt: skip
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_ylim(bottom=0)
    plain_log_ticks(axes.xaxis)
    if len(series) > 1:
        axes.legend(frameon=False)
    tidy(axes)


def training_curves(
    axes: Axes, curves: Mapping[str, Numbers], *, ylabel: str = "error, %", log: bool = False
) -> None:
    """Draw one curve per run over its epochs, each named at its end.

    Parameters
    ----------
    axes : where to draw
    curves : label -> one value per epoch
    ylabel : what is drawn, with its unit
    log : use a logarithmic axis
    """
    for k, (label, values) in enumerate(curves.items()):
        style = series_style(k)
        epochs = np.arange(1, len(values) + 1)
        axes.plot(epochs, values, ls=style.line, color=style.color, label=label)
        axes.plot(epochs[-1], values[-1], style.marker, color=style.color, ms=6)
    axes.set(xlabel="epoch", ylabel=ylabel)
    if log:
        axes.set_yscale("log")
        plain_log_ticks(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    tidy(axes)


def predicted_against_measured(
    axes: Axes, predicted: Numbers, measured: Numbers, *, unit: str, names: Sequence[str] = ()
) -> None:
    """Draw measurements over predictions with the line where both agree.

    Both axes are logarithmic where the numbers span more than a factor of ten, else linear from 0.

    Parameters
    ----------
    axes : where to draw
    predicted, measured : positive numbers, one pair a point
    unit : of both
    names : written beside the points
    """
    both = np.concatenate([np.asarray(predicted), np.asarray(measured)])
    wide = float(both.max()) > 10 * float(both.min())
    ends = [float(both.min()) / 1.3 if wide else 0.0, float(both.max()) * (1.3 if wide else 1.1)]
    axes.plot(ends, ends, color=MIDDLE, ls="--", label="measured = predicted")
    axes.plot(predicted, measured, "o", color=DARK)
    for name, x, y in zip(names, predicted, measured, strict=False):
        axes.annotate(name, (x, y), xytext=(6, -10), textcoords="offset points", fontsize=9)
    axes.set(xlabel=f"predicted, {unit}", ylabel=f"measured, {unit}", xlim=ends, ylim=ends)
    if wide:
        axes.set(xscale="log", yscale="log")
        plain_log_ticks(axes.xaxis)
        plain_log_ticks(axes.yaxis)
    axes.legend(frameon=False, loc="upper left")
    tidy(axes)

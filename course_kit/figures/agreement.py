"""How far a compressed network comes to agree with the dense one, against the time spent on it."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from course_kit.plots import DARK, MIDDLE, tidy


def agreement_figure(curve: Sequence[Mapping[str, float]]) -> Figure:
    """Draw agreement against processor seconds.

    Parameters
    ----------
    curve : rows with "cpu_seconds", "agreement" and "validation_agreement", 0 to 1

    Examples
    --------
    >>> rows = [{"cpu_seconds": 0.0, "agreement": 0.0, "validation_agreement": 0.1}]
    >>> agreement_figure(rows).axes[0].get_ylabel()
    'same first answer as the dense network, %'
    """
    figure = Figure(figsize=(6.5, 3.8), layout="constrained")
    axes = figure.subplots()
    spent = [row["cpu_seconds"] for row in curve]
    for name, label, colour, style in (
        ("agreement", "test photographs", DARK, "o-"),
        ("validation_agreement", "validation photographs", MIDDLE, "s--"),
    ):
        axes.plot(spent, [100 * row[name] for row in curve], style, color=colour, label=label)
    axes.set_ylim(0, 100)
    axes.set_xlabel("processor seconds of training, one thread")
    axes.set_ylabel("same first answer as the dense network, %")
    axes.set_title("EfficientNet-lite0 at half of its parameters: agreement, not accuracy")
    axes.legend()
    tidy(axes)
    return figure

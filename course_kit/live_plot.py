"""A picture of a training that redraws itself after every epoch in a notebook."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from matplotlib.figure import Figure

from course_kit.plots import DARK, MIDDLE


class Table(Protocol):
    """What is known of the epochs so far."""

    def table(self) -> Sequence[Mapping[str, float]]:
        """One row an epoch, by column name."""
        ...


def training_figure(rows: Sequence[Mapping[str, float]]) -> Figure:
    """Draw loss and validation error over the epochs.

    Parameters
    ----------
    rows : "epoch", "loss" and "val_error" (percent) of each epoch

    Examples
    --------
    >>> figure = training_figure([{"epoch": 1, "loss": 2.0, "val_error": 60.0}])
    >>> figure.axes[0].get_ylabel(), figure.axes[1].get_ylabel()
    ('loss', 'validation error, %')
    """
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    left = figure.add_subplot()
    right = left.twinx()
    epochs = [row["epoch"] for row in rows]
    left.plot(epochs, [row["loss"] for row in rows], "o--", color=MIDDLE, label="loss")
    right.plot(
        epochs, [row["val_error"] for row in rows], "o-", color=DARK, label="validation error"
    )
    left.set_xlabel("epoch")
    left.set_ylabel("loss")
    right.set_ylabel("validation error, %")
    figure.legend(loc="outside upper center", ncols=2, fontsize=8)
    return figure


class LivePlot:
    """Shows the picture in a notebook; give it to `train(..., on_epoch=LivePlot())`."""

    def __init__(self) -> None:
        self._shown: Any = None

    def __call__(self, journal: Table) -> None:
        """Draw the epochs so far in place of the last picture."""
        from IPython.display import display

        figure = training_figure(journal.table())
        if self._shown is None:
            self._shown = display(figure, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._shown.update(figure)

"""Colours, markers and lines that tell series apart in colour, in grey, and for the colour-blind."""

from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, NullFormatter

from tucker_core.files import replacing

DARK, MIDDLE, LIGHT = "#1b2a41", "#7a8ca3", "#dfe5ec"


class SeriesStyle(NamedTuple):
    """How one series is drawn; no two share a marker, a line or a hatch."""

    color: str
    marker: str
    line: str
    hatch: str


# Okabe and Ito's palette for the colour-blind, in an order of which neighbours differ in brightness.
SERIES = (
    SeriesStyle(DARK, "o", "-", ""),
    SeriesStyle("#d55e00", "s", "--", "///"),
    SeriesStyle("#56b4e9", "^", "-.", "..."),
    SeriesStyle("#009e73", "D", ":", "xxx"),
    SeriesStyle("#b0b0b0", "v", (0, (5, 1, 1, 1, 1, 1)), "\\\\\\"),  # type: ignore[arg-type]
    SeriesStyle("#cc79a7", "P", (0, (1, 3)), "+++"),  # type: ignore[arg-type]
)


def series_style(index: int) -> SeriesStyle:
    """Style of the series with this number, from 0.

    Raises
    ------
    ValueError
        If there are more series than styles: seven lines in one picture cannot be told apart.

    Examples
    --------
    >>> series_style(0).marker
    'o'
    """
    if not 0 <= index < len(SERIES):
        raise ValueError(
            f"series {index} has no style; 0 to {len(SERIES) - 1} have one: draw two pictures"
        )
    return SERIES[index]


def tidy(axes: Axes, *, grid: bool = True) -> None:
    """Take away the box and add a light grid, so that only the data are dark."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(color=LIGHT, which="major")


class _PlainLogLocator(Locator):
    """Round numbers on a logarithmic axis, some five of them whatever its span."""

    def __call__(self) -> Any:
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Any:
        span = vmax / vmin
        subs = (1.0, 2.0, 3.0, 5.0) if span < 20 else (1.0, 2.0, 5.0) if span < 1_000 else (1.0,)
        return LogLocator(subs=subs).tick_values(vmin, vmax)


def plain_log_ticks(axis: Axis) -> None:
    """Label a logarithmic axis at round numbers, written plainly: 0.5, 20, 1,000."""
    axis.set_major_locator(_PlainLogLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def save_figure(figure: Figure, path: Path, *, dpi: int = 150) -> None:
    """Write a figure through a temporary file, making its folder if need be."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=dpi, bbox_inches="tight")

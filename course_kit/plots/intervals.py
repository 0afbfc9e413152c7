"""Arithmetic coding drawn: every symbol of a message cuts its part out of the interval."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from course_kit.plots.style import DARK, LIGHT, MIDDLE

_WIDTH = 0.62  # of a bar; the bars are 1 apart


def coding_intervals(
    axes: Axes, shares: Mapping[int, float], message: Sequence[int]
) -> list[tuple[float, float]]:
    """Draw one bar for each symbol of a message: the interval so far, and the part that it takes.

    Every bar is the dark part of the bar before it, magnified; its two ends are written on it.

    Parameters
    ----------
    axes : where to draw
    shares : symbol -> probability, from the bottom to the top; they add up to 1
    message : symbols, first to last

    Returns
    -------
    (low, high) of the interval before the first symbol, then after each

    Raises
    ------
    ValueError
        If a symbol of the message has no share, or the shares don't add up to 1.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> coding_intervals(Figure().add_subplot(), {0: 0.75, 1: 0.25}, [1, 0])
    [(0.0, 1.0), (0.75, 1.0), (0.75, 0.9375)]
    """
    _check(shares, message)
    low, width = 0.0, 1.0
    intervals = [(low, low + width)]
    for place, symbol in enumerate(message):
        bottom = _bar(axes, shares, place, symbol)
        _ends(axes, place, low, low + width)
        _funnel(axes, place, bottom, bottom + shares[symbol])
        low, width = low + width * bottom, width * shares[symbol]
        intervals.append((low, low + width))
    last = len(message)
    axes.add_patch(Rectangle((last, 0), _WIDTH, 1, facecolor=DARK, edgecolor=DARK))
    _ends(axes, last, *intervals[-1])
    axes.set(xlim=(-0.25, last + 0.9), ylim=(-0.12, 1.12))
    axes.set_xticks([place + _WIDTH / 2 for place in range(last + 1)], [*map(str, message), "end"])
    axes.set_xlabel("symbol of the message")
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return intervals


def _check(shares: Mapping[int, float], message: Sequence[int]) -> None:
    unknown = sorted(set(message) - set(shares))
    if unknown:
        raise ValueError(f"{unknown} have no share; {sorted(shares)} have one")
    total = sum(shares.values())
    if abs(total - 1) > 1e-9:
        raise ValueError(f"the shares add up to {total}, not to 1")


def _bar(axes: Axes, shares: Mapping[int, float], place: int, symbol: int) -> float:
    """Draw a bar cut into its parts; gives the bottom of the symbol's."""
    bottom = found = 0.0
    for other, share in shares.items():
        chosen = other == symbol
        color = MIDDLE if chosen else LIGHT
        axes.add_patch(Rectangle((place, bottom), _WIDTH, share, facecolor=color, edgecolor=DARK))
        axes.text(
            place + _WIDTH / 2, bottom + share / 2, str(other), ha="center", va="center",
            fontsize=9, fontweight="bold" if chosen else "normal",
        )  # fmt: skip
        found = bottom if chosen else found
        bottom += share
    return found


def _ends(axes: Axes, place: int, low: float, high: float) -> None:
    for y, value, va in ((-0.02, low, "top"), (1.02, high, "bottom")):
        axes.text(place + _WIDTH / 2, y, f"{value:.5f}", ha="center", va=va, fontsize=8)


def _funnel(axes: Axes, place: int, bottom: float, top: float) -> None:
    """Lines from the chosen part to the whole height of the next bar."""
    for start, end in ((bottom, 0.0), (top, 1.0)):
        axes.plot([place + _WIDTH, place + 1], [start, end], color=DARK, lw=0.8, ls=":")

"""A file as a map: every byte a box, every run of bytes that belongs together in one shade."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from course_kit.plots.style import DARK, MIDDLE

_LETTER = 0.95  # width of a letter, in boxes of a map that is 56 wide


class Shade(NamedTuple):
    """How one kind of bytes is filled: no two are alike in grey."""

    color: str
    hatch: str


SHADES = (
    Shade(DARK, ""),
    Shade("#d55e00", "////"),
    Shade("#56b4e9", "...."),
    Shade("#b4c2d3", ""),
    Shade("white", ""),
    Shade(MIDDLE, "xxxx"),
)


def byte_map(
    axes: Axes, segments: Sequence[tuple[str, str, float]], *, columns: int = 56
) -> dict[str, float]:
    """Draw the bytes of a file row by row, and say how many each kind has.

    Parameters
    ----------
    axes : where to draw
    segments : (label, kind, bytes) in the order of the file; a segment may end inside a byte
    columns : bytes a row

    Returns
    -------
    kind -> bytes, in order of appearance

    Raises
    ------
    ValueError
        If there are more than six kinds.
    """
    kinds: dict[str, float] = {}
    for _, kind, n_bytes in segments:
        kinds[kind] = kinds.get(kind, 0.0) + n_bytes
    if len(kinds) > len(SHADES):
        raise ValueError(f"{len(kinds)} kinds of bytes; {len(SHADES)} can be told apart in grey")
    shades = dict(zip(kinds, SHADES, strict=False))
    end = sum(kinds.values())
    _draw(axes, segments, shades, columns)
    for byte in range(round(end)):
        row, column = divmod(byte, columns)
        box = Rectangle((column, row), 1, 1, fill=False, edgecolor=MIDDLE, lw=0.3)
        axes.add_patch(box)
    handles = [
        Patch(facecolor=s.color, hatch=s.hatch, edgecolor=DARK, label=f"{kind}: {kinds[kind]:,.1f}")
        for kind, s in shades.items()
    ]
    axes.legend(
        handles=handles, title="bytes", ncols=len(kinds), loc="upper center", bbox_to_anchor=(0.5, -0.01),
        frameon=False,
    )  # fmt: skip
    axes.set(xlim=(-0.2, columns + 0.2), ylim=(end // columns + 1.2, -0.2), aspect="equal")
    axes.axis("off")
    return kinds


def _draw(
    axes: Axes,
    segments: Sequence[tuple[str, str, float]],
    shades: Mapping[str, Shade],
    columns: int,
) -> None:
    start = 0.0
    for label, kind, n_bytes in segments:
        parts = list(_rows(start, start + n_bytes, columns))
        for row, left, right in parts:
            shade = shades[kind]
            axes.add_patch(
                Rectangle(
                    (left, row), right - left, 1, facecolor=shade.color, hatch=shade.hatch,
                    edgecolor=DARK, lw=0.9,
                )
            )  # fmt: skip
        start += n_bytes
        row, left, right = max(parts, key=lambda part: part[2] - part[1], default=(0, 0.0, 0.0))
        if right - left > _LETTER * len(label) * columns / 56:
            dark = shades[kind].color == DARK
            axes.text(
                (left + right) / 2, row + 0.53, label, ha="center", va="center", fontsize=8,
                color="white" if dark else "black",
                bbox=None if dark else {"facecolor": "white", "lw": 0, "pad": 0.8},
            )  # fmt: skip


def _rows(start: float, end: float, columns: int) -> Iterator[tuple[int, float, float]]:
    """The parts of a run of bytes that lie in each row: row, left, right."""
    while start < end - 1e-9:
        row = int(start / columns + 1e-12)
        stop = min(end, (row + 1) * columns)
        yield row, start - row * columns, stop - row * columns
        start = stop

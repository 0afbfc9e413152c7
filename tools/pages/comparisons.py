"""The part of docs/benchmarks.md that compares methods, from results/compare_*.json."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from course_kit.figures.comparison import OURS, TITLES, middles, rows_by_size
from course_kit.notebook.results import results

Point = tuple[float, float]  # bytes and error


class _Row(NamedTuple):
    """Cells of a table's row; Tucker's bytes at its error as a share of its own; if that is a bound."""

    cells: tuple[str, ...]
    share: float | None = None
    at_most: bool = False


HEAD = """## Tucker beside its alternatives

`ada-tucker bench NAME --compare` gives every method the same dense network to begin with and to learn
from, the same epochs, quantizer with learned steps, price on bits and range coder, and the same learning
rates, but that methods which store entries of the weights themselves learn these at the rate of ordinary
weights until they are rounded. Files are whole; those of tensor trains and of pruned weights have a
format of their own (`torch_bridge/baselines`). Numbers are medians over the seeds, ranges in brackets.
What ADA or SCADA needs at the error of another method lies on straight lines between its own files, on
log scales; "at most" means that already its smallest file errs less. In few epochs the price on bits
does not bring every file down to the size that was wanted; what counts is the size that it has.
`results/compare/` keeps plan and journal of single runs: those that lie in the folder `compare` of
`--runs` are not trained again.
"""
REASONS = {
    "resnet20": "SCADA-Tucker is behind here: one core has to serve weights from 16 x 3 to 64 x 64 "
    "channels, and most of its numbers are in the factors that fit it to each of them.",
}


def comparisons() -> Iterator[str]:
    """A section for every comparison there is."""
    found = results("compare_*.json")
    if found:
        yield HEAD
    for content in found:
        name, regimes = content["benchmark"], content["regimes"]
        dense = content["dense"]
        yield f"### {name} on {content['data_set']}\n"
        yield f"![Error against bytes of all methods]({picture(content)})\n"
        yield (
            f"Epochs before rounding: {regimes['tucker']['epochs']}; after: "
            f"{regimes['rounding']['epochs']}; seeds {', '.join(map(str, content['seeds']))}. "
            f"The dense network has {dense['n_bytes']:,} bytes and an error of "
            f"{dense['test_error']:.2f} %. Measured {content['date']} by `{content['command']}`.\n"
        )
        yield "| method | wanted | bytes | test error | bytes of Tucker at that error |"
        yield "| --- | --- | --- | --- | --- |"
        yield from (f"| {' | '.join(row.cells)} |" for row in _rows(content))
        yield f"\n{_behind(content)} {REASONS.get(name, '')}".rstrip() + "\n"


def _behind(content: dict[str, Any]) -> str:
    """Which files of other methods Tucker is not ahead of, and which it cannot be compared with."""
    behind: list[str] = []
    smaller: list[str] = []
    for (title, ratio, *_), share, at_most in _rows(content):
        if (share or 0) >= 1:
            (smaller if at_most else behind).append(f"{title} at {ratio}")
    sentences = []
    if behind:
        sentences.append(f"Neither ADA nor SCADA is ahead of {' and of '.join(behind)}.")
    if smaller:
        sentences.append(
            f"No file of ours is as small as that of {' and of '.join(smaller)}, which errs more than "
            "our smallest; who needs fewer bytes there is open."
        )
    if not sentences:
        return "ADA or SCADA is ahead of every other file."
    return " ".join(sentences)


def picture(content: dict[str, Any]) -> str:
    """Where the command put the picture of a comparison, seen from docs/."""
    return f"../results/compare_{content['benchmark']}_{content['data_set'].lower()}.png"


def bytes_at(points: Sequence[Point], error: float) -> tuple[float, bool]:
    """Bytes that a method needs for an error, on straight lines between its files on log scales.

    Returns
    -------
    the bytes, and whether they are a bound from above since already its smallest file errs less; infinity
    where none of its files errs so little

    Examples
    --------
    >>> points = [(100.0, 4.0), (400.0, 1.0)]
    >>> bytes_at(points, 2.0), bytes_at(points, 2.0**1.5), bytes_at(points, 5.0), bytes_at(points, 0.9)
    ((200.0, False), (141.421356, False), (100.0, True), (inf, False))
    """
    ordered = sorted(points)
    if ordered[0][1] <= error:
        return ordered[0][0], True
    for (small, more), (large, less) in pairwise(ordered):
        if less <= error:
            share = math.log(more / error) / math.log(more / less)
            return round(small * (large / small) ** share, 6), False
    return math.inf, False


def verdicts() -> str:
    """One sentence for every comparison: how often Tucker needs fewer bytes for the same error."""
    sentences = []
    for content in results("compare_*.json"):
        shares = [row.share for row in _rows(content) if row.share is not None]
        sentences.append(
            f"{content['benchmark']} on {content['data_set']}: at the error of {len(shares)} files of "
            f"other methods (medians of {len(content['seeds'])} seeds) ADA or SCADA needs fewer bytes "
            f"in {sum(share < 1 for share in shares)} cases, {min(shares):.2f} times as many at best."
        )
    return " ".join(sentences) or "Not run yet."


def _rows(content: dict[str, Any]) -> Iterator[_Row]:
    """A row for every method and size."""
    ours = [[(size, e) for size, e, *_ in middles(content, method)] for method in OURS]
    for method, title in TITLES.items():
        for ratio, rows in sorted(rows_by_size(content, method).items()):
            if not rows:
                yield _Row((title, f"{ratio:g}x", "nothing that small", "", ""))
                continue
            sizes, errors = ([row[key] for row in rows] for key in ("n_bytes", "test_error"))
            size, error = median(sizes), median(errors)
            cells = (
                title, f"{ratio:g}x", f"{size:,.0f} ({min(sizes):,}-{max(sizes):,})",
                f"{error:.2f} % ({min(errors):.2f}-{max(errors):.2f})",
            )  # fmt: skip
            if method in OURS:
                yield _Row((*cells, ""))
                continue
            needed, at_most = min(bytes_at(points, error) for points in ours if points)
            yield _Row((*cells, _needs(needed, size, at_most)), needed / size, at_most)


def _needs(needed: float, size: float, at_most: bool) -> str:
    if needed == math.inf:
        return "**no Tucker file errs so little**"
    return f"{'at most ' if at_most else ''}{needed:,.0f} ({needed / size:.2f}x)"

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
    """Cells of a row; Tucker's bytes at its error as a fraction of its own; if that is a bound."""

    cells: tuple[str, ...]
    fraction: float | None = None
    at_most: bool = False


HEAD = """## Tucker beside its alternatives

`ada-tucker bench NAME --compare` gives every method the same dense network to begin with and to learn
from, the same epochs, quantizer with learned steps, rate term and range coder, and the same learning
rates, but that methods which store entries of the weights themselves learn these at the rate of ordinary
weights until they are quantised. Files are whole; those of tensor trains and of pruned weights have a
format of their own (`torch_bridge/benchmarks/baselines`). Numbers are medians over the seeds, ranges in
brackets. What ADA or SCADA needs at the error of another method lies on straight lines between its own
files, on log scales; "at most" means that already its smallest file has a smaller error. In few epochs
the rate term does not bring every file down to its target; what counts is the size that it has.
`results/compare/` keeps plan and history of single runs: those that lie in the folder `compare` of
`--runs` are not trained again.
"""
REASONS = {
    "resnet20": "SCADA-Tucker is behind here: one core has to serve weights from 16 x 3 to 64 x 64 "
    "channels, and most of its parameters are in the factors that fit it to each of them.",
}


def comparisons() -> Iterator[str]:
    """A section for every comparison there is."""
    found = results("compare_*.json")
    if found:
        yield HEAD
    for content in found:
        name, recipe = content["benchmark"], content["recipe"]
        dense = content["dense"]
        yield f"### {name} on {content['data_set']}\n"
        yield f"![Error against bytes of all methods]({picture(content)})\n"
        yield (
            f"Epochs before QAT: {recipe['tucker']['epochs']}; of QAT: "
            f"{recipe['qat']['epochs']}; seeds {', '.join(map(str, content['seeds']))}. "
            f"The dense network has {dense['n_bytes']:,} bytes and an error of "
            f"{dense['test_error']:.2f} %. Measured {content['date']} by `{content['command']}`.\n"
        )
        yield "| method | target | bytes | test error | bytes of Tucker at that error |"
        yield "| --- | --- | --- | --- | --- |"
        yield from (f"| {' | '.join(row.cells)} |" for row in _rows(content))
        yield f"\n{_behind(content)} {REASONS.get(name, '')}".rstrip() + "\n"


def _behind(content: dict[str, Any]) -> str:
    """Which files of other methods Tucker is not ahead of, and which it cannot be compared with."""
    behind: list[str] = []
    smaller: list[str] = []
    for (title, ratio, *_), fraction, at_most in _rows(content):
        if (fraction or 0) >= 1:
            (smaller if at_most else behind).append(f"{title} at {ratio}")
    sentences = []
    if behind:
        sentences.append(f"Neither ADA nor SCADA is ahead of {' and of '.join(behind)}.")
    if smaller:
        sentences.append(
            f"No file of ours is as small as that of {' and of '.join(smaller)}, whose error is larger "
            "than our smallest's; who needs fewer bytes there is open."
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
    the bytes, and whether they are a bound from above since its smallest file has a smaller error;
    infinity where none of its files has so small an error

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
            along = math.log(more / error) / math.log(more / less)
            return round(small * (large / small) ** along, 6), False
    return math.inf, False


def verdicts() -> str:
    """One sentence for every comparison: how often Tucker needs fewer bytes for the same error."""
    sentences = []
    for content in results("compare_*.json"):
        fractions = [row.fraction for row in _rows(content) if row.fraction is not None]
        sentences.append(
            f"{content['benchmark']} on {content['data_set']}: at the error of {len(fractions)} files of "
            f"other methods (medians of {len(content['seeds'])} seeds) ADA or SCADA needs fewer bytes "
            f"in {sum(fraction < 1 for fraction in fractions)} cases, {min(fractions):.2f} times as many "
            "at best."
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
        return "**no Tucker file has so small an error**"
    return f"{'at most ' if at_most else ''}{needed:,.0f} ({needed / size:.2f}x)"

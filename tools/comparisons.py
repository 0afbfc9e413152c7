"""The part of docs/benchmarks.md that compares methods, from results/compare_*.json."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from course_kit.compare_figure import TITLES, compare_figure, middles
from course_kit.plots import save_figure
from course_kit.results import results
from tools.places import PICTURES

OURS = ("ada", "scada")
HEAD = """## Tucker beside its alternatives

`ada-tucker bench NAME --compare` gives every method the same dense network to begin with and to learn
from, the same epochs, quantizer with learned steps, price on bits and range coder, and the same learning
rates, but that methods which store entries of the weights themselves learn these at the rate of ordinary
weights until they are rounded. Files are whole; those of tensor trains and of pruned weights have a
format of their own (`torch_bridge/baselines`). Numbers are medians over the seeds, ranges in brackets.
"""


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
            f"{regimes['tucker']['epochs']} epochs, and {regimes['rounding']['epochs']} rounded ones; "
            f"seeds {', '.join(map(str, content['seeds']))}. The dense network has {dense['n_bytes']:,} "
            f"bytes and an error of {dense['test_error']:.2f} %. Measured {content['date']} by "
            f"`{content['command']}`.\n"
        )
        yield "| method | wanted | bytes | test error | a Tucker file is smaller and no worse |"
        yield "| --- | --- | --- | --- | --- |"
        yield from (f"| {' | '.join(row)} |" for row in _rows(content))
        yield ""


def picture(content: dict[str, Any]) -> str:
    """Where the picture of a comparison lies, seen from docs/."""
    return f"img/compare_{content['benchmark']}_{content['data_set'].lower()}.png"


def draw_comparisons() -> None:
    """Draw all of them."""
    for content in results("compare_*.json"):
        save_figure(compare_figure(content), PICTURES.parent / picture(content))


def verdicts() -> str:
    """One sentence for every comparison: how many files of others a Tucker file beats."""
    sentences = []
    for content in results("compare_*.json"):
        cells = [row[-1] for row in _rows(content) if row[-1]]
        beaten = sum(cell == "yes" for cell in cells)
        sentences.append(
            f"{content['benchmark']} on {content['data_set']}: of {len(cells)} files of other methods, "
            f"medians of {len(content['seeds'])} seeds, {beaten} are beaten by a Tucker file that is "
            "smaller and errs no more."
        )
    return " ".join(sentences) or "Not run yet."


def _rows(content: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    tucker = [point for method in OURS for point in middles(content, method)]
    for method, title in TITLES.items():
        runs = [run for run in content["runs"] if run["method"] == method]
        for ratio in sorted({run["ratio"] for run in runs}):
            rows = [run["row"] for run in runs if run["ratio"] == ratio and "row" in run]
            if not rows:
                yield title, f"{ratio:g}x", "nothing that small", "", ""
                continue
            sizes, errors = ([row[key] for row in rows] for key in ("n_bytes", "test_error"))
            size, error = median(sizes), median(errors)
            beaten = any(s <= size and e <= error for s, e, *_ in tucker)
            yield (
                title, f"{ratio:g}x", f"{size:,.0f} ({min(sizes):,}-{max(sizes):,})",
                f"{error:.2f} % ({min(errors):.2f}-{max(errors):.2f})",
                "" if method in OURS else "yes" if beaten else "**no**",
            )  # fmt: skip

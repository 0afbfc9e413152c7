"""The teacher's summary: how each problem went, how marks are spread, what went wrong most often."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from textwrap import shorten

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_kit.classroom.feedback import leaderboard, page
from course_kit.classroom.marks import warnings
from course_kit.grading.results import GRADED, Result, most, total
from course_kit.plots.style import series_style, tidy
from tucker_core.files import replacing

MOST_FAILURES = 8
LONGEST_LABEL = 70
CAUSE = "Likely cause: "  # how a check begins its guess


def write_report(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write ``report.html``, self-contained, and its picture as ``report.png``; returns the paths."""
    picture = io.BytesIO()
    draw_report(results).savefig(picture, format="png", dpi=110, bbox_inches="tight")
    encoded = base64.b64encode(picture.getvalue()).decode("ascii")
    body = "\n".join([
        f"<h1>{escape(results[0]['assignment'])}: report</h1>",
        f"<p>{_summary(results)}</p>",
        *(f'<p class="bad">{escape(warning)}</p>' for warning in warnings(results)),
        f'<img alt="marks and failures" src="data:image/png;base64,{encoded}">',
        _problem_table(results),
        _failure_table(results),
        leaderboard(results),
    ])  # fmt: skip
    contents = {
        "report.png": picture.getvalue(),
        "report.html": page(f"{results[0]['assignment']} report", body).encode(),
    }
    for name, content in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    return [folder / name for name in contents]


def draw_report(results: Sequence[Result]) -> Figure:
    """Draw marks per problem, the spread of totals, and the most common failures."""
    problems = solved(results)
    frequent = failures(results)[:MOST_FAILURES]
    height = 3.2 + 0.3 * max(len(problems), len(frequent))
    figure = Figure(figsize=(10, 2.6 + height), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(height, 2.6 + 0.2 * len(frequent)))
    _draw_problems(figure.add_subplot(grid[0, 0]), problems)
    _draw_spread(figure.add_subplot(grid[0, 1]), results)
    _draw_failures(figure.add_subplot(grid[1, :]), frequent)
    return figure


def solved(results: Sequence[Result]) -> dict[str, float]:
    """Share of the graded submissions that solved each problem, in full or in part."""
    return {
        name: float(np.mean(points > 0)) if len(points) else 0.0
        for name, points in _points(results).items()
    }


def _points(results: Sequence[Result]) -> dict[str, npt.NDArray[np.float64]]:
    """Points of the graded submissions for each problem."""
    graded = [result for result in results if result["status"] == GRADED]
    return {
        problem["grade_id"]: np.array([r["problems"][k]["earned"] for r in graded], np.float64)
        for k, problem in enumerate(results[0]["problems"])
    }


def separates(points: npt.NDArray[np.float64], totals: npt.NDArray[np.float64]) -> float | None:
    """How well a problem tells strong from weak: its correlation with the points of all the others.

    Examples
    --------
    >>> separates(np.array([0.0, 1.0, 1.0]), np.array([2.0, 8.0, 9.0])) > 0.9
    True
    """
    rest = totals - points
    if len(points) < 3 or points.std() == 0 or rest.std() == 0:
        return None
    return float(np.corrcoef(points, rest)[0, 1])


def failures(results: Sequence[Result]) -> list[tuple[str, str, int]]:
    """Problem, likely cause or first line, and how many students met it; the most frequent first.

    Numbers differ from variant to variant, so only the words of a message are compared.
    """
    met: Counter[tuple[str, str]] = Counter()
    for result in results:
        for problem in result["problems"]:
            if problem["earned"] == 0 and problem["message"]:
                words = problem["message"].splitlines()[0].split(CAUSE)[-1]
                met[problem["grade_id"], _without_numbers(words)] += 1
    return [(name, words, count) for (name, words), count in met.most_common()]


def _without_numbers(text: str) -> str:
    kept = "".join("#" if character.isdigit() else character for character in text)
    while "##" in kept:
        kept = kept.replace("##", "#")
    return kept


def _draw_problems(axes: Axes, problems: dict[str, float]) -> None:
    names = list(problems)[::-1]
    bars = axes.barh(names, [100 * problems[name] for name in names], color=series_style(0).color)
    axes.bar_label(bars, [f"{100 * problems[name]:.0f}" for name in names], padding=3)
    axes.set(xlim=(0, 110), xlabel="with points, % of graded submissions", title="Problems")
    tidy(axes, grid=False)


def _draw_spread(axes: Axes, results: Sequence[Result]) -> None:
    points = most(results[0])
    totals = [total(result) for result in results if result["status"] == GRADED]
    axes.hist(
        totals, bins=np.linspace(0, points, 11).tolist(), color=series_style(2).color, ec="white"
    )
    title = "Spread of marks"
    if totals:
        middle = float(np.median(totals))
        axes.axvline(middle, color=series_style(1).color, ls="--")
        title += f" (median {middle:g})"
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=f"points of {points:g}", ylabel="students", title=title)
    tidy(axes, grid=False)


def _draw_failures(axes: Axes, frequent: Sequence[tuple[str, str, int]]) -> None:
    labels = [shorten(f"{name}: {words}", LONGEST_LABEL) for name, words, _ in frequent][::-1]
    places = np.arange(len(labels))
    bars = axes.barh(places, [n for *_, n in frequent][::-1], color=series_style(1).color)
    axes.bar_label(bars, padding=3)
    axes.set_yticks(places, labels, fontsize=8, parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="students", title="Common failures" if frequent else "No failures")
    tidy(axes, grid=False)


def _summary(results: Sequence[Result]) -> str:
    status = Counter(result["status"] for result in results)
    return ", ".join(f"{count} {escape(name)}" for name, count in status.most_common())


def _problem_table(results: Sequence[Result]) -> str:
    worth = {problem["grade_id"]: problem["points"] for problem in results[0]["problems"]}
    every = _points(results)
    totals = np.sum(list(every.values()), axis=0) if every else np.zeros(0)
    rows = []
    for name, points in every.items():
        share = separates(points, totals)
        numbers = [
            f"{worth[name]:g}",
            f"{points.mean() if len(points) else 0.0:.2f}",
            *(f"{count}" for count in _split(points, worth[name])),
            "" if share is None else f"{share:.2f}",
        ]
        cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
        rows.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
    titles = ("points", "mean", "all", "in part", "none", "with the rest")
    head = "".join(f'<th class="number">{title}</th>' for title in titles)
    return (
        f"<h2>Problems</h2><table><tr><th>problem</th>{head}</tr>{''.join(rows)}</table>"
        '<p class="quiet">How many students have all, some or no points; the last column is the '
        "correlation with the points of all other problems.</p>"
    )


def _split(points: npt.NDArray[np.float64], worth: float) -> tuple[int, int, int]:
    full, none = int((points >= worth).sum()), int((points <= 0).sum())
    return full, len(points) - full - none, none


def _failure_table(results: Sequence[Result]) -> str:
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td>{escape(words)}</td><td class="number">{count}</td></tr>'
        for name, words, count in failures(results)
    )
    head = '<tr><th>problem</th><th>message</th><th class="number">students</th></tr>'
    return f"<h2>Failures</h2><table>{head}{rows}</table>" if rows else ""

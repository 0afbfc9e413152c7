"""The teacher's summary: how each problem went, how marks are spread, what went wrong most often."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course_kit.grading.feedback import leaderboard, page
from course_kit.grading.grade import GRADED, Result, most, total
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
    """Share of the graded submissions that solved each problem."""
    graded = [result for result in results if result["status"] == GRADED]
    return {
        problem["grade_id"]: float(
            np.mean([result["problems"][k]["earned"] > 0 for result in graded]) if graded else 0.0
        )
        for k, problem in enumerate(results[0]["problems"])
    }


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
    axes.set(xlim=(0, 110), xlabel="solved by, % of graded submissions", title="Problems")
    tidy(axes, grid=False)


def _draw_spread(axes: Axes, results: Sequence[Result]) -> None:
    points = most(results[0])
    totals = [total(result) for result in results if result["status"] == GRADED]
    axes.hist(
        totals, bins=np.linspace(0, points, 11).tolist(), color=series_style(2).color, ec="white"
    )
    if totals:
        middle = float(np.median(totals))
        axes.axvline(middle, color=series_style(1).color, ls="--", label=f"median {middle:g}")
        axes.legend(frameon=False)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=f"points of {points:g}", ylabel="students", title="Spread of marks")
    tidy(axes, grid=False)


def _draw_failures(axes: Axes, frequent: Sequence[tuple[str, str, int]]) -> None:
    labels = [f"{name}: {words}"[:LONGEST_LABEL] for name, words, _ in frequent][::-1]
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
    points = {problem["grade_id"]: problem["points"] for problem in results[0]["problems"]}
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="number">{points[name]:g}</td>'
        f'<td class="number">{100 * share:.0f} %</td></tr>'
        for name, share in solved(results).items()
    )
    head = (
        '<tr><th>problem</th><th class="number">points</th><th class="number">solved by</th></tr>'
    )
    return f"<h2>Problems</h2><table>{head}{rows}</table>"


def _failure_table(results: Sequence[Result]) -> str:
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td>{escape(words)}</td><td class="number">{count}</td></tr>'
        for name, words, count in failures(results)
    )
    head = '<tr><th>problem</th><th>message</th><th class="number">students</th></tr>'
    return f"<h2>Failures</h2><table>{head}{rows}</table>" if rows else ""

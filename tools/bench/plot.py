"""The picture of the benchmark: a bar for each ratio, its floor and its aim, on a logarithmic scale."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """One panel for each precision; shades and marks differ without colour too."""
    kinds = [kind for kind in ("float32", "float64") if any(row["dtype"] == kind for row in rows)]
    longest = max(sum(row["dtype"] in (kind, "") for row in rows) for kind in kinds)
    figure = Figure(figsize=(7.5 * len(kinds), 1.2 + 0.23 * longest), layout="constrained")
    for number, kind in enumerate(kinds, 1):
        axes = figure.add_subplot(1, len(kinds), number)
        shown = [row for row in rows if row["dtype"] in (kind, "")][::-1]
        places = range(len(shown))
        shades = ["0.75" if row["verdict"] != "floor missed" else "white" for row in shown]
        axes.barh(places, [row["ratio"] for row in shown], color=shades, edgecolor="black")
        for mark, name in (("|", "floor"), ("x", "aim")):
            axes.plot([row[name] for row in shown], places, f"k{mark}", label=name, markersize=8)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_yticks(places, [f"{row['operation']}  {row['case']}" for row in shown], fontsize=7)
        axes.set_xlabel("time of the best peer / our time (white: below the floor)")
        axes.set_title(kind)
        axes.legend(loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)

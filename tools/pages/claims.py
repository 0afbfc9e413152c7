"""What others publish at a fraction of the parameters, and what is reached here: one table."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from course_kit.notebook.results import Result, compressed_runs
from tools.pages.benchmark_rows import runs_of
from torch_bridge.benchmarks import BENCHMARKS
from tucker_core.layer_counts import honest_title
from tucker_core.results import published

HEAD = """## Parameters left and points lost, beside what others publish

A published result, and ours of most parameters that are not more. Points lost are differences to the
dense network of the same source, ours to the one that the run began with; medians where there are several
seeds. Published ones store float32 and are on the original images; ours are files of rounded parameters.
"""
COLUMNS = (
    "network", "published", "points lost", "ours", "parameters", "of dense", "float32 bytes",
    "bytes of the file", "points lost", "seeds", "epochs",
)  # fmt: skip


def claims() -> Iterator[str]:
    """The table; a published result that nothing here is small enough for says "not run"."""
    yield HEAD
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|" + " --- |" * len(COLUMNS)
    for name, benchmark in BENCHMARKS.items():
        groups = list(grouped(compressed_runs(runs_of(name))))
        for record in published(benchmark.model):
            if "lost" in record:
                head = f"{name} | {record['name']} | {record['lost']:+.2f}"
                yield f"| {head} | {' | '.join(_ours(groups, 1 / record['ratio']))} |"
    yield ""


def grouped(runs: list[Result]) -> Iterator[list[Result]]:
    """Runs that differ in nothing but their seeds."""
    found: dict[str, list[Result]] = {}
    for run in runs:
        found.setdefault(run["rows"][-1]["name"].rpartition("_seed")[0], []).append(run)
    yield from found.values()


def _ours(groups: list[list[Result]], fraction: float) -> tuple[str, ...]:
    """Cells of the runs that store most of the parameters, but no more than 2 % above the fraction."""
    small = [
        group
        for group in groups
        if (of_dense := _middle(group, "params") / group[0]["rows"][0]["params"]) <= 1.02 * fraction
        and of_dense > 0.75 * fraction
        and honest_title(group[0]).startswith(("ADA", "SCADA"))
    ]
    if not small:
        return ("not run", *[""] * 7)
    best = max(small, key=lambda group: _middle(group, "params"))
    params, size = _middle(best, "params"), _middle(best, "n_bytes")
    recipe = best[0]["recipe"]
    return (
        honest_title(best[0]), f"{params:,.0f}", f"{params / best[0]['rows'][0]['params']:.1%}",
        f"{4 * params:,.0f}", f"{size:,.0f}", f"{median(run['points_lost'] for run in best):+.2f}",
        str(len(best)), str(sum(recipe[stage]["epochs"] for stage in ("tucker", "qat"))),
    )  # fmt: skip


def _middle(group: list[Result], key: str) -> Any:
    return median(run["rows"][-1][key] for run in group)

"""The compressed networks of the benchmarks as rows of a table, from results/bench_*.json."""

from course_kit.notebook.results import Result, compressed_runs, results
from torch_bridge.benchmarks import BENCHMARKS
from tucker_core.layer_counts import honest_title


def runs_of(name: str) -> list[Result]:
    """All results of a benchmark, but for costs of steps."""
    return [run for run in results(f"bench_{name}_*_seed*.json") if run["benchmark"] == name]


def compressed_table() -> str:
    """Every compressed network beside the dense one that it began with, with the points that it lost."""
    head = [
        "network", "data set", "run", "epochs", "parameters", "of dense", "bytes", "ratio of bytes",
        "test error", "dense", "points lost",
    ]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    found = {name: runs_of(name) for name in BENCHMARKS}
    for name, runs in found.items():
        for run in compressed_runs(runs):
            (dense, row), recipe = run["rows"], run["recipe"]
            cells = (
                name, run["data_set"], honest_title(run),
                str(sum(recipe[stage]["epochs"] for stage in ("tucker", "qat"))),
                *stored_cells(run), f"{row['n_bytes']:,}", f"{row['ratio']:.1f}x",
                f"{row['test_error']:.2f} %", f"{dense['test_error']:.2f} %",
                f"{run['points_lost']:+.2f}",
            )  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, *_taught(found)]) if len(lines) > 2 else "Not run yet."


def stored_cells(run: Result) -> tuple[str, str]:
    """Parameters that a network's file stores, and their fraction of the dense network's.

    Raises
    ------
    ValueError
        If the result does not say so: bytes without parameters do not tell Tucker from rounding.
    """
    dense, row = run["rows"][0], run["rows"][-1]
    if not row.get("params") or not dense.get("params"):
        raise ValueError(
            f"the result of {run.get('command', row['name'])!r} does not say how many parameters are "
            "stored; run the command again"
        )
    return f"{row['params']:,}", f"{row['params'] / dense['params']:.1%}"


def _taught(found: dict[str, list[Result]]) -> list[str]:
    """A sentence for every dense network that trained on with the teacher that compressed ones have."""
    return [
        f"\nCompressed networks learn from their dense one for all these epochs. A dense {name} that "
        f"did so for {run['recipe']['dense']['epochs']}, from {run['init']['file']} and with it "
        f"as teacher, has an error of {row['test_error']:.2f} %: the harder baseline."
        for name, runs in found.items()
        for run in runs
        if (row := run["rows"][0])["name"].endswith("-taught")
    ]  # fmt: skip

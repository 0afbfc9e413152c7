"""The small twins of the paper's networks as rows of a table, from results/bench_*.json."""

from course_kit.notebook.results import Result, results, small_twins
from torch_bridge.benchmarks import BENCHMARKS


def runs_of(name: str) -> list[Result]:
    """All results of a benchmark, but for costs of steps."""
    return [run for run in results(f"bench_{name}_*_seed*.json") if run["benchmark"] == name]


def twins_table() -> str:
    """Every small twin beside the dense network from which it started, with the points that it lost."""
    head = [
        "network", "data set", "run", "epochs", "bytes", "ratio", "test error", "dense", "points lost",
    ]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    found = {name: runs_of(name) for name in BENCHMARKS}
    for name, runs in found.items():
        for run in small_twins(runs):
            dense, row = run["rows"]
            cells = (
                name, run["data_set"], f"{run['wish']['method']}, {run['wish']['ratio']:g}x wanted",
                str(sum(regime["epochs"] for regime in run["regimes"].values())),
                f"{row['n_bytes']:,}", f"{row['ratio']:.1f}x", f"{row['test_error']:.2f} %",
                f"{dense['test_error']:.2f} %", f"{run['points_lost']:+.2f}",
            )  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, *_taught(found)]) if len(lines) > 2 else "Not run yet."


def _taught(found: dict[str, list[Result]]) -> list[str]:
    """A sentence for every dense network that trained on with the teacher that twins have."""
    return [
        f"\nTwins learn from their dense network for all these epochs. A dense {name} that did so for "
        f"{run['regimes']['dense']['epochs']}, from {run['start']['file']} and with it as teacher, errs "
        f"{row['test_error']:.2f} %: the harder mark for a twin."
        for name, runs in found.items()
        for run in runs
        if (row := run["rows"][0])["name"].endswith("-taught")
    ]  # fmt: skip

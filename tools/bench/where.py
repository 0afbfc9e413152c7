"""Where the time of a training step goes, as a picture: `python -m tools.bench.where`.

LeNet-5 of 3,650 parameters with QAT and rate term, float32, one thread, batch 256: dense, in what needs
less work, and with reconstructed weights. Times are those of each operation without the ones inside.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch.profiler import ProfilerActivity, profile

from tools.bench.step import Case, jobs
from torch_bridge.benchmarks.results import write_result
from tucker_core import format_table
from tucker_core.timing import Job

ROOT = Path(__file__).resolve().parents[2]
CASE = Case("lenet5", "float32", 1, 1.0, 1.0, qat=True)
KINDS = {  # what an operation's name contains -> what it is counted as; the first that fits
    "Optimizer": "optimizer", "convolution": "convolutions", "pool": "pooling", "fill_": "pooling",
    "CoreProduct": "reconstruction", "mm": "matrix products", "linear": "matrix products",
}  # fmt: skip
REST = "rounding, rate term, all else"
SHADES = ("0.15", "0.35", "0.5", "0.65", "0.8", "0.95")


def seconds_by_kind(step: Job, repeats: int) -> dict[str, float]:
    """Milliseconds of one step by kind of operation."""
    for _ in range(3):
        step()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(repeats):
            step()
    found = dict.fromkeys([*dict.fromkeys(KINDS.values()), REST], 0.0)
    for event in seen.key_averages():
        kind = next((k for part, k in KINDS.items() if part in event.key), REST)
        found[kind] += event.self_cpu_time_total / 1e3 / repeats
    return {kind: round(took, 3) for kind, took in found.items()}


def draw(steps: dict[str, dict[str, float]], path: Path) -> None:
    """A bar for each step, cut into what its time goes to."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes, left = figure.add_subplot(), dict.fromkeys(steps, 0.0)
    for kind, shade in zip(next(iter(steps.values())), SHADES, strict=True):
        widths = [took[kind] for took in steps.values()]
        axes.barh(
            list(steps),
            widths,
            left=list(left.values()),
            color=shade,
            edgecolor="black",
            label=kind,
        )
        left = {name: left[name] + took[kind] for name, took in steps.items()}
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds of a step, LeNet-5, float32, batch 256, one thread")
    figure.legend(loc="outside right upper", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> int:
    """Profile, print, write results/bench_where.json and the picture."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--repeats", type=int, default=20, help="steps of each (default: 20)")
    options.add_argument("--out", type=Path, default=ROOT / "results" / "bench_where.json")
    options.add_argument("--picture", type=Path, default=ROOT / "docs" / "img" / "step_time.png")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    with ExitStack() as stack:
        found = {n: seconds_by_kind(step, chosen.repeats) for n, step in jobs(CASE, stack).items()}
    rows = [(n, *(f"{t:.1f}" for t in took.values())) for n, took in found.items()]
    print(format_table([("milliseconds", *next(iter(found.values()))), *rows]))
    content = {"command": "python -m tools.bench.where", "threads": 1, "milliseconds": found}
    write_result(chosen.out, content)
    draw(found, chosen.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())

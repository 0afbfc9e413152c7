"""Time the rebuilding of weights, kernels against torch: `python -m tools.bench.rebuild`.

One job is forward and backward of one tensor, float32, one thread, by `tucker_core`'s kernels and by a
chain of torch's matrix products. The rule in `weights/product.py` that picks one was drawn from this.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torch_bridge.benchmarks.results import write_result
from torch_bridge.weights import product as weight
from tucker_core import TuckerPlan, format_table
from tucker_core.timing import Job, interleaved

ROOT = Path(__file__).resolve().parents[2]
CASES = [
    ((784, 300), (10, 10)),
    ((784, 300), (40, 40)),
    ((80, 50, 100), (10, 10, 10)),
    ((80, 50, 100), (20, 20, 20)),
    ((80, 50, 100), (30, 30, 30)),
    ((100, 100, 100), (40, 40, 40)),
    ((64, 64, 9), (30, 30, 7)),
    ((128, 128, 9), (20, 20, 4)),
    ((128, 128, 9), (60, 60, 8)),
    ((256, 256, 9), (50, 50, 6)),
    ((25, 20, 25, 32), (6, 6, 6, 6)),
    ((25, 20, 25, 32), (12, 12, 12, 12)),
    ((64, 64, 96, 96), (12, 12, 12, 12)),
]


def jobs(dims: tuple[int, ...], rank: tuple[int, ...]) -> dict[str, Job]:
    """Forward and backward of one tensor, both ways."""
    torch.manual_seed(0)
    core = torch.randn(rank, requires_grad=True)
    factors = [torch.randn(i, j, requires_grad=True) for i, j in zip(dims, rank, strict=True)]
    upstream = torch.randn(dims)

    plan, views = TuckerPlan(dims, rank), weight._views(core, factors)
    by_kernels: Any = weight._CoreProduct

    def step(product: Callable[[], Tensor]) -> Job:
        return lambda: torch.autograd.grad(product(), [core, *factors], upstream)

    return {
        "kernels": step(lambda: by_kernels.apply(plan, views, core, *factors)),
        "torch": step(lambda: weight._torch_product(core, factors)),
    }


def main() -> int:
    """Measure, print, write results/bench_rebuild.json."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=2.0, help="for each tensor (default: 2)")
    options.add_argument("--out", type=Path, default=ROOT / "results" / "bench_rebuild.json")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for dims, rank in CASES:
        times = interleaved(jobs(dims, rank), chosen.seconds)
        milliseconds = {f"{name}_ms": round(1e3 * took, 3) for name, took in times.items()}
        picked = "kernels" if weight.kernels_are_faster(TuckerPlan(dims, rank)) else "torch"
        rows.append({"dims": dims, "rank": rank, **milliseconds, "picked": picked})
    head = ("dims", "rank", "kernels_ms", "torch_ms", "picked")
    print(format_table([head, *[tuple(str(row[key]) for key in head) for row in rows]]))
    content = {"command": "python -m tools.bench.rebuild", "threads": 1, "rows": rows}
    write_result(chosen.out, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())

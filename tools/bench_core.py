"""Time tucker_core beside its peers, in one interleaved run: `python tools/bench_core.py`.

Every case is run by all competitors in turn, again and again, so that whatever else the machine does
hits all alike. What is reported is the median of each and the ratio (best peer) / ours: above 1 we are
faster. One thread each. Results go to results/bench_core.json.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorly as tl
import torch
from tensorly.decomposition import tucker as tensorly_tucker
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from torch_bridge.results import environment, write_json
from tucker_core import (
    format_table,
    hosvd,
    mode_dot,
    random_tucker,
    tucker_gradient,
    tucker_to_tensor,
)

ROOT = Path(__file__).resolve().parents[1]
CASES = {
    "8^3 r3": ((8, 8, 8), (3, 3, 3)),
    "16^4 r4": ((16,) * 4, (4,) * 4),
    "conv2 50x20x5x5 r(8,8,3,3)": ((50, 20, 5, 5), (8, 8, 3, 3)),
    "fc1 20x20x25x40 r5": ((20, 20, 25, 40), (5,) * 4),
    "80x50x100 r10": ((80, 50, 100), (10,) * 3),
}
Job = Callable[[], object]


def competitors(
    shape: tuple[int, ...], rank: tuple[int, ...], dtype: str
) -> dict[str, dict[str, Job]]:
    """Build the jobs of one case: operation -> competitor -> what to call; all give equal results."""
    tucker = random_tucker(shape, rank, np.random.default_rng(0))
    core = tucker.core.astype(dtype)
    factors = [f.astype(dtype) for f in tucker.factors if f is not None]
    full = tucker_to_tensor((core, factors))
    letters, caps = "abcdefgh"[: len(shape)], "ABCDEFGH"[: len(shape)]
    formula = (
        ",".join([letters, *(c + s for c, s in zip(caps, letters, strict=True))]) + "->" + caps
    )
    path = np.einsum_path(formula, core, *factors, optimize="optimal")[0]
    matrix, middle = factors[1].T.copy(), 1
    leaves = [torch.tensor(a, requires_grad=True) for a in (core, *factors)]
    upstream = torch.tensor(full)

    def torch_gradient() -> object:
        product = torch.einsum(formula, *leaves)
        return torch.autograd.grad(product, leaves, upstream)

    return {
        "product": {
            "ours": lambda: tucker_to_tensor((core, factors)),
            "tensorly": lambda: tl.tucker_to_tensor((core, factors)),
            "numpy.einsum": lambda: np.einsum(formula, core, *factors, optimize=path),
            "torch.einsum": lambda: torch.einsum(formula, *(leaf.detach() for leaf in leaves)),
        },
        "product and gradient": {
            "ours": lambda: (
                tucker_to_tensor((core, factors)),
                tucker_gradient((core, factors), full),
            ),
            "torch autograd": torch_gradient,
        },
        "mode_dot, mode 1": {
            "ours": lambda: mode_dot(full, matrix, middle),
            "tensorly": lambda: tl.tenalg.mode_dot(full, matrix, middle),
        },
        "hosvd": {
            "ours": lambda: hosvd(full, rank),
            "tensorly": lambda: tensorly_tucker(full, rank, n_iter_max=1, tol=0),
        },
    }


def interleaved(jobs: dict[str, Job], seconds: float) -> dict[str, float]:
    """Run all jobs in turn for about so long; the median of each, in seconds per call."""
    repeats: dict[str, int] = {}
    for name, job in jobs.items():
        job()  # warm up
        started = time.perf_counter()
        job()
        repeats[name] = max(1, int(1e-3 / (time.perf_counter() - started)))
    times: dict[str, list[float]] = {name: [] for name in jobs}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[next(iter(jobs))]) < 5:
        for name, job in jobs.items():
            started = time.perf_counter()
            for _ in range(repeats[name]):
                job()
            times[name].append((time.perf_counter() - started) / repeats[name])
    return {name: statistics.median(values) for name, values in times.items()}


def measure(seconds: float) -> list[dict[str, Any]]:
    """Run all operations on all cases in both precisions."""
    rows = []
    plan = [(dtype, case) for dtype in ("float32", "float64") for case in CASES]
    for dtype, case in tqdm(plan, desc="cases"):
        for operation, jobs in competitors(*CASES[case], dtype).items():
            medians = interleaved(jobs, seconds)
            best = min((name for name in jobs if name != "ours"), key=medians.__getitem__)
            labels = {"operation": operation, "case": case, "dtype": dtype, "best_peer": best}
            ratio = medians[best] / medians["ours"]
            rows.append({**labels, "seconds": medians, "ratio": ratio})
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Format the rows for reading."""
    head = ("operation", "case", "dtype", "ours, us", "best peer, us", "peer", "ratio")
    body = []
    for row in rows:
        ours, peer = 1e6 * row["seconds"]["ours"], 1e6 * row["seconds"][row["best_peer"]]
        labels = (row["operation"], row["case"], row["dtype"])
        body.append(
            (*labels, f"{ours:,.1f}", f"{peer:,.1f}", row["best_peer"], f"{row['ratio']:.2f}")
        )
    return format_table([head, *body])


def main() -> int:
    """Measure all cases, print the table, write the JSON."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument(
        "--seconds", type=float, default=0.5, help="per case (default: %(default)s)"
    )
    options.add_argument("--out", type=Path, default=ROOT / "results" / "bench_core.json")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = measure(chosen.seconds)
    print(table(rows))
    write_json(chosen.out, {"command": "make bench", "threads": 1, "rows": rows, **environment()})
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Time tucker_core beside its peers, in one run: `python -m tools.bench.core`, or `make bench`.

Every competitor takes its turn, again and again, on one thread; what is reported is the median of
each and the ratio (best peer) / ours, with what the ratio must be (floor) and should be (aim), and the
largest that this machine's arithmetic and memory would allow (limit).
Results go to results/bench_core.json and docs/img/bench_core.png.
"""

import argparse
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_info, threadpool_limits
from tqdm import tqdm

from tools.bench.limits import peak_flops
from tools.bench.memory import MOST, first_call, peaks
from tools.bench.plot import draw
from tools.bench.rows import SMALL, measure, rows
from tools.bench.targets import SHAPES
from torch_bridge.benchmarks.results import write_result
from tucker_core import format_table

ROOT = Path(__file__).resolve().parents[2]
PEERS = ("tensorly", "pyttb", "opt_einsum", "torch", "numpy", "scipy", "numba")


def main() -> int:
    """Measure all rows, print the table, write the JSON and the picture."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=1.0, help="per row (default: 1)")
    options.add_argument("--quick", action="store_true", help="only tensors of up to a million")
    options.add_argument("--only", default="", help="rows whose name contains this")
    options.add_argument("--out", type=Path, default=ROOT / "results" / "bench_core.json")
    options.add_argument("--plot", type=Path, default=ROOT / "docs" / "img" / "bench_core.png")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        libraries = threadpool_info()
        wanted = [row for row in rows() if chosen.only in f"{row.operation} {row.case} {row.dtype}"]
        if chosen.quick:
            wanted = [row for row in wanted if not row.case or _size(row.case) <= SMALL]
        measured = [measure(row, chosen.seconds) for row in tqdm(wanted, desc="rows")]
    content = {
        "command": "make bench",
        "threads": 1,
        "peak_gflops": {kind: round(peak_flops(kind) / 1e9, 1) for kind in ("float32", "float64")},
        "clock": "processor time, median of interleaved turns",
        "data": "standard normal parts; decomposed tensors have the asked rank and a tenth of noise",
        "rows": measured,
        "memory": peaks(),
        "first_call_seconds": first_call(),
        "peers": {name: version(name) for name in PEERS},
        "libraries": [_named(library) for library in libraries],
        "settings": {k: v for k, v in os.environ.items() if k.startswith(("OPENBLAS_", "MKL_"))},
    }
    print(table(measured))
    print(summary(content))
    write_result(chosen.out, content)
    draw(measured, chosen.plot)
    return 0


def table(measured: list[dict[str, Any]]) -> str:
    """Format the rows for reading."""
    head = ("operation", "case", "dtype", "ours, us", "best peer, us", "peer", "ratio", "floor")
    lines = [(*head, "aim", "limit", "")]
    for row in measured:
        times = [f"{1e6 * row['seconds'][name]:,.1f}" for name in ("ours", row["best_peer"])]
        numbers = [f"{row[name]:g}" for name in ("ratio", "floor", "aim")]
        numbers.append("" if row["limit"] is None else f"{row['limit']:g}")
        labels = row["operation"], row["case"], row["dtype"]
        lines.append((*labels, *times, row["best_peer"], *numbers, row["verdict"]))
    return format_table(lines)


def summary(content: dict[str, Any]) -> str:
    """Floors, memory and first call in a few lines."""
    verdicts = [row["verdict"] for row in content["rows"]]
    missed = verdicts.count("floor missed")
    beyond = sum(
        row["limit"] is not None and row["limit"] < row["floor"] for row in content["rows"]
    )
    first = content["first_call_seconds"]
    memory = [f"{row['operation']} {row['peak_share']:g}" for row in content["memory"]]
    return (
        f"floors: {len(verdicts) - missed} of {len(verdicts)} met, {missed} missed, "
        f"{beyond} floors beyond this machine's limit; "
        f"aims met: {verdicts.count('aim met')}\n"
        f"peak memory / (input + output), at most {MOST}: {', '.join(memory)}\n"
        f"import {first['import']:.2f} s, first product and gradient {first['first_call']:.2f} s"
    )


def _size(case: str) -> int:
    size = 1
    for dim in SHAPES[case][0]:
        size *= dim
    return size


def _named(library: dict[str, Any]) -> dict[str, Any]:
    kept = ("internal_api", "version", "architecture", "num_threads")
    return {name: library[name] for name in kept if name in library}


if __name__ == "__main__":
    sys.exit(main())

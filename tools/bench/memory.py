"""How much each operation allocates at its peak, and how long the first call takes."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tucker_core import hosvd, mode_dot, random_tucker, tucker, tucker_gradient, tucker_to_tensor
from tucker_core.timing import Stopwatch

ROOT = Path(__file__).resolve().parents[2]
MOST = 2.2  # times (input + output)
SHAPE, RANK = (60, 50, 40, 30), (6, 6, 6, 6)

FIRST_CALL = """
import time
started = time.perf_counter()
import numpy as np, tucker_core
imported = time.perf_counter()
tucker = tucker_core.random_tucker((8, 8, 8), (3, 3, 3), np.random.default_rng(0))
tucker_core.tucker_gradient(tucker, tucker.to_tensor())
print(imported - started, time.perf_counter() - imported)
"""


def peaks() -> list[dict[str, Any]]:
    """Peak of each operation in units of (input + output)."""
    parts = random_tucker(SHAPE, RANK, np.random.default_rng(0))
    core, factors = parts.core, [f for f in parts.factors if f is not None]
    full = tucker_to_tensor(parts)
    small, matrix = parts.n_params * 8, factors[1].T.copy()
    shorter = full.nbytes * len(matrix) // SHAPE[1]
    jobs: dict[str, tuple[Callable[[], object], int]] = {
        "product": (lambda: tucker_to_tensor((core, factors)), small + full.nbytes),
        "gradient": (lambda: tucker_gradient((core, factors), full), full.nbytes + 2 * small),
        "mode_dot": (lambda: mode_dot(full, matrix, 1), full.nbytes + matrix.nbytes + shorter),
        "ST-HOSVD": (lambda: hosvd(full, RANK), full.nbytes + small),
        "HOSVD": (lambda: hosvd(full, RANK, sequential=False), full.nbytes + small),
        "HOOI": (lambda: tucker(full, RANK, n_iter_max=2), full.nbytes + small),
    }
    return [_peak(name, job, size) for name, (job, size) in jobs.items()]


def _peak(name: str, job: Callable[[], object], size: int) -> dict[str, Any]:
    job()
    tracemalloc.start()
    result = job()  # kept: the output counts
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del result
    share = peak / size
    return {"operation": name, "peak_share": round(share, 3), "met": share <= MOST}


def first_call() -> dict[str, float]:
    """Seconds to import tucker_core, and of the first product and gradient, kernels in the cache."""
    watch = Stopwatch()
    command = [sys.executable, "-c", FIRST_CALL]
    for _ in range(2):  # the first of the two may fill the cache
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    imported, called = (float(number) for number in done.stdout.split())
    return {"import": imported, "first_call": called, "both_runs": watch.seconds}

"""The rows of the benchmark: which operation, which case, which precision, and how far it got."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tools.bench import decompositions, products, targets
from tools.bench.limits import least_seconds
from tools.bench.targets import FLOAT64_SHARE, SHAPES, Target
from tucker_core import gradient_flops, reconstruct_flops
from tucker_core.timing import Job, interleaved

SMALL = 1_000_000  # numbers in the full tensor; the quick benchmark takes no larger case


class Row(NamedTuple):
    """One line of the table before it is measured."""

    operation: str
    case: str
    dtype: str
    target: Target
    jobs: Callable[[], dict[str, Job]]
    least: tuple[int, int] | None = None  # FLOPs and bytes of the result, where they are known


def rows() -> Iterator[Row]:
    """All lines, those of one operation together."""
    for dtype in ("float32", "float64"):
        yield from _of_products(dtype)
        yield from _of_decompositions(dtype)
    for name, target, jobs in (
        ("factorizations", targets.FACTORIZATIONS, decompositions.all_factorizations),
        ("core shapes", targets.CORE_SHAPES, decompositions.core_shapes),
    ):
        yield Row(name, "", "", target, jobs)


def _of_products(dtype: str) -> Iterator[Row]:
    for with_out, wanted in ((False, targets.PRODUCT), (True, targets.PRODUCT_WITH_OUT)):
        name = "product, out=" if with_out else "product"
        for case, target in wanted.items():
            jobs = _jobs(products.product, case, dtype, with_out)
            least = reconstruct_flops(*SHAPES[case]), _bytes(SHAPES[case][0], dtype)
            yield Row(name, case, dtype, _scaled(target, dtype), jobs, least)
    for case, target in targets.GRADIENT.items():
        jobs = _jobs(products.gradient, case, dtype)
        flops = reconstruct_flops(*SHAPES[case]) + gradient_flops(*SHAPES[case])
        least = flops, _bytes(SHAPES[case][0], dtype)
        yield Row("product and gradient", case, dtype, _scaled(target, dtype), jobs, least)
    for case in targets.MODE_DOT:
        for mode in range(len(SHAPES[case][0])):
            target = targets.OTHER_MODE if mode else targets.FIRST_MODE
            jobs = _jobs(products.n_mode, case, dtype, mode)
            shape, rank = SHAPES[case]
            result = (*shape[:mode], rank[mode], *shape[mode + 1 :])
            least = 2 * rank[mode] * math.prod(shape), _bytes(result, dtype)
            yield Row(f"mode_dot, mode {mode}", case, dtype, _scaled(target, dtype), jobs, least)


def _of_decompositions(dtype: str) -> Iterator[Row]:
    for case in targets.ST_HOSVD:
        jobs = _jobs(decompositions.st_hosvd, case, dtype)
        yield Row("ST-HOSVD", case, dtype, targets.ST_HOSVD_TARGETS[dtype], jobs)
    for name, wanted, make in (
        ("HOOI, 5 sweeps", targets.HOOI, decompositions.hooi),
        ("HOSVD", targets.HOSVD, decompositions.classic_hosvd),
    ):
        for case, target in wanted.items():
            yield Row(name, case, dtype, _scaled(target, dtype), _jobs(make, case, dtype))


def _jobs(
    make: Callable[..., dict[str, Job]], case: str, dtype: str, *options: Any
) -> Callable[[], dict[str, Job]]:
    return lambda: make(products.Parts(SHAPES[case], dtype), *options)


def _bytes(shape: Sequence[int], dtype: str) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize


def _scaled(target: Target, dtype: str) -> Target:
    share = FLOAT64_SHARE if dtype == "float64" else 1.0
    return Target(round(share * target.floor, 2), round(share * target.aim, 2))


def measure(row: Row, seconds: float) -> dict[str, Any]:
    """Time a row; ratio is the best peer's time divided by ours, limit what nobody could exceed."""
    times = interleaved(row.jobs(), seconds)
    peers = {name: took for name, took in times.items() if not name.startswith("ours")}
    best = min(peers, key=peers.__getitem__)
    ratio = times[best] / times["ours"]
    return {
        "operation": row.operation,
        "case": row.case,
        "dtype": row.dtype,
        "best_peer": best,
        "ratio": round(ratio, 2),
        **row.target._asdict(),
        "limit": _limit(row, times[best]),
        "verdict": verdict(ratio, row.target),
        "seconds": {name: float(f"{took:.4g}") for name, took in times.items()},
    }


def _limit(row: Row, best: float) -> float | None:
    return round(best / least_seconds(*row.least, row.dtype), 2) if row.least else None


def verdict(ratio: float, target: Target) -> str:
    """What a ratio amounts to.

    Examples
    --------
    >>> [verdict(ratio, Target(2, 3)) for ratio in (1.9, 2, 3)]
    ['floor missed', 'floor met', 'aim met']
    """
    if ratio >= target.aim:
        return "aim met"
    return "floor met" if ratio >= target.floor else "floor missed"

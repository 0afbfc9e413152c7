"""How long a layer will take: FLOPs, bytes and calls, each at a rate measured on this machine.

    seconds = flops * per FLOP + bytes * per byte + calls * per call

It is a coarse model, good to choose between implementations whose costs differ by a factor;
`ada-tucker profile` measures the real times beside it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch


class Work(NamedTuple):
    """What one forward pass of a layer does.

    Attributes
    ----------
    flops : floating-point operations, 2 per multiply-add
    n_bytes : read and written, inputs, outputs and weights counted once
    calls : of torch operations
    """

    flops: float
    n_bytes: float
    calls: int


@dataclass(frozen=True)
class CostModel:
    """Seconds per FLOP, per byte and per call.

    Examples
    --------
    >>> CostModel(1e-10, 1e-10, 1e-5).seconds(Work(1e6, 1e6, 2))
    0.00022
    """

    flop: float
    byte: float
    call: float

    def seconds(self, work: Work) -> float:
        """Expected time of some work."""
        return work.flops * self.flop + work.n_bytes * self.byte + work.calls * self.call


@cache
def measured_costs(threads: int | None = None) -> CostModel:
    """Measure this machine's rates, once per process; takes about a tenth of a second.

    Parameters
    ----------
    threads : torch's number of threads, only to measure anew when it changes
    """
    square, small = torch.ones(384, 384), torch.ones(4, 4)
    long, vector = torch.ones(1024, 4096), torch.ones(4096)
    with torch.no_grad():
        call = best_seconds(lambda: small @ small, 50)
        flop = best_seconds(lambda: square @ square, 5) / (2 * 384**3)
        byte = best_seconds(lambda: long @ vector, 5) / (4 * 1024 * 4096)
    return CostModel(flop, byte, call)


def best_seconds(job: Callable[[], object], repeats: int) -> float:
    """Least time of several calls: what the job takes when nothing disturbs it."""
    times = []
    for _ in range(repeats + 1):  # the first call prepares
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return min(times[1:])

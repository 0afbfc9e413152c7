"""What no program on this machine can beat: its arithmetic and the writing of its result.

The peak of the arithmetic is what BLAS reaches on square matrices, numpy's or torch's. Results are
written at the rate at which numpy fills an array of that size with a constant. A row whose floor lies
above this bound cannot be met here, whatever the code.
"""

from functools import cache
from statistics import median

import numpy as np
import torch

from tucker_core.timing import interleaved

_SQUARE = 512
_SECONDS = 0.5


@cache
def peak_flops(dtype: str) -> float:
    """FLOPs a second of the better BLAS, on square matrices."""
    one, other = np.random.default_rng(0).standard_normal((2, _SQUARE, _SQUARE)).astype(dtype)
    left, right, out = torch.from_numpy(one), torch.from_numpy(other), np.empty_like(one)
    jobs = {
        "numpy": lambda: np.dot(one, other, out=out),
        "torch": lambda: torch.mm(left, right),
    }
    return 2 * _SQUARE**3 / min(interleaved(jobs, _SECONDS).values())


@cache
def fill_seconds(size: int) -> float:
    """Seconds to write so many bytes once more to the same place."""
    out = np.zeros(size, np.uint8)
    return median(interleaved({"fill": lambda: out.fill(1)}, _SECONDS / 5).values())


def least_seconds(flops: int, written: int, dtype: str) -> float:
    """The larger of both bounds: arithmetic and writing may overlap."""
    return max(flops / peak_flops(dtype), fill_seconds(written))

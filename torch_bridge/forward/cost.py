"""How long a layer will take: FLOPs, bytes and calls, each at a rate that is stated here.

    seconds = flops * per FLOP + bytes * per byte + calls * per call

No stopwatch decides how a layer computes: another choice is another sum in another order, and the same
seed would give another file. It is a coarse model, good to choose between implementations whose costs
differ by a factor; `python -m tools.bench.implementations` measures how often it is wrong, and by how
much, and `ada-tucker profile` does so for a network of one's own.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch


class Work(NamedTuple):
    """What one forward pass of a layer does.

    Attributes
    ----------
    flops : floating-point operations, 2 per multiply-add
    n_bytes : read and written, inputs, outputs and weights counted once, in float32
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


# One core of an AMD EPYC with AVX2, float32: a product of 256 x 800 x 500 runs at 74 GFLOP/s, images move
# at 15 GB/s, and one more call costs a step 15 us, a third of it forwards. With bfloat16 instructions a
# dense step of LeNet-5 took 35 ms instead of 62, half of the bytes move, and each call casts.
_CPU = {
    torch.float32: CostModel(1.35e-11, 6.7e-11, 5e-6),
    torch.bfloat16: CostModel(0.7e-11, 3.4e-11, 7e-6),
}
# Not measured: the data sheet of an accelerator of 2020 at half of its peaks, and a launch.
_GPU = {
    torch.float32: CostModel(1e-13, 1.2e-12, 8e-6),
    torch.bfloat16: CostModel(1e-14, 0.6e-12, 8e-6),
}


def stated_costs(device: str, dtype: torch.dtype) -> CostModel:
    """The rates by which layers on a kind of device choose, in the dtype that they compute in.

    Parameters
    ----------
    device : "cpu", "cuda" or "mps"
    dtype : bfloat16 and float16 count as one, all others as float32

    Examples
    --------
    >>> stated_costs("cpu", torch.bfloat16).flop < stated_costs("cpu", torch.float32).flop
    True
    """
    rates = _CPU if device == "cpu" else _GPU
    return rates[torch.bfloat16 if dtype.itemsize == 2 else torch.float32]

"""One process or several: which one this is, and how they agree on gradients.

Several processes, on one machine or more, are started by torchrun, as in
``torchrun --nproc-per-node 2 -m torch_bridge.cli bench resnet20``. Every process takes its share of each
batch; `DistributedDataParallel` averages gradients, so that all hold the same weights at every step.
Statistics of batch-norm are those of each process's share; the first process's are kept.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class World:
    """The processes that train together.

    Attributes
    ----------
    rank, size : number of this process, from 0, and how many there are
    device : where this one computes
    """

    rank: int = 0
    size: int = 1
    device: torch.device = _CPU

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """Cut this process's part out of a batch (n, ...): n / size entries, for all processes alike.

        Examples
        --------
        >>> World(rank=1, size=2).share(torch.arange(6)).tolist()
        [3, 4, 5]
        """
        return batch.tensor_split(self.size)[self.rank]

    def wrap(self, model: nn.Module) -> nn.Module:
        """Let gradients of this model be averaged over all processes."""
        if self.size == 1:
            return model
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, devices, broadcast_buffers=False)

    def mean(self, value: Tensor) -> Tensor:
        """A number's mean over all processes."""
        if self.size > 1:
            value = value.detach().clone()
            distributed.all_reduce(value)
            value /= self.size
        return value

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join(device: torch.device) -> Iterator[World]:
    """The world that `torchrun` made, or one process alone, while the context lasts.

    Parameters
    ----------
    device : kind of device; with CUDA every process of a machine takes the GPU of its own number
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(device=device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()

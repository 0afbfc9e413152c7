"""One process or several: which one this is, and how they agree on gradients.

Several processes, on one machine or more, are started by torchrun, as in
``torchrun --nproc-per-node 2 -m ada_tucker bench resnet20``. Every process takes its share of each
batch; `DistributedDataParallel` averages gradients, so that all hold the same weights at every step.
Statistics of batch-norm are those of each process's share; the first process's are kept.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class DistributedContext:
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

    def check_batch(self, batch_size: int) -> None:
        """Refuse batches that the processes cannot share evenly.

        Raises
        ------
        ValueError
            If a batch is no multiple of their number.
        """
        if batch_size % self.size:
            raise ValueError(
                f"batch_size is {batch_size}; {self.size} processes need a multiple of that"
            )

    def part(self, batch: Tensor) -> Tensor:
        """Cut this process's part out of a batch (n, ...): n / size entries, for all processes alike.

        Examples
        --------
        >>> DistributedContext(rank=1, size=2).part(torch.arange(6)).tolist()
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

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` gives in the first process, for all of them; what it raises, all raise.

        Files are read and looked for in this way: the processes may have no disk in common, and where
        they have, one could look while another writes.

        Examples
        --------
        >>> DistributedContext().from_first(lambda: 3)
        3
        """
        if self.size == 1:
            return make()
        made: list[Any] = [None, None]
        if self.is_first:
            try:
                made[0] = make()
            except Exception as error:
                made[1] = error
        distributed.broadcast_object_list(made)
        if made[1] is not None:
            raise made[1]
        value: T = made[0]
        return value

    def spread(self, model: nn.Module) -> None:
        """Give all processes the first one's weights and statistics, in place."""
        for tensor in model.state_dict().values() if self.size > 1 else ():
            whole = tensor.contiguous()
            distributed.broadcast(whole, 0)
            tensor.copy_(whole)

    def check_same(self, what: str, value: str) -> None:
        """Refuse to go on where the processes do not agree.

        Parameters
        ----------
        what : the value is of, for the message
        value : of this process

        Raises
        ------
        ValueError
            If another process has another value.
        """
        values = [value]
        if self.size > 1:
            values = [""] * self.size
            distributed.all_gather_object(values, value)
        others = [rank for rank, found in enumerate(values) if found != values[0]]
        if others:
            raise ValueError(
                f"process {others[0]} of {self.size} has {what} other than the first process; "
                "give all of them the same files and options"
            )


def check_alone() -> None:
    """Refuse to do the same thing in several processes at once.

    Raises
    ------
    ValueError
        If torchrun started more than one.
    """
    if (size := _size()) > 1:
        raise ValueError(
            f"WORLD_SIZE is {size}, and this command trains in 1 process: start it without torchrun "
            "('ada-tucker bench' trains in several)"
        )


def _size() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def init_distributed(device: torch.device) -> Iterator[DistributedContext]:
    """The context that `torchrun` made, or one process alone, while the context lasts.

    Parameters
    ----------
    device : kind of device; with CUDA every process of a machine takes the GPU of its own number
    """
    size = _size()
    if size == 1:
        yield DistributedContext(device=device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield DistributedContext(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()

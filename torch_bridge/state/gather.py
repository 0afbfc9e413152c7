"""Whole parameters of a model that several processes hold in shards, for as long as a block takes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn


@contextmanager
def gathered(model: nn.Module) -> Iterator[None]:
    """Let a model hold its whole parameters; all processes have to enter the block together.

    Parameters
    ----------
    model : within `FullyShardedDataParallel`, after `fully_shard`, or of one process, which is left alone

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> with gathered(layer):
    ...     layer.weight.shape
    torch.Size([2, 3])
    """
    whole: dict[int, nn.Parameter] = {}
    changed: list[tuple[nn.Module, str, Any]] = []
    with ExitStack() as stack:
        if any(type(module).__name__ == "FullyShardedDataParallel" for module in model.modules()):
            from torch.distributed.fsdp import FullyShardedDataParallel

            summon: Any = FullyShardedDataParallel.summon_full_params
            stack.enter_context(summon(model, writeback=False))
        try:
            for module in model.modules():
                for name, part in module._parameters.items():
                    if part is not None and hasattr(part, "full_tensor"):
                        if id(part) not in whole:
                            full: Any = part.full_tensor().detach()
                            whole[id(part)] = nn.Parameter(full, part.requires_grad)
                        changed.append((module, name, part))
                        module._parameters[name] = whole[id(part)]
            yield
        finally:
            for module, name, part in changed:
                module._parameters[name] = part

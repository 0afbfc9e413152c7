"""Running a model of somebody else's and leaving it as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Put back, however the block ends, what running a model changes.

    These are its buffers (running statistics, counters), the mode and `requires_grad` of every part, its
    gradients, and torch's random numbers. Parameters are not: to train inside is to change the model.

    Examples
    --------
    >>> norm = nn.BatchNorm1d(2)
    >>> with untouched(norm):
    ...     _ = norm.eval().train()(torch.randn(8, 2) + 3)
    >>> norm.running_mean, norm.training
    (tensor([0., 0.]), True)
    """
    modes = [(module, module.training, dict(module._buffers)) for module in model.modules()]
    values = {buffer: _values(buffer) for buffer in model.buffers()}
    flags = [(p, p.requires_grad, p.grad, _values(p.grad)) for p in model.parameters()]
    devices = {t.device.index for t in (*model.parameters(), *model.buffers()) if t.is_cuda}
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            with torch.no_grad():
                for module, mode, buffers in modes:
                    module.training = mode
                    module._buffers.clear()
                    module._buffers.update(buffers)
                for buffer, before in values.items():
                    _put_back(buffer, before)
                for parameter, wanted, grad, before in flags:
                    parameter.requires_grad_(wanted).grad = grad
                    _put_back(grad, before)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into `eval` mode for a block, and each of its parts into its own mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _values(tensor: Tensor | None) -> Tensor | None:
    """A copy of a tensor that has values."""
    return None if tensor is None or nn.parameter.is_lazy(tensor) else tensor.detach().clone()


def _put_back(tensor: Tensor | None, before: Tensor | None) -> None:
    if tensor is not None and before is not None:
        tensor.copy_(before)

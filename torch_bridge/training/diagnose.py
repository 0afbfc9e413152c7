"""Which layer broke: the first whose parameters, output or gradient are no finite numbers."""

from typing import Any

import torch
from torch import Tensor, nn


class TrainingError(RuntimeError):
    """Training cannot go on; the message says at which step and what is left."""


def first_fault(model: nn.Module, inputs: Tensor) -> str:
    """Name what is not finite, running the model once more on a batch that went wrong.

    Parameters
    ----------
    model : in the state in which it failed; gradients of the failing step may still be there
    inputs : the batch

    Returns
    -------
    for example "the output of layer2.0.conv1", or "the loss" if no layer is to blame

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    >>> _ = model[1].weight.data.fill_(float("nan"))
    >>> first_fault(model, torch.zeros(1, 2))
    'the parameter 1.weight'
    """
    for name, parameter in model.named_parameters():
        if not bool(parameter.isfinite().all()):
            return f"the parameter {name}"
    found: list[str] = []

    def watch(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and not found and not bool(output.isfinite().all()):
                found.append(f"the output of {name or type(model).__name__}")

        return hook

    handles = [
        module.register_forward_hook(watch(name))
        for name, module in model.named_modules()
        if not any(True for _ in module.children())
    ]
    try:
        with torch.no_grad():
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    if found:
        return found[0]
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not bool(parameter.grad.isfinite().all()):
            return f"the gradient of {name}"
    return "the loss"

"""Training with rounded numbers: what the file will hold is what the loss sees.

Every core and factor gets a fixed step, and `TuckerWeight` rounds it to whole multiples of the step
on the way forward; gradients pass straight through. After a few such epochs the network has learned
to live with steps that would have spoilt it otherwise.
"""

import torch
from torch import Tensor, nn

from torch_bridge.compress import tucker_layers, tucker_parts
from tucker_core.quantize import nearest_step_code, rms_step, step_size


def attach_quantizers(model: nn.Module, levels: float) -> None:
    """Round every core and factor of a model from now on, in training and in use.

    Parameters
    ----------
    model : a model after `compress_model`
    levels : steps per root mean square of each tensor as it is now; fewer levels, fewer bytes. The
        step is one of the grid 2^(c / 8), so that a file can name it in one byte

    Raises
    ------
    ValueError
        If `levels` is not positive, or the model has no Tucker weight.

    Examples
    --------
    >>> from torch_bridge.compress import compress_model
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> _ = compress_model(model, 300)
    >>> attach_quantizers(model, 4.0)
    """
    if not levels > 0:
        raise ValueError(
            f"levels is {levels}; a positive number of steps per root mean square is needed"
        )
    found = False
    for _, layer in tucker_layers(model):
        weight, core, factors = tucker_parts(layer)
        parts = [core, *(factor for factor in factors if factor is not None)]
        weight.steps = tuple(grid_step(part, levels) for part in parts)
        found = True
    if not found:
        raise ValueError(f"{type(model).__name__} has no Tucker weight; call compress_model first")


def grid_step(tensor: Tensor, levels: float) -> float:
    """Step of the grid nearest to the tensor's root mean square / levels."""
    array = tensor.detach().to("cpu", torch.float32).numpy()
    return step_size(nearest_step_code(rms_step(array, levels)))

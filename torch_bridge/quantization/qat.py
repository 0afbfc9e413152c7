"""Training with rounded numbers: what the file will hold is what the loss sees.

`attach_quantizers` gives every core and factor a `Quantizer`; from then on the network computes with
rounded numbers, gradients pass straight through, and `rate` says what the integers will cost. After
some such epochs the network has learned to live with steps that would have spoilt it otherwise.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from torch_bridge.quantization.fake_quantizer import Quantizer
from torch_bridge.quantization.flat_quantizers import FlatQuantizers
from torch_bridge.weights.parametrization import stored_layers, stored_parts
from tucker_core.quantize import rms_step


def attach_quantizers(model: nn.Module, levels: float) -> None:
    """Round every core and factor of a model from now on, in training and in use.

    Parameters
    ----------
    model : a model after `compress_model`; its cores and factors are from now on kept in levels
    levels : first steps per root mean square of each tensor; fewer levels, fewer bytes

    Raises
    ------
    ValueError
        If `levels` is not positive, or the model has no stored weight or quantizers already.

    Examples
    --------
    >>> from torch_bridge.compression.compress import compress_model
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> _ = compress_model(model, 300)
    >>> attach_quantizers(model, 4.0)
    """
    if not levels > 0:
        raise ValueError(
            f"levels is {levels}; a positive number of steps per root mean square is needed"
        )
    layers = list(stored_layers(model))
    if not layers:
        raise ValueError(f"{type(model).__name__} has no Tucker weight; call compress_model first")
    if any(True for _ in quantized_tensors(model)):
        raise ValueError(f"{type(model).__name__} has quantizers already")
    made: dict[int, Quantizer] = {}
    for name, layer in layers:
        weight, parts = stored_parts(layer, name)
        for part in parts:
            if id(part) not in made:  # a shared tensor has one quantizer
                made[id(part)] = _quantizer(part, levels)
        weight.quantizers = nn.ModuleList(made[id(part)] for part in parts)


def quantized_tensors(model: nn.Module) -> Iterator[tuple[Quantizer, Tensor]]:
    """Yield every quantizer with the tensor of levels that it rounds, each once."""
    seen: set[int] = set()
    for name, layer in stored_layers(model):
        weight, parts = stored_parts(layer, name)
        for module, part in zip(weight.quantizers, parts, strict=False):
            if id(part) not in seen:
                seen.add(id(part))
                assert isinstance(module, Quantizer)
                yield module, part


def rate(model: nn.Module) -> Tensor:
    """Expected bits of all integers of a model, a differentiable number; 0 without quantizers.

    Examples
    --------
    >>> from torch_bridge.compression.compress import compress_model
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> _ = compress_model(model, 300)
    >>> attach_quantizers(model, 4.0)
    >>> 600 < float(rate(model).detach()) < 2_400
    True
    """
    return FlatQuantizers(quantized_tensors(model)).bits()


def overrun(model: nn.Module) -> float:
    """By what factor a model's integers, as they are, take more bits than `rate` expects.

    `rate` has a slope everywhere and so sees a tensor before it is rounded; where nearly all entries
    are zeros it expects too little, for the convolutional benchmark at 100x by 5 % of the file.

    Examples
    --------
    >>> from torch_bridge.compression.compress import compress_model
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> _ = compress_model(model, 300)
    >>> attach_quantizers(model, 4.0)
    >>> 0.7 < overrun(model) < 1.2
    True
    """
    bits = sum(quantizer.entropy(levels) for quantizer, levels in quantized_tensors(model))
    expected = float(rate(model).detach())
    return bits / expected if expected else 1.0


def step_of(tensor: Tensor, levels: float) -> float:
    """The tensor's root mean square / levels."""
    return rms_step(tensor.detach().to("cpu", torch.float32).numpy(), levels)


def _quantizer(part: Tensor, levels: float) -> Quantizer:
    """A quantizer for a tensor, whose entries are put into its units in place."""
    quantizer = Quantizer(step_of(part, levels)).to(part.device, part.dtype)
    with torch.no_grad():
        part.div_(quantizer.unit)
        quantizer.log_spread.fill_(part.abs().mean().clamp_min(0.1).log())
    return quantizer

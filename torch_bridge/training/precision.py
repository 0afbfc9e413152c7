"""In what numbers a device computes layers, and in what order it keeps a picture's colours."""

import torch
from torch import nn
from torch.nn.utils import parametrize

from torch_bridge.weights.tucker_weight import tucker_layers, tucker_parts


def pick_precision(device: torch.device, wanted: str) -> torch.dtype:
    """The dtype to compute layers in: bfloat16 where the device has instructions for it.

    Examples
    --------
    >>> pick_precision(torch.device("cpu"), "float32")
    torch.float32
    """
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    native = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if native else torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """A context in which layers compute in a dtype; float32 changes nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype != torch.float32)


def put_channels_last(model: nn.Module) -> None:
    """Lay the weights of convolutions out in memory as their images are, in place.

    `model.to(memory_format=...)` would also take cores of order 4 for images, and fail on those of 5; a
    weight in Tucker form is laid out so when it is reconstructed.

    Examples
    --------
    >>> layer = nn.Conv2d(3, 4, 3)
    >>> put_channels_last(layer)
    >>> layer.weight.stride()
    (27, 1, 9, 3)
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and not parametrize.is_parametrized(module, "weight"):
            module.weight.data = module.weight.data.to(memory_format=torch.channels_last)
    for name, layer in tucker_layers(model):
        if isinstance(layer, nn.Conv2d):
            tucker_parts(layer, name)[0].memory_format = torch.channels_last


def check_device(name: str) -> torch.device:
    """The device of that name, if this machine has it; "auto" is the first there is of cuda, mps, cpu.

    Raises
    ------
    ValueError
        If it is unknown or not there; says what is.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    found = [device for device, is_there in there.items() if is_there]
    if name == "auto":
        return torch.device(found[0])
    if name not in found:
        raise ValueError(f"device {name!r} is not available; this machine has {found}")
    return torch.device(name)

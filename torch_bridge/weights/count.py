"""How many parameters a model stores, and how many bytes."""

from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter


def is_lazy(tensor: Tensor) -> bool:
    """Whether a parameter or buffer still waits for a first batch to tell its shape."""
    return isinstance(tensor, UninitializedParameter | UninitializedBuffer)


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, out of DataParallel, DistributedDataParallel and `torch.compile`.

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> unwrapped(nn.DataParallel(layer)) is layer
    True
    """
    inner: Any = model
    while True:
        if isinstance(inner, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = inner.module
        elif hasattr(inner, "_orig_mod"):
            inner = inner._orig_mod
        else:
            return inner  # type: ignore[no-any-return]


def count_params(model: nn.Module) -> int:
    """Count the parameters that a model stores; what is shared counts once, what is not yet there not."""
    return sum(p.numel() for p in model.parameters() if not is_lazy(p))


def count_bytes(model: nn.Module) -> int:
    """Bytes of a model's parameters and buffers, as torch stores them; what is shared counts once."""
    tensors = (t for t in (*model.parameters(), *model.buffers()) if not is_lazy(t))
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

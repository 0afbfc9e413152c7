"""What is computed from core and factors once, and kept for as long as these do not change.

Without gradients a reconstructed weight is the same at each call. It is kept until a tensor that it was
made of changes: torch counts the changes of each. Changes through `p.data` are not counted, so that eight
entries of each tensor on the CPU are looked at, too. What was made is itself changed by nobody, or made
anew.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, is_inference_mode_enabled
from torch._C import _is_tracing, _len_torch_dispatch_stack
from torch._C._functorch import peek_interpreter_stack
from torch.compiler import is_compiling

_PROBES = 8  # entries of each tensor that are looked at, for a tenth of a microsecond each


class Resting:
    """Tensors that stay as they are, and what was made of them.

    Parameters
    ----------
    parts : what everything is made of

    Attributes
    ----------
    choices : for inputs of some shape and dtype, how to compute

    Examples
    --------
    >>> part = torch.ones(2)
    >>> rest = Resting([part])
    >>> rest.kept("double", lambda: (2 * part,)), rest.is_of([part])
    ((tensor([2., 2.]),), True)
    >>> _ = part.add_(1)
    >>> rest.is_of([part])
    False
    """

    def __init__(self, parts: Sequence[Tensor]) -> None:
        self._parts = list(parts)  # so that no other tensor takes an id or a place
        self._state = _state(parts)
        self._inference = is_inference_mode_enabled()
        self._probes = [probe for part in parts for probe in _probes(part)]
        self._found = [view[at] for view, at in self._probes]
        self._made: dict[str, tuple[tuple[Tensor | None, ...], list[int]]] = {}
        self.choices: dict[Any, str] = {}

    def is_of(self, parts: Sequence[Tensor]) -> bool:
        """Whether these are the parts, unchanged."""
        if self._inference != is_inference_mode_enabled() or _state(parts) != self._state:
            return False
        return [view[at] for view, at in self._probes] == self._found

    def kept(
        self, name: str, make: Callable[[], tuple[Tensor | None, ...]]
    ) -> tuple[Tensor | None, ...]:
        """What was made under a name; made now if it was not, or was changed."""
        found = self._made.get(name)
        if found is None or not (self._inference or _versions(found[0]) == found[1]):
            made = make()
            self._made[name] = found = made, [] if self._inference else _versions(made)
        return found[0]


def may_rest(parts: Sequence[Tensor]) -> bool:
    """Whether tensors that rested are not being trained, traced or transformed now."""
    if torch.is_grad_enabled() and any(part.requires_grad for part in parts):
        return False
    return not is_transformed()


def can_rest(parts: Sequence[Tensor]) -> bool:
    """Whether what is made of these tensors may be kept: they have values, and count their changes.

    Where processes train together a wrapper may exchange the values uncounted, as FSDP does.
    """
    together = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not together and all(is_plain(part) and not part.is_inference() for part in parts)


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor has memory of its own: not fake, sharded, or on the device "meta"."""
    return type(tensor) in _PLAIN and not tensor.is_meta


def is_transformed() -> bool:
    """Whether operations are compiled, traced, counted, or mapped by `torch.func` now."""
    return bool(
        is_compiling()
        or _len_torch_dispatch_stack()
        or _is_tracing()
        or peek_interpreter_stack() is not None
    )


_PLAIN = {Tensor, torch.nn.Parameter}


def _state(parts: Sequence[Tensor]) -> list[tuple[int, int, int]]:
    return [(id(part), part._version, part.data_ptr()) for part in parts]


def _versions(made: Sequence[Tensor | None]) -> list[int]:
    return [-1 if t is None else t._version for t in made]


def _probes(part: Tensor) -> list[tuple[Any, int]]:
    """Views of a tensor's memory and places in them."""
    if part.device.type != "cpu" or not part.is_contiguous() or not part.numel():
        return []
    flat = part.detach().reshape(-1)
    array: Any = (flat.view(torch.int16) if flat.dtype.itemsize == 2 else flat).numpy()
    view = memoryview(array)
    places = {k * len(view) // _PROBES for k in range(_PROBES)}
    return [(view, at) for at in places]

"""A reconstructed weight as users see it: a tensor that refuses to be changed in place.

`layer.weight` is made from core and factors at each use, so a change of it would be lost in silence:
`layer.weight.mul_(2)`, `nn.init.xavier_uniform_(layer.weight)`, `layer.weight.data += delta`. The tensor
is of a class of its own, whose changing methods refuse; so do its `data` and `detach()`, which are the
same memory. What is computed from it is a plain tensor, as it is with `nn.Parameter`, and making it takes
no copy. Changes of a part (`layer.weight[0].zero_()`), by functions (`torch.relu_(weight)`,
`out=weight`) or from numpy go unseen.
"""

import copy
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

_HARMLESS = {"requires_grad_", "share_memory_"}  # change no value


class ReconstructedWeight(Tensor):
    """A tensor that cannot be changed in place."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @property
    def data(self) -> Tensor:
        """The values, which cannot be changed in place either."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> NoReturn:
        """Refuse, as of every other change."""
        _refuse()

    def detach(self) -> Tensor:
        """The values without a graph, which cannot be changed in place either."""
        return guarded(super().detach())

    def __setattr__(self, name: str, value: object) -> None:
        """Become a plain parameter or buffer where `nn.Parameter` or `nn.Buffer` is made of it."""
        if name == "_is_param":
            self.__class__ = nn.Parameter  # type: ignore[assignment]
            return
        if name == "_is_buffer":
            self.__class__ = Tensor  # type: ignore[assignment]
        object.__setattr__(self, name, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A plain tensor."""
        return copy.deepcopy(self.as_subclass(Tensor), memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Be saved as a plain tensor."""
        plain: Any = self.as_subclass(Tensor)
        return plain.__reduce_ex__(protocol)


def guarded(weight: Tensor) -> Tensor:
    """The tensor itself, which from now on refuses to be changed.

    Examples
    --------
    >>> weight = guarded(torch.ones(2))
    >>> weight + 1
    tensor([2., 2.])
    >>> weight.mul_(2)
    Traceback (most recent call last):
    RuntimeError: this weight is reconstructed at each use, so a change of it would be lost; \
assign a new one (layer.weight = tensor), or call materialize(model) first
    """
    if type(weight) is Tensor and not torch.compiler.is_compiling():
        weight.__class__ = ReconstructedWeight
    return weight


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError(
        "this weight is reconstructed at each use, so a change of it would be lost; assign a new one "
        "(layer.weight = tensor), or call materialize(model) first"
    )


_IN_PLACE = {name for name in dir(Tensor) if name.endswith("_") and not name.startswith("_")}
_AUGMENTED = {f"__i{name.removeprefix('__')}" for name in dir(Tensor)} & set(dir(Tensor))
for _name in (_IN_PLACE | _AUGMENTED | {"__setitem__"}) - _HARMLESS:
    setattr(ReconstructedWeight, _name, _refuse)

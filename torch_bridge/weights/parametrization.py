"""What all compressed weights have in common: they are reconstructed from tensors that may be rounded."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.weights.reconstructed import guarded
from torch_bridge.weights.resting import Resting, can_rest, may_rest


class StoredWeight(nn.Module):
    """Parametrization that reconstructs a weight from tensors; these are all that a file has to hold.

    A subclass gives `forward`, from the stored tensors to the weight, which is linear in each of them;
    `right_inverse`, from a weight to a tuple of them; and `layout`.

    Attributes
    ----------
    quantizers : one for each stored tensor, once `attach_quantizers` made them
    """

    def __init__(self) -> None:
        super().__init__()
        self.quantizers = nn.ModuleList()
        self._rest: Resting | None = None

    def __call__(self, *parts: Tensor) -> Tensor:
        """Reconstruct the weight, or give the one at rest; it refuses to be changed in place."""
        rest = self.at_rest(parts)
        if rest is None:
            return guarded(super().__call__(*parts))
        (weight,) = rest.kept(
            "weight", lambda: (guarded(super(StoredWeight, self).__call__(*parts)),)
        )
        assert weight is not None
        return weight

    def at_rest(self, parts: Sequence[Tensor]) -> Resting | None:
        """What was made of the stored tensors and is right still; None while they may change."""
        quantizers: Any = self._modules["quantizers"]
        if quantizers._modules:
            parts = [*parts, *(quantizer.log_step for quantizer in quantizers)]
        if not may_rest(parts):
            self._rest = None
        elif self._rest is None or not self._rest.is_of(parts):
            self._rest = Resting(parts) if can_rest(parts) else None
        return self._rest

    def train(self, mode: bool = True) -> Self:
        """Forget what was kept for evaluation."""
        self._rest = None
        return super().train(mode)

    def __getstate__(self) -> dict[str, Any]:
        """Be copied and saved without what is made anew."""
        return {**vars(self), "_rest": None}

    @property
    def layout(self) -> object:
        """What tells this weight from another that is reconstructed from the same tensors."""
        raise NotImplementedError

    def as_seen(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """The stored tensors as the network computes with them: rounded, once there are quantizers."""
        if not self.quantizers:
            return list(parts)
        return [quantizer(part) for quantizer, part in zip(self.quantizers, parts, strict=True)]


def stored_layers(
    model: nn.Module, kind: type[StoredWeight] = StoredWeight
) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every weight that is reconstructed from stored tensors."""
    layer: Any
    for name, layer in model.named_modules():
        if parametrize.is_parametrized(layer):
            for attribute, chain in layer.parametrizations.items():
                if isinstance(chain[0], kind):
                    yield f"{name}.{attribute}" if name else attribute, layer


def stored_parts(layer: nn.Module, name: str = "weight") -> tuple[StoredWeight, list[Tensor]]:
    """The parametrization of a layer's weight and the tensors from which it is reconstructed."""
    originals = tucker_originals(layer, name)
    return originals[0], [getattr(originals, f"original{k}") for k in range(originals.ntensors)]


def tucker_originals(layer: nn.Module, name: str = "weight") -> Any:
    """Where torch keeps core and factors of a layer's weight: original0, original1, ..."""
    owner: Any = layer
    return owner.parametrizations[attribute_of(name)]


def stored_as(layer: nn.Module, name: str = "weight") -> tuple[object, ...]:
    """What tells a stored weight from all others: alike for the modules that share one."""
    weight, parts = stored_parts(layer, name)
    return (weight.layout, *map(id, parts))


def attribute_of(name: str) -> str:
    """The last part of a weight's full name, under which its layer holds it.

    Examples
    --------
    >>> attribute_of("encoder.0.weight")
    'weight'
    """
    return name.rpartition(".")[2]


def weight_shape(layer: nn.Module, name: str = "weight") -> tuple[int, ...]:
    """Shape of a layer's weight."""
    weight: Any = getattr(layer, attribute_of(name))
    return tuple(int(dim) for dim in weight.shape)

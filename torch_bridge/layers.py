"""Finding the weights of a model that have, or can take, Tucker form.

A weight goes by its full name, "encoder.0.weight" or "attention.in_proj_weight": the name of its layer,
a dot, and the layer's attribute that holds it.
"""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.eligibility import is_lazy, survey
from torch_bridge.stored import StoredWeight
from torch_bridge.weight import TuckerWeight


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


def compressible_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every dense weight that can take Tucker form."""
    for weight in survey(model).weights:
        yield weight.name, weight.slots[0].layer


def stored_layers(
    model: nn.Module, kind: type[StoredWeight] = StoredWeight
) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every weight that is rebuilt from stored tensors."""
    layer: Any
    for name, layer in model.named_modules():
        if parametrize.is_parametrized(layer):
            for attribute, chain in layer.parametrizations.items():
                if isinstance(chain[0], kind):
                    yield f"{name}.{attribute}" if name else attribute, layer


def stored_parts(layer: nn.Module, name: str = "weight") -> tuple[StoredWeight, list[Tensor]]:
    """The parametrization of a layer's weight and the tensors from which it is rebuilt."""
    originals = tucker_originals(layer, name)
    return originals[0], [getattr(originals, f"original{k}") for k in range(originals.ntensors)]


def tucker_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every weight in Tucker form."""
    return stored_layers(model, TuckerWeight)


def tucker_parts(
    layer: nn.Module, name: str = "weight"
) -> tuple[TuckerWeight, Tensor, list[Tensor | None]]:
    """The parametrization of a layer's weight with its core and one factor (or None) per mode."""
    weight, (core, *factors) = stored_parts(layer, name)
    assert isinstance(weight, TuckerWeight)
    return weight, core, weight.with_gaps(factors)


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


def count_params(model: nn.Module) -> int:
    """Count the parameters that a model stores; what is shared counts once, what is not yet there not."""
    return sum(p.numel() for p in model.parameters() if not is_lazy(p))


def count_bytes(model: nn.Module) -> int:
    """Bytes of a model's parameters and buffers, as torch stores them; what is shared counts once."""
    tensors = (t for t in (*model.parameters(), *model.buffers()) if not is_lazy(t))
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

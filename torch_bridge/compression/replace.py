"""Putting Tucker weights into the layers of a model, and taking them out again, all or nothing."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.compression.survey import Slot, Weight
from torch_bridge.forward.implementation import let_choose
from torch_bridge.weights.layout_state import let_mark
from torch_bridge.weights.parametrization import (
    attribute_of,
    stored_as,
    stored_layers,
    tucker_originals,
)
from torch_bridge.weights.sharing import share_core
from torch_bridge.weights.tucker_weight import TuckerWeight
from tucker_core import NetworkPlan


def insert(
    model: nn.Module,
    plan: NetworkPlan,
    weights: Mapping[str, Weight],
    parts: Mapping[str, Sequence[Tensor]],
    *,
    shared: bool = True,
) -> None:
    """Replace weights of a model by core and factors, in place; on any failure nothing is changed.

    Parameters
    ----------
    model : the module that holds the weights
    plan : of the weights to replace
    weights : name -> where the weight is
    parts : name -> core and existing factors
    shared : let the weights whose plan has a shared core use one, those of each group theirs
    """
    slots = [slot for layer in plan.layers for slot in weights[layer.name].slots]
    with _undone_on_failure(slot.layer for slot in slots):
        for layer in plan.layers:
            first, *others = weights[layer.name].slots
            for slot in (first, *others):
                _register(slot, TuckerWeight(layer, parts[layer.name]))
            for slot in others:
                _use_parts_of(first, slot)
        for group in plan.shared_groups.values() if shared else ():
            share_core(model, [layer.name for layer in group])


def materialize(model: nn.Module) -> nn.Module:
    """Turn every Tucker weight (or a baseline's), in place, into a dense parameter; returns the model.

    Examples
    --------
    >>> from torch_bridge.compression.compress import compress_model
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> _ = compress_model(model, 300)
    >>> type(materialize(model)[0]).__name__, sum(p.numel() for p in model.parameters())
    ('Linear', 620)
    """
    done: dict[tuple[object, ...], nn.Parameter] = {}
    for name, layer in list(stored_layers(model)):
        attribute, owner = attribute_of(name), layer
        originals = tucker_originals(layer, name)
        key = stored_as(layer, name)
        if key not in done:  # modules that shared a weight share it again
            weight = getattr(owner, attribute).detach().clone(memory_format=torch.contiguous_format)
            trains = any(p.requires_grad for p in originals.parameters())
            done[key] = nn.Parameter(weight, requires_grad=trains)
        # torch takes the property off the layer's class, which a copy of the model still shares
        kind = type(layer)
        owner.__class__ = type(kind.__name__, kind.__bases__, dict(kind.__dict__))
        parametrize.remove_parametrizations(layer, attribute, leave_parametrized=True)
        delattr(owner, attribute)  # torch makes it no parameter where gradients are off
        setattr(owner, attribute, done[key])
        if isinstance(owner, nn.RNNBase):
            owner._init_flat_weights()
    return model


def _register(slot: Slot, weight: TuckerWeight) -> None:
    layer: Any = slot.layer
    parametrize.register_parametrization(layer, slot.attribute, weight, unsafe=True)
    # Parts of an evaluated model are evaluated too; torch tells its own list, but not the dict around.
    layer.parametrizations.train(layer.training)
    if len(layer.parametrizations) > 1:
        return  # the layer's new class is prepared already
    if isinstance(layer, nn.RNNBase):
        _forget_flat_weights(layer)
    let_choose(layer)
    let_mark(layer)


def _use_parts_of(first: Slot, other: Slot) -> None:
    """Let a second slot of a weight use core and factors of the first."""
    source = tucker_originals(first.layer, first.name)
    target = tucker_originals(other.layer, other.name)
    for k in range(source.ntensors):
        setattr(target, f"original{k}", getattr(source, f"original{k}"))


def _forget_flat_weights(layer: nn.RNNBase) -> None:
    """A recurrent layer keeps a list of its weights and renews it whenever they are other tensors.

    So reconstructed weights reach it by themselves. But then the list holds tensors that belong to
    a graph, which cannot be copied: a copy makes its own.
    """
    kind: Any = type(layer)
    copied = kind.__deepcopy__

    def deepcopy(self: nn.RNNBase, memo: dict[int, Any]) -> Any:
        own = self._flat_weights
        self._flat_weights = [None] * len(self._flat_weights_names)
        try:
            made = copied(self, memo)
        finally:
            self._flat_weights = own
        with torch.no_grad():
            made._init_flat_weights()
        return made

    kind.__deepcopy__ = deepcopy
    layer._flat_weights = [None] * len(layer._flat_weights_names)


@contextmanager
def _undone_on_failure(layers: Iterable[nn.Module]) -> Iterator[None]:
    """Put every layer back as it was, parameters in their order, if anything goes wrong inside."""
    before = [
        (layer, type(layer), {key: _shallow(value) for key, value in vars(layer).items()})
        for layer in {id(layer): layer for layer in layers}.values()
    ]
    try:
        yield
    except BaseException:
        for layer, kind, state in before:
            layer.__class__ = kind
            vars(layer).clear()
            vars(layer).update(state)
        raise


def _shallow(value: Any) -> Any:
    return copy.copy(value) if isinstance(value, dict | list) else value

"""Layers that share stored tensors: one core for all (SCADA-Tucker), or factors between neighbours.

The hidden units between two layers are a mode of both weights. Where both split that mode into the
same dims, its transformation matrices may be one and the same. In SCADA-Tucker all weights have one
order, and one core serves them all, each with matrices of its own.
"""

from collections.abc import Sequence

from torch import nn

from torch_bridge.weights.parametrization import tucker_originals
from torch_bridge.weights.tucker_weight import tucker_layers, tucker_parts

Place = tuple[str, int]  # name of a weight and which mode's factor; mode -1 is the core


def share(model: nn.Module, first: Place, *others: Place) -> None:
    """Let several weights of a model in Tucker form use one tensor, the first one's.

    Parameters
    ----------
    model : a model after `compress_model`, before `attach_quantizers`
    first, others : (name of a weight, mode of the factor), mode -1 for the core

    Raises
    ------
    ValueError
        If a weight or factor is not there, or the tensors differ in shape.

    Examples
    --------
    >>> from torch_bridge.compression.compress import compress_model
    >>> from torch_bridge.weights.count import count_params
    >>> from torch_bridge.models import LeNet300
    >>> from tucker_core import LayerPlan, NetworkPlan, plan_reshape
    >>> fc1 = LayerPlan("fc1.weight", plan_reshape((300, 784), 4), (4, 4, 5, 5))
    >>> fc2 = LayerPlan("fc2.weight", plan_reshape((100, 300), 4), (4, 4, 4, 4))
    >>> model = LeNet300()
    >>> report = compress_model(model, NetworkPlan((fc1, fc2)))
    >>> share(model, ("fc1.weight", 0), ("fc2.weight", 2))
    >>> report.params - count_params(model)  # a matrix 15 x 4 less
    60
    """
    layers = dict(tucker_layers(model))
    source_name = _slot(layers, first)
    source = getattr(_list(layers, first), source_name)
    for place in others:
        slot, owner = _slot(layers, place), _list(layers, place)
        if getattr(owner, slot).shape != source.shape:
            raise ValueError(
                f"{place} has shape {tuple(getattr(owner, slot).shape)}, {first} has "
                f"{tuple(source.shape)}; only tensors of one shape can be shared"
            )
        setattr(owner, slot, source)
    for name, _ in (first, *others):
        tucker_parts(layers[name], name)[0].shares = True


def share_core(model: nn.Module, names: Sequence[str]) -> None:
    """Let these weights use the core of the first of them (SCADA-Tucker)."""
    first, *others = ((name, -1) for name in names)
    share(model, first, *others)


def _list(layers: dict[str, nn.Module], place: Place) -> nn.Module:
    owner: nn.Module = tucker_originals(layers[place[0]], place[0])
    return owner


def _slot(layers: dict[str, nn.Module], place: Place) -> str:
    """Under which name torch keeps that tensor: original0 is the core, then the factors there are."""
    name, mode = place
    if name not in layers:
        raise ValueError(f"{name!r} is no weight in Tucker form; there are {sorted(layers)}")
    full = _list(layers, place)[0].plan.full_modes  # type: ignore[index]
    if not -1 <= mode < len(full) or (mode >= 0 and full[mode]):
        raise ValueError(
            f"{name} has no factor in mode {mode}; it has them in modes "
            f"{[n for n, is_full in enumerate(full) if not is_full]}"
        )
    return f"original{sum(not is_full for is_full in full[: mode + 1])}"

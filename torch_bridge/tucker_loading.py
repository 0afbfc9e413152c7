"""From a `.ada` file to a model in Tucker form: its cores and factors, not the weights they make."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_bridge.eligibility import survey
from torch_bridge.storage import load_network
from torch_bridge.surgery import insert
from tucker_core import CodedParameter, CompressedNetwork, LayerPlan, NetworkPlan


def load_tucker(model: nn.Module, network: CompressedNetwork) -> nn.Module:
    """Put a network into a dense model, in place, and leave its weights in Tucker form.

    Parameters
    ----------
    model : a dense model of the network's architecture
    network : what `load` read from a file

    Returns
    -------
    the model; it computes what `load_network` would give, and can be trained on or run from its factors.
    A core that several weights share is theirs alone here, as each has a scale of its own.

    Raises
    ------
    ValueError
        If names or shapes of the network are not those of the model.

    Examples
    --------
    >>> from torch_bridge import compress_model, to_network
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> _ = compress_model(model, 300)
    >>> network = to_network(model, "mine", levels=8.0)
    >>> twin = load_tucker(nn.Sequential(nn.Linear(30, 20)), network)
    >>> type(twin[0].parametrizations.weight[0]).__name__
    'TuckerWeight'
    """
    load_network(model, network)
    weights = {weight.name: weight for weight in survey(model).weights}
    coded = [p for p in network.parameters if p.name in weights and len(p.tensors) > 1]
    layers = {parameter.name: _layer_plan(parameter) for parameter in coded}
    likes: dict[str, Any] = {name: weights[name].parameter for name in layers}
    parts = {p.name: [part.to(likes[p.name]) for part in _parts(p)] for p in coded}
    insert(model, NetworkPlan(tuple(layers.values())), weights, parts, shared=False)
    return model


def _layer_plan(parameter: CodedParameter) -> LayerPlan:
    """Its plan; a factor of a full mode can only be that of a weight that shared its core."""
    squares = [
        factor is not None and rank >= dim
        for dim, rank, factor in zip(
            parameter.reshape.dims, parameter.core.shape, parameter.factors, strict=True
        )
    ]
    return LayerPlan(parameter.name, parameter.reshape, parameter.core.shape, any(squares))


def _parts(parameter: CodedParameter) -> list[Tensor]:
    """Core, times the scale, and the factors that its plan has.

    Factors of integers and a core of tiny numbers would leave the range of half precision; so factors are
    divided by powers of two, exactly, and the core is multiplied by them.
    """
    core, factors = parameter.to_tucker()
    keep_all = _layer_plan(parameter).shared_core
    kept = [
        np.eye(rank) if factor is None else factor
        for rank, factor in zip(core.shape, factors, strict=True)
        if keep_all or factor is not None
    ]
    octaves = [math.frexp(float(np.abs(factor).max()))[1] for factor in kept]
    scaled = np.ldexp(core * parameter.scale, sum(octaves))
    small = (np.ldexp(factor, -octave) for factor, octave in zip(kept, octaves, strict=True))
    return [torch.tensor(array) for array in (scaled, *small)]

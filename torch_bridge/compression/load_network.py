"""From a `.ada` file to a model: its dense weights, or its cores and factors."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_bridge.compression.replace import insert
from torch_bridge.compression.survey import survey
from torch_bridge.compression.to_network import _is_needed, _plain_tensors
from torch_bridge.weights.count import unwrapped
from torch_bridge.weights.tucker_weight import tucker_layers
from tucker_core import (
    CodedParameter,
    CompressedNetwork,
    LayerPlan,
    NetworkPlan,
)


def load_network(model: nn.Module, network: CompressedNetwork) -> nn.Module:
    """Put the decoded dense weights of a network into a dense model, in place; returns the model.

    Buffers of integers that a file does not hold, as older ones, stay as the model has them.

    Raises
    ------
    ValueError
        If names or shapes of the network are not those of the model.
    """
    inner = unwrapped(model)
    dense = {name: torch.from_numpy(array) for name, array in network.to_dense().items()}
    plain = dict(_plain_tensors(inner))
    single = {n for n in dense.keys() & plain if dense[n].numel() == 1 and not plain[n].dim()}
    dense |= {name: dense[name].reshape(()) for name in single}
    needed = {n: t for n, t in plain.items() if n in dense or _is_needed(t)}
    wanted = {name: tuple(tensor.shape) for name, tensor in needed.items()}
    found = {name: tuple(tensor.shape) for name, tensor in dense.items()}
    if wanted != found:
        differing = sorted(set(wanted.items()) ^ set(found.items()))
        hint = " (it is in Tucker form: give a dense one)" if dict(tucker_layers(inner)) else ""
        raise ValueError(
            f"the file holds a {network.architecture!r} network, which does not fit "
            f"{type(inner).__name__}{hint}: {differing[:4]}"
        )
    inner.load_state_dict(dense, strict=False)
    return model


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
    >>> model = load_tucker(nn.Sequential(nn.Linear(30, 20)), network)
    >>> type(model[0].parametrizations.weight[0]).__name__
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

"""The files that methods make, decoded: what is measured is always what the file gives back."""

import copy
import io
import zipfile
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from torch_bridge import load_network, survey, to_network
from torch_bridge.weights.count import count_params
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, from_bytes, to_bytes


class Sized(NamedTuple):
    """A file and the network that it gives back.

    Attributes
    ----------
    name : of the method
    params : parameters stored, those that are not compressed included
    n_bytes : of the file
    decoded : dense network with the decoded weights
    """

    name: str
    params: int
    n_bytes: int
    decoded: nn.Module


def file_of(
    name: str,
    student: nn.Module,
    into: nn.Module,
    levels: float | None,
    *,
    params: int | None = None,
) -> Sized:
    """The `.ada` file of a network in Tucker form, decoded into a dense one.

    Parameters
    ----------
    name : of the method
    student : network in Tucker form
    into : a dense network, whose weights are replaced
    levels : steps per root mean square; None for those that training chose
    params : parameters that count as stored, where zeros do not; by default all
    """
    content = to_bytes(to_network(student, "zoo", levels))
    decoded = load_network(into, from_bytes(content)).eval()
    own = count_params(student) - sum(
        p.numel() for n, p in student.named_parameters() if "quantizers" in n
    )
    return Sized(name, own if params is None else params, len(content), decoded)


def int8_file(dense: nn.Module, into: nn.Module) -> Sized:
    """Weights of 8 bits with one scale for each output channel, all else in float32, in a zip.

    Parameters
    ----------
    dense : the network
    into : a dense network, whose weights are replaced
    """
    weights = {weight.name for weight in survey(dense).weights}
    arrays: dict[str, np.ndarray] = {}
    state: dict[str, Tensor] = {}
    for name, tensor in dense.state_dict().items():
        if name in weights:
            rounded, scales = _int8(tensor)
            arrays |= {name: rounded.numpy(), f"{name}.scale": scales.numpy()}
            state[name] = rounded.float() * scales
        else:
            arrays[name], state[name] = tensor.numpy(), tensor
    into.load_state_dict(state)
    return Sized("int8 per channel, zip", count_params(dense), _zipped(arrays), into.eval())


def _int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    largest = weight.abs().amax(tuple(range(1, weight.dim())), keepdim=True).clamp_min(1e-12)
    return torch.round(weight / largest * 127).to(torch.int8), largest / 127


def _zipped(arrays: Mapping[str, np.ndarray]) -> int:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, array in arrays.items():
            packed.writestr(name, np.ascontiguousarray(array).tobytes())
    return len(content.getvalue())


def dense_plan(network: nn.Module) -> NetworkPlan:
    """Every weight as it is: cores without factors, which rounding alone makes small.

    Examples
    --------
    >>> [layer.rank for layer in dense_plan(nn.Linear(30, 20)).layers]
    [(20, 30)]
    """
    found = survey(network).weights
    return NetworkPlan(
        tuple(LayerPlan(w.name, ReshapePlan.straight(w.shape), w.shape) for w in found)
    )


def copy_of(network: nn.Module) -> nn.Module:
    """A network of its own, with the same weights."""
    return copy.deepcopy(network)

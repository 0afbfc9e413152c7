"""Between a model in Tucker form and a `CompressedNetwork`, the content of a `.ada` file."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from torch_bridge.layers import tucker_layers, tucker_parts
from torch_bridge.quantizer import Quantizer
from torch_bridge.rounding import step_of
from tucker_core import (
    ARCHITECTURES,
    CodedParameter,
    CompressedNetwork,
    ReshapePlan,
    Symbols,
    quantize,
    scale_of,
)
from tucker_core.quantize import nearest_scale_code

BIAS_LEVELS = 16.0  # biases are few and cheap: fine steps, always


def to_network(
    model: nn.Module, architecture: str, levels: float | None = None, *, bits: int | None = None
) -> CompressedNetwork:
    """Round a model in Tucker form to integers.

    Parameters
    ----------
    model : a model after `compress_model`
    architecture : its name; parameters that are all zero are left out if the name is a known one
    levels : steps per root mean square of each core and factor: fewer levels, fewer bytes. By default
        the steps that `attach_quantizers` chose, so that the file holds what was trained
    bits : instead of levels: integers of so many bits, 2 to 16, the largest entry of each core and
        factor being 2^(bits - 1) - 1

    Raises
    ------
    ValueError
        If the model has no Tucker weight, a value is not finite, or there are no steps to use.

    Examples
    --------
    >>> from torch_bridge.compress import compress_model
    >>> from torch_bridge.models import LeNet5
    >>> model = LeNet5()
    >>> report = compress_model(model, 3_900, init="scratch")
    >>> to_network(model, "lenet5", 4.0).n_params == report.params
    True
    """
    if levels is not None and not levels > 0:
        raise ValueError(
            f"levels is {levels}; a positive number of steps per root mean square is needed"
        )
    if bits is not None and (levels is not None or not 2 <= bits <= 16):
        raise ValueError(f"bits is {bits} and levels is {levels}; give 2 to 16 bits, or levels")
    coded = _Coded(levels, bits)
    weights = {name: coded.tucker_parameter(name, layer) for name, layer in tucker_layers(model)}
    if not weights:
        raise ValueError(f"{type(model).__name__} has no Tucker weight; call compress_model first")
    known = ARCHITECTURES.get(architecture, {})
    parameters = []
    for name, tensor in _plain_state(model):
        if name in weights:
            parameters.append(weights[name])
        elif name not in known or bool(tensor.any()):
            parameters.append(coded.plain_parameter(name, tensor))
    return CompressedNetwork(architecture, tuple(parameters))


def load_network(model: nn.Module, network: CompressedNetwork) -> nn.Module:
    """Put the decoded dense weights of a network into a dense model, in place; returns the model.

    Raises
    ------
    ValueError
        If names or shapes of the network are not those of the model.
    """
    dense = {name: torch.from_numpy(array) for name, array in network.to_dense().items()}
    wanted = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    found = {name: tuple(tensor.shape) for name, tensor in dense.items()}
    if wanted != found:
        differing = sorted(set(wanted.items()) ^ set(found.items()))
        raise ValueError(
            f"the file holds a {network.architecture!r} network, which does not fit "
            f"{type(model).__name__}: {differing[:4]}"
        )
    model.load_state_dict(dense, strict=False)
    return model


class _Coded:
    """Turns tensors into integers, each once, so that what a model shares a file shares too.

    Parameters
    ----------
    levels, bits : as for `to_network`
    """

    def __init__(self, levels: float | None, bits: int | None) -> None:
        self._levels, self._bits = levels, bits
        self._done: dict[int, tuple[Symbols, float]] = {}

    def tucker_parameter(self, name: str, layer: nn.Module) -> CodedParameter:
        weight, core, factors = tucker_parts(layer)
        parts = [core, *(factor for factor in factors if factor is not None)]
        quantizers: Sequence[Any] = [*weight.quantizers] or [None] * len(parts)
        symbols, steps = [], []
        for part, quantizer in zip(parts, quantizers, strict=True):
            _check_finite(name, part)
            if id(part) not in self._done:
                self._done[id(part)] = self._integers(name, part, quantizer)
            symbols.append(self._done[id(part)][0])
            steps.append(self._done[id(part)][1])
        gaps = tuple(weight.with_gaps(symbols[1:]))
        code = nearest_scale_code(math.prod(steps))
        return CodedParameter(name, weight.plan.reshape, symbols[0], gaps, code)

    def plain_parameter(self, name: str, tensor: Tensor) -> CodedParameter:
        _check_finite(name, tensor)
        shape = tuple(tensor.shape)
        plan = ReshapePlan(shape, shape, tuple(range(len(shape))))
        code = nearest_scale_code(step_of(tensor, BIAS_LEVELS))
        symbols = quantize(_array(tensor), scale_of(code))
        return CodedParameter(name, plan, symbols, (None,) * len(shape), code)

    def _integers(
        self, name: str, part: Tensor, quantizer: Quantizer | None
    ) -> tuple[Symbols, float]:
        """Integers of a tensor and the step that they count."""
        if self._levels is None and self._bits is None:
            if quantizer is None:
                raise ValueError(
                    f"{name} has no steps; give levels, or call attach_quantizers first"
                )
            return quantize(_array(quantizer.symbols(part)), 1.0), quantizer.step()
        if self._levels is not None:
            step = step_of(part, self._levels)
        else:
            most = float(part.detach().abs().max())
            step = most / (2 ** ((self._bits or 2) - 1) - 1) if most else 1.0
        return quantize(_array(part), step), step * (1.0 if quantizer is None else quantizer.unit)


def _check_finite(name: str, part: Tensor) -> None:
    if not bool(part.isfinite().all()):
        bad = part.detach()[~part.isfinite()][0].item()
        raise ValueError(f"{name} holds {bad}; only finite numbers can be stored")


def _array(tensor: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    return array


def _plain_state(model: nn.Module) -> Sequence[tuple[str, Tensor]]:
    """Parameters under the names that the dense model gives them, in its order."""
    state: list[tuple[str, Tensor]] = []
    for prefix, layer in model.named_modules():
        if "parametrizations" in prefix.split("."):
            continue
        names = [
            *getattr(layer, "parametrizations", {}),
            *dict(layer.named_parameters(recurse=False)),
        ]
        state += [(f"{prefix}.{name}" if prefix else name, getattr(layer, name)) for name in names]
    return state

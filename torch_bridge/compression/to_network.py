"""Between a model in Tucker form and a `CompressedNetwork`, the content of a `.ada` file."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from torch_bridge.compression.plain import (
    PLAIN,
    Plain,
    check_finite,
    check_readable,
    plain_parameter,
)
from torch_bridge.quantization.fake_quantizer import Quantizer
from torch_bridge.quantization.qat import step_of
from torch_bridge.state.gather import gathered
from torch_bridge.weights.count import unwrapped
from torch_bridge.weights.parametrization import stored_as, stored_layers, tucker_originals
from torch_bridge.weights.tucker_weight import tucker_layers, tucker_parts
from tucker_core import (
    ARCHITECTURES,
    CodedParameter,
    CompressedNetwork,
    Symbols,
    quantize,
)
from tucker_core.quantize import MAX_SYMBOL, nearest_scale_code, scale_of

_FINE_LEVELS, _FINE_BITS = 64, 8
_FSDP = "_fsdp_wrapped_module."  # stands in names where FSDP wrapped something


def to_network(
    model: nn.Module,
    architecture: str,
    levels: float | None = None,
    *,
    bits: int | None = None,
    plain: Plain | None = None,
) -> CompressedNetwork:
    """Round a model in Tucker form to integers; with it goes all that its state dict holds.

    Parameters
    ----------
    model : a model after `compress_model`; what modules share is stored once, and what processes hold in
        shards (FSDP) is gathered, so that all of them have to call this
    architecture : its name; parameters that are all zero are left out if the name is a known one
    levels : steps per root mean square of each core and factor: fewer levels, fewer bytes. By default
        the steps that `attach_quantizers` chose, so that the file holds what was trained
    bits : instead of levels: integers of so many bits, 2 to 16, the largest entry of each core and
        factor being 2^(bits - 1) - 1
    plain : what is not in Tucker form: "coarse", parameters in steps of about a byte; "float16", each
        entry to within 2^-11 of itself; or "exact". By default coarse for the known architectures, which
        have biases alone, and float16 for all others. Buffers are never coarse; integers always exact

    Raises
    ------
    ValueError
        If the model has no Tucker weight, a parameter is not finite, there are no steps to use, or an
        option is unknown or does not go with the architecture.

    Examples
    --------
    >>> from torch_bridge.compression.compress import compress_model
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
    model, coded = unwrapped(model), _Coded(levels, bits)
    if not any(True for _ in tucker_layers(model)):
        raise ValueError(f"{type(model).__name__} has no Tucker weight; call compress_model first")
    known = ARCHITECTURES.get(architecture, {})
    plain = plain or ("coarse" if known else "float16")
    if plain not in PLAIN:
        raise ValueError(f"plain is {plain!r}; one of {PLAIN} is needed")
    if known and plain != "coarse":
        raise ValueError(
            f"plain is {plain!r}; files of {architecture!r} hold coarse parameters: name it otherwise"
        )
    parameters = []
    with gathered(model):
        for name, holder in _dense_state(model):
            if not isinstance(holder, Tensor):
                parameters.append(coded.tucker_parameter(name, holder))
            elif name not in known or bool(holder.any()):
                parameters.append(plain_parameter(name, holder, plain))
    return CompressedNetwork(architecture, tuple(parameters))


def plain_network(model: nn.Module, architecture: str) -> CompressedNetwork:
    """Round only what is stored as it is, biases and gains, to integers: coarse ones.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    known = ARCHITECTURES.get(architecture, {})
    plain = [(n, t) for n, t in _dense_state(model) if isinstance(t, Tensor)]
    stored = [(n, t) for n, t in plain if n not in known or bool(t.any())]
    return CompressedNetwork(
        architecture, tuple(plain_parameter(n, t, "coarse") for n, t in stored)
    )


def _is_needed(tensor: Tensor) -> bool:
    """Whether a file must hold a tensor; early ones left out buffers of integers."""
    return isinstance(tensor, nn.Parameter) or tensor.is_floating_point()


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
        weight, core, factors = tucker_parts(layer, name)
        parts = [core, *(factor for factor in factors if factor is not None)]
        quantizers: Sequence[Any] = [*weight.quantizers] or [None] * len(parts)
        fresh = None
        for part, quantizer in zip(parts, quantizers, strict=True):
            check_readable(name, part)
            check_finite(name, part)
            if id(part) not in self._done:
                self._done[id(part)] = self._integers(name, part, quantizer)
                fresh = part, quantizer
        steps = math.prod(self._done[id(part)][1] for part in parts)
        code = nearest_scale_code(steps)
        if self._is_fine and fresh is not None:
            code += scale_of(code) < steps
            stretched = self._integers(name, *fresh, stretch=scale_of(code) / steps)
            self._done[id(fresh[0])] = stretched
        symbols = [self._done[id(part)][0] for part in parts]
        gaps = tuple(weight.with_gaps(symbols[1:]))
        return CodedParameter(name, weight.plan.reshape, symbols[0], gaps, code)

    @property
    def _is_fine(self) -> bool:
        """Whether steps are so fine that the nearest scale, up to 1.1 % away, is the larger error."""
        return (self._levels or 0) > _FINE_LEVELS or (self._bits or 0) > _FINE_BITS

    def _integers(
        self, name: str, part: Tensor, quantizer: Quantizer | None, *, stretch: float = 1.0
    ) -> tuple[Symbols, float]:
        """Integers of a tensor and the step that they count, so many times as large as it would be."""
        if self._levels is None and self._bits is None:
            if quantizer is None:
                raise ValueError(
                    f"{name} has no steps; give levels, or call attach_quantizers first"
                )
            symbols = quantizer.symbols(part)
            if float(symbols.abs().max()) <= MAX_SYMBOL:
                return quantize(_array(symbols), 1.0), quantizer.step()
            step = _storable(part, 0.0)  # coarser than what was learned, but all is kept
        elif self._levels is not None:
            step = _storable(part, step_of(part, self._levels))
        else:
            most = float(part.detach().abs().max())
            step = most / (2 ** ((self._bits or 2) - 1) - 1) if most else 1.0
        step *= stretch
        return quantize(_array(part), step), step * (1.0 if quantizer is None else quantizer.unit)


def _storable(part: Tensor, step: float) -> float:
    """The step, or the smallest larger one in which every entry is an integer that a file holds."""
    return max(step, float(part.detach().abs().max()) / MAX_SYMBOL)


def _array(tensor: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    return array


def _dense_state(model: nn.Module) -> Iterator[tuple[str, Tensor | nn.Module]]:
    """Parameters under the names that the dense model gives them, in its order, each once.

    Those in Tucker form come as their layer, all others as tensors.
    """
    layers = dict(stored_layers(model))
    plain = {name.replace(_FSDP, ""): tensor for name, tensor in _plain_tensors(model)}
    chains = [tucker_originals(layer, name) for name, layer in layers.items()]
    inside = {id(module) for chain in chains for module in chain.modules()}
    done = set[tuple[object, ...]]()
    for prefix, module in model.named_modules():
        for name in (name for name, layer in layers.items() if layer is module):
            if stored_as(module, name) not in done:  # else a weight that modules share
                yield name.replace(_FSDP, ""), module
            done.add(stored_as(module, name))
        if id(module) not in inside:
            own = (module.named_parameters, module.named_buffers)
            listed = [name for every in own for name, _ in every(prefix, recurse=False)]
            names = [name.replace(_FSDP, "") for name in listed]
            yield from ((name, plain[name]) for name in names if name in plain)


def _plain_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and the buffers that a state dict holds, each once; none without entries."""
    kept = model.state_dict(keep_vars=True)
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if (isinstance(tensor, nn.Parameter) or name in kept) and tensor.numel():
            yield name, tensor

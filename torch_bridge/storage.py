"""Between a model in Tucker form and a `CompressedNetwork`, the content of a `.ada` file."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.compress import tucker_layers, tucker_parts
from torch_bridge.rounding import grid_step
from tucker_core import (
    ARCHITECTURES,
    CodedParameter,
    CodedTensor,
    CompressedNetwork,
    ReshapePlan,
    quantize,
)

BIAS_LEVELS = 16.0  # biases are few and cheap: fine steps, always


def to_network(
    model: nn.Module, architecture: str, levels: float | None = None
) -> CompressedNetwork:
    """Round a model in Tucker form to integers.

    Parameters
    ----------
    model : a model after `compress_model`
    architecture : its name; parameters that are all zero are left out if the name is a known one
    levels : steps per root mean square of each core and factor: fewer levels, fewer bytes. By default
        the steps that `attach_quantizers` chose, so that the file holds what was trained

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
    weights = {name: _tucker_parameter(name, layer, levels) for name, layer in tucker_layers(model)}
    if not weights:
        raise ValueError(f"{type(model).__name__} has no Tucker weight; call compress_model first")
    known = ARCHITECTURES.get(architecture, {})
    parameters = []
    for name, tensor in _plain_state(model):
        if name in weights:
            parameters.append(weights[name])
        elif name not in known or bool(tensor.any()):
            parameters.append(_plain_parameter(name, tensor))
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


def _tucker_parameter(name: str, layer: nn.Module, levels: float | None) -> CodedParameter:
    weight, core, factors = tucker_parts(layer)
    parts = [core, *(factor for factor in factors if factor is not None)]
    _check_finite(name, *parts)
    if levels is not None:
        steps = [grid_step(part, levels) for part in parts]
    elif weight.steps:
        steps = list(weight.steps)
    else:
        raise ValueError(f"{name} has no steps; give levels, or call attach_quantizers first")
    coded = [_coded(part, step) for part, step in zip(parts, steps, strict=True)]
    return CodedParameter(name, weight.plan.reshape, coded[0], tuple(weight.with_gaps(coded[1:])))


def _plain_parameter(name: str, tensor: Tensor) -> CodedParameter:
    shape = tuple(tensor.shape)
    plan = ReshapePlan(shape, shape, tuple(range(len(shape))))
    _check_finite(name, tensor)
    coded = _coded(tensor, grid_step(tensor, BIAS_LEVELS))
    return CodedParameter(name, plan, coded, (None,) * len(shape))


def _check_finite(name: str, *parts: Tensor) -> None:
    for part in parts:
        if not bool(part.isfinite().all()):
            bad = part.detach()[~part.isfinite()][0].item()
            raise ValueError(f"{name} holds {bad}; only finite numbers can be stored")


def _coded(tensor: Tensor, step: float) -> CodedTensor:
    return quantize(tensor.detach().to("cpu", torch.float32).numpy(), step)


def _plain_state(model: nn.Module) -> Sequence[tuple[str, Tensor]]:
    """Parameters under the names that the dense model gives them, in its order."""
    state: list[tuple[str, Tensor]] = []
    for prefix, layer in model.named_modules():
        if isinstance(layer, parametrize.ParametrizationList):
            continue
        names = [
            *getattr(layer, "parametrizations", {}),
            *dict(layer.named_parameters(recurse=False)),
        ]
        state += [(f"{prefix}.{name}" if prefix else name, getattr(layer, name)) for name in names]
    return state

"""Models for other programs: safetensors, ONNX, torch.export, or a numpy archive.

What is written is what `materialize` gives, an ordinary dense model, as large as before, or, on demand,
core and factors with the operations that contract them: both are for programs that know nothing of
Tucker. safetensors and ONNX need the optional packages of `pip install ada-tucker[export]`.
"""

import copy
import inspect
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from torch_bridge.compression.replace import materialize
from torch_bridge.forward.implementation import use_implementation
from torch_bridge.weights.parametrization import stored_layers, stored_parts
from torch_bridge.weights.tucker_weight import tucker_layers
from tucker_core.files import replacing

OPSET = 18
Inputs: TypeAlias = Sequence[Tensor] | Mapping[str, Tensor]
STATES = (".safetensors", ".npz")  # weights by name, without the network around them


def export_model(
    model: nn.Module,
    path: Path,
    inputs: Inputs = (),
    *,
    factorized: bool = False,
    dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """Write a model for other programs; the suffix says how. The model stays as it is.

    Parameters
    ----------
    model : dense or in Tucker form
    path : `.safetensors` or `.npz` (weights under the names of the state dict), `.onnx`, or `.pt2`
        (a program of `torch.export`)
    inputs : example inputs, of floats or integers, in order or by the names that `forward` gives them;
        needed for .onnx and .pt2
    factorized : keep core and factors, rounded as the network sees them, instead of dense weights
    dynamic_axes : name of an input -> axis -> what its length is called, of the axes that are left free;
        by default the first of each input, "batch"

    Raises
    ------
    ValueError
        If the suffix is unknown, inputs are missing, an optional package is not installed, or an axis
        is of no input.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_model(nn.Linear(3, 2), Path(folder) / "net.npz")
    ...     sorted(np.load(f"{folder}/net.npz").files)
    ['bias', 'weight']
    """
    if path.suffix not in _WRITERS:
        raise ValueError(f"{path} ends in {path.suffix!r}; one of {tuple(_WRITERS)} is needed")
    if path.suffix in (".onnx", ".pt2") and not inputs:
        raise ValueError(f"{path.suffix} needs an example input; give its shape")
    copied = copy.deepcopy(model).eval()
    written = _with_factors(copied) if factorized else materialize(copied)
    call = _Call.of(written, inputs, dynamic_axes)
    with _written(path) as temporary:
        _WRITERS[path.suffix](written, temporary, call)


@dataclass(frozen=True)
class _Call:
    """What a model is called with: example inputs in order or by name, and their free axes."""

    arguments: tuple[Tensor, ...]
    named: dict[str, Tensor]
    free: dict[str, dict[int, Any]]

    @classmethod
    def of(
        cls, model: nn.Module, inputs: Inputs, axes: Mapping[str, Mapping[int, str]] | None
    ) -> "_Call":
        named = dict(inputs) if isinstance(inputs, Mapping) else {}
        arguments = () if isinstance(inputs, Mapping) else tuple(inputs)
        given = list(inspect.signature(model.forward).parameters)[: len(arguments)]
        tensors = dict(zip(given, arguments, strict=False)) | named
        if axes is None:
            axes = {name: {0: "batch"} for name, tensor in tensors.items() if tensor.dim()}
        for name, free in axes.items():
            if name not in tensors or not all(0 <= axis < tensors[name].dim() for axis in free):
                shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
                raise ValueError(
                    f"dynamic_axes names {dict(free)} of {name!r}; inputs are {shapes}"
                )
        dims = {
            called: torch.export.Dim(called, min=1) for a in axes.values() for called in a.values()
        }
        known = {
            name: {axis: dims[c] for axis, c in axes.get(name, {}).items()} for name in tensors
        }
        return cls(arguments, named, known)


def _with_factors(model: nn.Module) -> nn.Module:
    """The model with rounded core and factors in the place of those that it rounds, factorized."""
    seen: dict[int, Tensor] = {}
    for name, layer in stored_layers(model):
        weight, parts = stored_parts(layer, name)
        with torch.no_grad():
            rounded = weight.as_seen(parts)
        for part, now in zip(parts, rounded, strict=True):
            seen[id(part)] = now.detach()
        weight.quantizers = nn.ModuleList()
    for parameter in model.parameters():
        if id(parameter) in seen:
            parameter.data = seen[id(parameter)].clone()
    if any(True for _ in tucker_layers(model)):
        use_implementation(model, "factorized")
    return model


def export_state(state: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors under their names as `.safetensors` or `.npz`.

    Raises
    ------
    ValueError
        If the suffix is another one, or safetensors is not installed.
    """
    if path.suffix not in STATES:
        raise ValueError(f"{path} ends in {path.suffix!r}; one of {STATES} is needed")
    with _written(path) as temporary:
        if path.suffix == ".npz":
            _save_npz(state, temporary)
        else:
            _needed("safetensors.torch").save_file(dict(state), str(temporary))


@contextmanager
def _written(path: Path) -> Iterator[Path]:
    """As `replacing`; what safetensors raises on a full disk is an `OSError` with the file's name."""
    with replacing(path) as temporary:
        try:
            yield temporary
        except Exception as error:
            if type(error).__name__ == "SafetensorError":
                raise OSError(f"{path} cannot be written: {error}; is the disk full?") from error
            raise


def _write_safetensors(model: nn.Module, path: Path, _: _Call) -> None:
    _needed("safetensors.torch").save_model(model, str(path))  # knows which tensors are one


def _write_npz(model: nn.Module, path: Path, _: _Call) -> None:
    _save_npz(model.state_dict(), path)


def _save_npz(state: Mapping[str, Tensor], path: Path) -> None:
    arrays: dict[str, Any] = {name: _known(tensor.cpu()).numpy() for name, tensor in state.items()}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _known(tensor: Tensor) -> Tensor:
    """The tensor in a dtype that numpy knows: bfloat16 as float32."""
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def _write_program(model: nn.Module, path: Path, call: _Call) -> None:
    program = torch.export.export(
        model, call.arguments, call.named, dynamic_shapes=call.free or None
    )
    content = io.BytesIO()  # torch's own writer ends the whole process where a disk is full
    torch.export.save(program, content)
    path.write_bytes(content.getbuffer())


def _write_onnx(model: nn.Module, path: Path, call: _Call) -> None:
    _needed("onnxscript")
    # The exporter warns of its own internals, in both ways.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(
            model, call.arguments, kwargs=call.named, dynamo=True, opset_version=OPSET,
            verbose=False, dynamic_shapes=call.free or None,
        )  # fmt: skip
        program.save(str(path), external_data=False)


def _needed(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ValueError(
            f"{error.name} is not installed; pip install 'ada-tucker[export]'"
        ) from error


_WRITERS: dict[str, Callable[[nn.Module, Path, _Call], None]] = {
    ".safetensors": _write_safetensors,
    ".npz": _write_npz,
    ".onnx": _write_onnx,
    ".pt2": _write_program,
}
SUFFIXES = tuple(_WRITERS)

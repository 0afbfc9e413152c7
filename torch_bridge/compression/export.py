"""Dense weights for other programs: safetensors, ONNX, torch.export, or a numpy archive.

What is written is what `materialize` gives: an ordinary dense model, as large as before. The small file
is the `.ada` one; these are for programs that know nothing of Tucker. safetensors and ONNX need the
optional packages of `pip install ada-tucker[export]`.
"""

import copy
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_bridge.compression.replace import materialize
from tucker_core.files import replacing

OPSET = 18
STATES = (".safetensors", ".npz")  # weights by name, without the network around them


def export_model(model: nn.Module, path: Path, inputs: Sequence[Tensor] = ()) -> None:
    """Write a model as dense weights; the suffix says how. The model stays as it is.

    Parameters
    ----------
    model : dense or in Tucker form
    path : `.safetensors` or `.npz` (weights under the names of the state dict), `.onnx`, or `.pt2`
        (a program of `torch.export`)
    inputs : example inputs, batch first; needed for .onnx and .pt2, whose batch size is left free

    Raises
    ------
    ValueError
        If the suffix is unknown, inputs are missing, or an optional package is not installed.

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
    dense = materialize(copy.deepcopy(model)).eval()
    with _written(path) as temporary:
        _WRITERS[path.suffix](dense, temporary, tuple(inputs))


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


def _write_safetensors(model: nn.Module, path: Path, _: tuple[Tensor, ...]) -> None:
    _needed("safetensors.torch").save_model(model, str(path))  # knows which tensors are one


def _write_npz(model: nn.Module, path: Path, _: tuple[Tensor, ...]) -> None:
    _save_npz(model.state_dict(), path)


def _save_npz(state: Mapping[str, Tensor], path: Path) -> None:
    arrays: dict[str, Any] = {name: _known(tensor.cpu()).numpy() for name, tensor in state.items()}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _known(tensor: Tensor) -> Tensor:
    """The tensor in a dtype that numpy knows: bfloat16 as float32."""
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def _write_program(model: nn.Module, path: Path, inputs: tuple[Tensor, ...]) -> None:
    program = torch.export.export(model, inputs, dynamic_shapes=_free_batch(inputs))
    content = io.BytesIO()  # torch's own writer ends the whole process where a disk is full
    torch.export.save(program, content)
    path.write_bytes(content.getbuffer())


def _write_onnx(model: nn.Module, path: Path, inputs: tuple[Tensor, ...]) -> None:
    _needed("onnxscript")
    # The exporter warns of its own internals, in both ways.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(
            model, inputs, dynamo=True, opset_version=OPSET, verbose=False,
            dynamic_shapes=_free_batch(inputs),
        )  # fmt: skip
        program.save(str(path), external_data=False)


def _free_batch(inputs: tuple[Tensor, ...]) -> Any:
    batch = torch.export.Dim("batch", min=1)
    return tuple({0: batch} for _ in inputs)


def _needed(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ValueError(
            f"{error.name} is not installed; pip install 'ada-tucker[export]'"
        ) from error


_WRITERS: dict[str, Callable[[nn.Module, Path, tuple[Tensor, ...]], None]] = {
    ".safetensors": _write_safetensors,
    ".npz": _write_npz,
    ".onnx": _write_onnx,
    ".pt2": _write_program,
}
SUFFIXES = tuple(_WRITERS)

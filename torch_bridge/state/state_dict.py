"""Weights that somebody saved: `.safetensors`, or what `torch.save` wrote; none of their code is run."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torch_bridge.state.reading import open_regular

_NESTED = ("state_dict", "model_state_dict", "model_state", "model")
_KINDS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict, also one that lies inside a training checkpoint.

    Parameters
    ----------
    path : `.safetensors`, or `.pt`, `.pth`, `.bin`, `.ckpt` as torch writes them

    Returns
    -------
    tensors by name, without what `torch.compile` and parallel wrappers put before the names

    Raises
    ------
    ValueError
        If it is no such file, damaged, or safetensors is not installed.
    OSError
        If it cannot be read.
    """
    if path.suffix not in _KINDS:
        raise ValueError(f"{path} ends in {path.suffix!r}; one of {_KINDS} is needed")
    open_regular(path).close()
    try:
        content: Any = _content(path)
    except ImportError as error:
        raise ValueError(
            "safetensors is not installed; pip install 'ada-tucker[export]'"
        ) from error
    except Exception as error:  # unpickling junk raises anything
        first = (str(error).splitlines() or [""])[0]
        raise ValueError(f"{path} holds no state dict that can be read safely: {first}") from error
    for key in _NESTED:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(t, Tensor) for t in content.values()):
        raise ValueError(f"{path} holds no state dict, tensors by name; save model.state_dict()")
    return {
        name.replace("_orig_mod.", "").removeprefix("module."): t for name, t in content.items()
    }


def _content(path: Path) -> Any:
    if path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True)
    safe: Any = import_module("safetensors.torch")
    try:
        return safe.load_file(str(path))
    except Exception as error:
        if type(error).__name__ == "SafetensorError":
            raise ValueError(str(error)) from error
        raise

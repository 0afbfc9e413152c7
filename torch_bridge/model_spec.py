"""Which module a command works on: a network of this project, or one of the user's own."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from torch import nn

from torch_bridge.models import MODELS, build_model

INPUT_SHAPE = (1, 28, 28)  # of the LeNets


def model_of(spec: str) -> nn.Module:
    """Build the module that a command names.

    Parameters
    ----------
    spec : "lenet5", or "package.module:make", a function or class without arguments in a file that can be
        imported from the present folder

    Raises
    ------
    ValueError
        If there is no such network, file or function, or it makes no torch module.

    Examples
    --------
    >>> type(model_of("torch_bridge.models:LeNet300")).__name__
    'LeNet300'
    """
    if spec in MODELS:
        return build_model(spec)
    module, colon, name = spec.partition(":")
    if not colon:
        raise ValueError(
            f"model {spec!r} is unknown; choose one of {', '.join(sorted(MODELS))}, or name a function "
            "of your own as --model package.module:make"
        )
    make = _found(module, name)
    model = make()
    if not isinstance(model, nn.Module):
        raise ValueError(f"{spec} gives a {type(model).__name__}, no torch module")
    return model


def _found(module: str, name: str) -> Callable[[], object]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{module}:{name} cannot be had: {error}") from error
    finally:
        sys.path.remove(here)
    if not callable(found):
        raise ValueError(f"{module}:{name} is no function or class")
    return found  # type: ignore[no-any-return]

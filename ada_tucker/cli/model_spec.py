"""Which module a command works on: a network of this project, or one of the user's own."""

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from ada_tucker.cli.values import positive
from torch_bridge.benchmarks.networks import image_set_of, module_for
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.models import MODELS
from tucker_core import CompressedNetwork


def model_of(spec: str, network: CompressedNetwork) -> nn.Module:
    """Build the module that a command names, dense, for the numbers of a file.

    Parameters
    ----------
    spec : "lenet5", or "package.module:make", a function or class without arguments in a file that can be
        imported from the present folder
    network : content of the file

    Raises
    ------
    ValueError
        If there is no such network, file or function, or it makes no torch module.
    """
    if spec in MODELS:
        return module_for(network, spec)
    return own_model(spec)


def own_model(spec: str) -> nn.Module:
    """Build the user's own module that "package.module:make" names.

    Raises
    ------
    ValueError
        If there is no such file or function, or it makes no torch module.
    """
    model = called(spec)
    if not isinstance(model, nn.Module):
        raise ValueError(f"{spec} gives a {type(model).__name__}, no torch module")
    return model


def called(spec: str) -> object:
    """What a function or class of the user's own gives, "package.module:name".

    Raises
    ------
    ValueError
        If there is no such file or function, or whatever it raises.
    """
    module, colon, name = spec.partition(":")
    if not colon:
        raise ValueError(
            f"model {spec!r} is unknown; choose one of {', '.join(sorted(MODELS))}, or name a function "
            "of your own as --model package.module:make"
        )
    try:
        return _found(module, name)()
    except (Exception, SystemExit) as error:  # whatever a stranger's function raises
        raise ValueError(f"{spec} cannot be had: {type(error).__name__}: {error}") from error


def input_shape(spec: str, given: str | None) -> tuple[int, ...]:
    """Shape of one input of a network, without the batch.

    Parameters
    ----------
    spec : as for `model_of`
    given : the shape as an option says it, e.g. "3,32,32"

    Raises
    ------
    ValueError
        If it is no shape, or there is none and the network is a stranger.

    Examples
    --------
    >>> input_shape("resnet20", None), input_shape("mine:make", "7")
    ((3, 32, 32), (7,))
    """
    if given is not None:
        sizes = [size.strip() for size in given.split(",")]
        if not all(size.isascii() and size.isdecimal() and int(size) for size in sizes):
            raise ValueError(f"input is {given!r}; integers such as 3,32,32 are needed")
        return tuple(map(int, sizes))
    if spec not in MODELS:
        raise ValueError(
            f"the shape of an input of {spec!r} is not known; give --input, e.g. 3,32,32"
        )
    known = IMAGE_SETS[image_set_of(spec)]
    return len(known.mean), known.side, known.side


def _found(module: str, name: str) -> Callable[[], object]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), name)
    finally:
        sys.path.remove(here)
    if not callable(found):
        raise ValueError(f"{module}:{name} is no function or class")
    return found  # type: ignore[no-any-return]


def add_model_options(command: argparse.ArgumentParser) -> None:
    """A file, which network it holds, and what that takes."""
    command.add_argument("file", type=Path, metavar="FILE", help="an .ada file")
    command.add_argument(
        "--model", metavar="SPEC",
        help="network of the file: a name, or package.module:make (default: what the file says)",
    )  # fmt: skip
    command.add_argument(
        "--input", metavar="C,H,W", help="shape of one input without the batch, e.g. 3,32,32"
    )
    command.add_argument(
        "--tokens", type=positive, metavar="N",
        help="inputs are integers below N, as of models of text: --input 128 --tokens 30522",
    )  # fmt: skip


def example_inputs(spec: str, given: str | None, batch: int, tokens: int | None = None) -> Tensor:
    """Random inputs of the shape that the network takes, integers below `tokens` where it is given."""
    shape = (batch, *input_shape(spec, given))
    generator = torch.Generator().manual_seed(0)
    try:
        if tokens is not None:
            return torch.randint(tokens, shape, generator=generator)
        return torch.randn(shape, generator=generator)
    except (RuntimeError, TypeError) as error:  # the latter where a size is beyond 64 bits
        raise MemoryError(f"inputs of shape {shape} are too many; take a smaller batch") from error


@contextmanager
def fitting(inputs: Tensor) -> Iterator[None]:
    """Say that the network does not take these inputs, where it does not."""
    try:
        yield
    except (RuntimeError, IndexError, TypeError) as error:
        raise ValueError(
            f"the network takes no inputs of shape {tuple(inputs.shape)}: {error}; give --input, for "
            "models of text --tokens, and perhaps a smaller --batch"
        ) from error

"""Opening a file of this project, whatever network it holds and however it is stored."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from torch_bridge.benchmarks.catalogue import BENCHMARKS
from torch_bridge.benchmarks.listing import parameters_of
from torch_bridge.benchmarks.methods import read_file
from torch_bridge.compression.load_network import load_network
from torch_bridge.models import MODELS, build_model
from torch_bridge.models.fold_batch_norm import fold_batch_norms
from torch_bridge.state.tensors import load_weights, read_tensors, shapes_of
from torch_bridge.weights.count import count_params
from tucker_core import CompressedNetwork, load
from tucker_core.words import split_name


@dataclass(frozen=True)
class Opened:
    """A network of a file, ready to be tested.

    Attributes
    ----------
    architecture : its name, of `MODELS`
    model : the dense network that the file decodes to
    params : parameters stored
    n_bytes : of the file; of a dense one 4 for each parameter
    """

    architecture: str
    model: nn.Module
    params: int
    n_bytes: int

    @property
    def ratio(self) -> float:
        """Bytes of the dense network of this architecture / those of the file."""
        return 4 * parameters_of(self.architecture) / self.n_bytes


def open_network(path: Path) -> Opened:
    """Decode an `.ada` file, a baseline's, or the `.npz` of a dense network.

    Raises
    ------
    ValueError
        If the file is damaged or holds no network that is known here.
    OSError
        If it cannot be read.
    """
    if path.suffix == ".npz":
        architecture, model = open_dense(path)
        params = count_params(model)
        return Opened(architecture, model, params, 4 * params)
    if path.suffix == ".base":
        architecture, model, params = read_file(path.read_bytes())
        return Opened(architecture, model, params, path.stat().st_size)
    network = load(path)
    model = load_network(module_for(network), network)
    return Opened(network.architecture, model, network.n_params, path.stat().st_size)


def open_dense(path: Path, asked: str | None = None) -> tuple[str, nn.Module]:
    """Architecture and network of the weights that `train` or `bench` wrote.

    Parameters
    ----------
    path : the file
    asked : the architecture that it must hold

    Raises
    ------
    ValueError
        If the file is damaged, or its weights are those of no known network, or of another one.
    """
    with torch.device("meta"):  # no numbers are drawn: shapes are enough
        shapes_known = {name: shapes_of(make()) for name, make in MODELS.items()}
    most = max(sum(map(math.prod, shapes.values())) for shapes in shapes_known.values())
    state = read_tensors(path, "ada-tucker train", most)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    known = next((name for name, found in shapes_known.items() if found == shapes), None)
    if known is None:
        raise ValueError(
            f"{path} holds the weights of none of {', '.join(sorted(MODELS))}: {_first(state)}"
        )
    if asked is not None and asked != known:
        raise ValueError(f"{path} holds a {known} network; {asked} is asked for")
    return known, load_weights(path, build_model(known))


def module_for(network: CompressedNetwork, name: str | None = None) -> nn.Module:
    """Build the dense module that a file's numbers fit into.

    The benchmarks' files hold their batch-norms at rest, as one factor and one summand a channel; such
    a file gets a module that has the same.

    Parameters
    ----------
    network : content of the file
    name : of `MODELS`, by default what the file says

    Raises
    ------
    ValueError
        If no network has that name.
    """
    model = build_model(network.architecture if name is None else name)
    trained = any(split_name(p.name)[0].endswith("running_mean") for p in network.parameters)
    return model if trained else fold_batch_norms(model)


def image_set_of(architecture: str, asked: str | None = None) -> str:
    """The data set on which a network is tested: that of the first benchmark that has it.

    Parameters
    ----------
    architecture : of `MODELS`
    asked : the name of another one, of `IMAGE_SETS`

    Raises
    ------
    ValueError
        If no benchmark has that network and that data set.

    Examples
    --------
    >>> image_set_of("convnet"), image_set_of("convnet", "svhn")
    ('cifar10', 'svhn')
    """
    known = [b.data for b in BENCHMARKS.values() if b.model == architecture]
    if asked is None and known:
        return known[0]
    if asked is None or asked not in known:
        raise ValueError(
            f"no benchmark tests {architecture} on {asked or 'images'}; known: {known or 'none'}"
        )
    return asked


def _first(state: dict[str, Tensor]) -> str:
    return ", ".join(sorted(state)[:4])

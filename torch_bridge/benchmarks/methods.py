"""The ways to make a network small, by name: how weights are replaced, written and read back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.benchmarks.baselines.files import read_baseline, write_baseline
from torch_bridge.benchmarks.baselines.low_rank import low_rank_plan
from torch_bridge.benchmarks.baselines.pruning import PrunedWeight, largest_entries
from torch_bridge.benchmarks.baselines.tensor_train import Chain, TrainWeight, train_ranks
from torch_bridge.benchmarks.plan import is_depthwise, plan_benchmark
from torch_bridge.compression.compress import compress_model, materialize
from torch_bridge.compression.load_network import load_network
from torch_bridge.compression.survey import survey
from torch_bridge.compression.to_network import to_network
from torch_bridge.models import build_model
from torch_bridge.models.fold_batch_norm import fold_batch_norms
from torch_bridge.weights.parametrization import StoredWeight
from torch_bridge.weights.tucker_weight import tucker_layers
from tucker_core import CompressedNetwork, NetworkPlan, coded_bits, from_bytes, to_bytes

Init = Literal["hosvd", "scratch"]
RanksBy = Literal["balanced", "spectra"]
Order = int | Literal["auto"]
Layout = list[Any]  # of every weight, for the result file
_Made = dict[str, tuple[StoredWeight, Any]]  # of every weight what reconstructs it, and its layout


@dataclass(frozen=True)
class Budget:
    """What a method may use.

    Attributes
    ----------
    bits : for all weights together
    each : bits that a parameter is expected to take
    ranks_by : how ranks are chosen: by the "spectra" of the dense weights, or "balanced", alike for all
    init, seed : how Tucker weights begin
    order, reshape : of the dims of Tucker weights, as `plan_network` takes them
    plan : dims and ranks that are chosen already, for Tucker weights
    """

    bits: float
    each: float
    ranks_by: RanksBy = "spectra"
    init: Init = "hosvd"
    seed: int = 0
    order: Order = "auto"
    reshape: str = "auto"
    plan: NetworkPlan | None = None

    @property
    def params(self) -> int:
        """Parameters that may be stored, if each takes the bits that are expected."""
        return int(self.bits / self.each)


@dataclass(frozen=True)
class Method:
    """One way.

    Attributes
    ----------
    title : what it is called in pictures
    put : replaces the weights of a dense model, in place, within a budget; says how
    write : content of a file, of a model with quantizers whose batch-norms are folded
    fixed : bytes of that file that no training can change
    suffix : of the file's name
    entries : whether it stores entries of the weights themselves, which learn at the rate of weights
    in_rounds : whether the budget is taken away step by step, by `put` again, each time with an epoch of
        training after it
    """

    title: str
    put: Callable[[nn.Module, Budget], Layout]
    write: Callable[[nn.Module, str], bytes]
    fixed: Callable[[nn.Module, str], float]
    suffix: str = ".ada"
    entries: bool = False
    in_rounds: bool = False


OURS = ("ada", "scada", "scada-groups")  # by name, the paper's own among `METHODS`


def read_file(content: bytes) -> tuple[str, nn.Module, int]:
    """Reconstruct the dense network of a file of any method.

    Returns
    -------
    its architecture, the network ready for use, and how many parameters the file stores

    Raises
    ------
    FileFormatError
        If the content is damaged or of no known kind.
    """
    if content[:1] in (b"T", b"P"):
        return read_baseline(content, lambda name: fold_batch_norms(build_model(name)))
    network = from_bytes(content)
    return network.architecture, decode(network), network.n_params


def decode(network: CompressedNetwork) -> nn.Module:
    """Build the dense network of a `.ada` file; its batch-norms are at rest."""
    return load_network(fold_batch_norms(build_model(network.architecture)), network).eval()


def dense_weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights that are compressed, by name: all but those of depthwise convolutions."""
    return {
        weight.name: weight.parameter
        for weight in survey(model).weights
        if not any(is_depthwise(slot.layer) for slot in weight.slots)
    }


def _tucker(
    title: str,
    plan: Callable[[nn.Module, Budget], NetworkPlan],
    *,
    entries: bool = False,
) -> Method:
    """A method whose weights are Tucker weights of a plan within the budget."""

    def put(model: nn.Module, budget: Budget) -> Layout:
        found = budget.plan or plan(model, budget)
        generator = torch.Generator().manual_seed(budget.seed)
        compress_model(model, found, init=budget.init, generator=generator)
        return [(layer.name, layer.reshape.dims, layer.rank) for layer in found.layers]

    def write(model: nn.Module, architecture: str) -> bytes:
        return to_bytes(to_network(model, architecture, plain="coarse"))

    def fixed(model: nn.Module, architecture: str) -> float:
        network = to_network(model, architecture, plain="coarse")
        tucker, bits = dict(tucker_layers(model)), coded_bits(network)
        return len(to_bytes(network)) - sum(bits[name] for name in bits if name in tucker) / 8

    return Method(title, put, write, fixed, entries=entries)


def _other(
    title: str, make: Callable[[Mapping[str, Tensor], Budget], _Made], *, prunes: bool = False
) -> Method:
    """A method whose weights are none that a `.ada` file can hold."""

    def put(model: nn.Module, budget: Budget) -> Layout:
        if budget.init != "hosvd":
            raise ValueError(
                f"init is {budget.init!r}; {title} begins with the dense network: hosvd"
            )
        materialize(model)  # where this is not the first round
        weights = {weight.name: weight for weight in survey(model).weights}
        made = make(dense_weights(model), budget)
        for name, (stored, _) in made.items():
            for slot in weights[name].slots:
                parametrize.register_parametrization(
                    slot.layer, slot.attribute, stored, unsafe=True
                )
        return [(name, layout) for name, (_, layout) in made.items()]

    def fixed(model: nn.Module, architecture: str) -> float:
        return len(write_baseline(model, architecture, integers=False))

    return Method(title, put, write_baseline, fixed, ".base", entries=prunes, in_rounds=prunes)


def _trains(weights: Mapping[str, Tensor], budget: Budget) -> _Made:
    chains = train_ranks(weights, budget.params, budget.ranks_by)
    return {
        name: (TrainWeight(Chain.of(weights[name].shape), cores), [core.shape for core in cores])
        for name, cores in chains.items()
    }


def _pruned(weights: Mapping[str, Tensor], budget: Budget) -> _Made:
    places = largest_entries(weights, budget.bits, budget.each)
    return {
        name: (PrunedWeight(weights[name].shape, found), len(found))
        for name, found in places.items()
    }


def _ada(model: nn.Module, budget: Budget, **shared: Any) -> NetworkPlan:
    return plan_benchmark(
        model, budget.params, budget.ranks_by, order=budget.order, reshape=budget.reshape, **shared
    )


def _low_rank(model: nn.Module, budget: Budget, **options: Any) -> NetworkPlan:
    return low_rank_plan(dense_weights(model), budget.params, budget.ranks_by, **options)


def _whole(model: nn.Module, _: Budget) -> NetworkPlan:
    return NetworkPlan.whole({name: w.shape for name, w in dense_weights(model).items()})


METHODS: dict[str, Method] = {
    "ada": _tucker("ADA-Tucker", _ada),
    "scada": _tucker("SCADA-Tucker", partial(_ada, shared_core=True)),
    "scada-groups": _tucker("SCADA-Tucker in groups", partial(_ada, shared_core="groups")),
    "svd": _tucker("truncated SVD", _low_rank),
    "tucker2": _tucker("Tucker-2", partial(_low_rank, tucker2=True)),
    "tt": _other("tensor train", _trains),
    "pruning": _other("magnitude pruning", _pruned, prunes=True),
    "rounding": _tucker("rounding alone", _whole, entries=True),
}

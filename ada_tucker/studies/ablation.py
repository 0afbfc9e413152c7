"""What does each idea bring? One thing is changed at a time, at equal parameters stored.

All studies are on LeNet-300 with short training, so that the whole set takes minutes; that of shared
cores goes through budgets, on LeNet-5 too. Errors are
measured on networks decoded from files in fine steps; the study of bits takes coarse ones.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from torch_bridge.benchmarks.compressed import Compressed, compress
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.methods import Init
from torch_bridge.benchmarks.recipes import Layer, Recipe
from torch_bridge.compression.to_network import to_network
from torch_bridge.training.config import TrainConfig
from tucker_core import (
    ARCHITECTURES,
    CompressedNetwork,
    balance_dims,
    plan_network,
    to_bytes,
    validate_tucker_rank,
)
from tucker_core.ranks import ranks_within

MODEL = "lenet300"
BUDGET = 4_100
BUDGETS = (500, 1_000, 2_000, 4_000)
FINE = 12.0  # levels per root mean square: quantisation then changes no error by more than noise
SHAPES = {"fc1.weight": (300, 784), "fc2.weight": (100, 300), "fc3.weight": (10, 100)}
NATURAL = ((15, 20, 28, 28), (10, 10, 15, 20), (10, 10, 10))
DIMS = {
    "unbalanced (2,6,25,784)": (2, 6, 25, 784),
    "original (300,784)": (300, 784),
    "three modes (300,28,28)": (300, 28, 28),
    "natural (15,20,28,28)": (15, 20, 28, 28),
    "balanced (20,20,21,28)": (20, 20, 21, 28),
}
FIRST_BUDGET, REST_BUDGET = 2_300, 2_000  # of the study of shapes: the first weight, and the others
ORDERS = range(2, 9)  # the first weight at the most even dims of each order
OWN = ((300, 784), (300, 28, 28))  # its own modes, and those with the pixels' rows and columns
LADDER = (  # of order 4, less even from step to step
    (20, 20, 21, 28), (15, 20, 28, 28), (10, 20, 28, 42), (4, 75, 28, 28), (5, 12, 40, 98),
    (3, 10, 28, 280), (2, 6, 25, 784),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One trained and decoded network of a study.

    Attributes
    ----------
    setting : what was changed
    seed : of everything drawn
    params : stored in cores and factors and biases
    n_bytes : of the file
    val_error, test_error : percent
    seconds : training time
    """

    setting: str
    seed: int
    params: int
    n_bytes: int
    val_error: float
    test_error: float
    seconds: float


def study(name: str, experiment: Experiment, seeds: Sequence[int]) -> list[Outcome]:
    """Run one study with every seed.

    Parameters
    ----------
    name : one of `STUDIES`
    experiment : LeNet-300 on the data to use, with `base_recipe` or one like it; its seed is replaced
    seeds : of everything drawn

    Raises
    ------
    ValueError
        If there is no such study.
    """
    check_studies([name])
    jobs = (replace(experiment, seed=seed) for seed in seeds)
    return [outcome for job in jobs for outcome in STUDIES[name](job)]


def check_studies(names: Sequence[str]) -> None:
    """Refuse a study that there is not, before the first is run.

    Raises
    ------
    ValueError
        If there is no such study.
    """
    for name in names:
        if name not in STUDIES:
            raise ValueError(f"study {name!r} is unknown; choose from {', '.join(STUDIES)}")


def base_recipe() -> Recipe:
    """Short training at about 4,100 parameters, with a teacher for the one study that listens to it."""
    return Recipe(
        dense=TrainConfig(epochs=8, lr=2e-3),
        tucker=TrainConfig(epochs=8, lr=3e-2),
        budget=BUDGET,
        copies=6,
        teacher="lenet5",
        teaching=TrainConfig(epochs=6, lr=2e-3),
    )


def _order(job: Experiment) -> Iterator[Outcome]:
    for order in (2, 3, 4, 5):
        plan = plan_network(SHAPES, budget=BUDGET, order=order)
        layers = tuple((layer.name, layer.reshape.dims, layer.rank) for layer in plan.layers)
        yield _train(job, f"order {order}", layers=layers)


def _dims(job: Experiment) -> Iterator[Outcome]:
    for label, first in DIMS.items():
        yield _train(job, label, layers=_layers(first))


def _shape(job: Experiment) -> Iterator[Outcome]:
    """Order and balance of the first weight alone; the others have the same dims and ranks throughout."""
    first, *others = SHAPES
    rest = plan_network({name: SHAPES[name] for name in others}, budget=REST_BUDGET)
    kept = tuple((layer.name, layer.reshape.dims, layer.rank) for layer in rest.layers)
    n_dense = math.prod(SHAPES[first])
    even = [balance_dims(n_dense, order) for order in ORDERS]
    for dims in dict.fromkeys((*OWN, *even, *LADDER)):
        rank = validate_tucker_rank(dims, FIRST_BUDGET / n_dense)
        setting = f"order {len(dims)}: {' x '.join(map(str, dims))}"
        yield _train(job, setting, layers=((first, dims, rank), *kept))


def _start(job: Experiment) -> Iterator[Outcome]:
    dense, _ = job.train_dense()
    yield _train(job, "from scratch", layers=_layers(NATURAL[0]))
    yield _train(job, "from the HOSVD of a dense net", dense=dense, layers=_layers(NATURAL[0]))


def _core(job: Experiment) -> Iterator[Outcome]:
    yield _train(job, "own cores", layers=_layers(NATURAL[0]))
    yield _train(job, "one shared core", method="scada", layers=())


def _shared(job: Experiment) -> Iterator[Outcome]:
    """One shared core, and own cores of the same dims, from very small budgets upwards."""
    for model in ("lenet300", "lenet5"):
        shapes = {n: s for n, s in ARCHITECTURES[model].items() if len(s) > 1}
        for budget in BUDGETS:
            shared = plan_network(shapes, budget=budget, shared_core=True)
            dims = [layer.reshape.dims for layer in shared.layers]
            own = tuple(zip(shapes, dims, ranks_within(dims, budget), strict=True))
            this = replace(job, model_name=model)
            yield _train(this, f"{model}, own cores, {budget}", layers=own)
            yield _train(
                this,
                f"{model}, one shared core, {budget}",
                method="scada",
                budget=budget,
                layers=(),
            )


def _distil(job: Experiment) -> Iterator[Outcome]:
    yield _train(job, "labels alone", layers=_layers(NATURAL[0]))
    listening = replace(job.recipe.tucker, distil=0.7)
    yield _train(job, "with a LeNet-5 as teacher", layers=_layers(NATURAL[0]), tucker=listening)


def _bits(job: Experiment) -> Iterator[Outcome]:
    small = compress(replace(job, recipe=replace(job.recipe, layers=_layers(NATURAL[0]))))
    small.train()
    for bits in range(2, 9):
        yield _outcome(small, f"{bits} bits", to_network(small.model, MODEL, bits=bits))


STUDIES: dict[str, Callable[[Experiment], Iterator[Outcome]]] = {
    "order": _order, "dims": _dims, "shape": _shape, "start": _start, "core": _core, "shared": _shared,
    "distil": _distil, "bits": _bits,
}  # fmt: skip


def _layers(first: tuple[int, ...]) -> tuple[Layer, ...]:
    """These dims for the first weight, the natural ones for the others, ranks within the budget."""
    dims = (first, *NATURAL[1:])
    return tuple(zip(SHAPES, dims, ranks_within(dims, BUDGET), strict=True))


def _train(
    job: Experiment, setting: str, dense: nn.Module | None = None, **changes: Any
) -> Outcome:
    init: Init = "scratch" if dense is None else "hosvd"
    small = compress(replace(job, recipe=replace(job.recipe, init=init, **changes)), dense)
    small.train()
    return _outcome(small, setting, to_network(small.model, job.model_name, FINE))


def _outcome(small: Compressed, setting: str, network: CompressedNetwork) -> Outcome:
    small.content = to_bytes(network)
    with TemporaryDirectory() as folder:
        row = small.write(Path(folder) / "small.ada")
    seconds = small.runs["tucker"].seconds
    errors = row.val_error, row.test_error
    return Outcome(setting, small.experiment.seed, row.params, row.n_bytes, *errors, seconds)


def content(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What the result file of a study says of its outcomes."""
    return {
        "study": name,
        "model": MODEL,
        "budget": BUDGET,
        "outcomes": [asdict(o) for o in outcomes],
    }

"""Settings that are known to work, by model and data set: what `demo`, `train` and `compress` use."""

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from torch_bridge.benchmarks.methods import METHODS, Init, Order, RanksBy
from torch_bridge.training.augment import Distortion
from torch_bridge.training.config import TrainConfig, check_settings, exactly
from torch_bridge.weights.sharing import Place

QAT = TrainConfig(epochs=12, lr=3e-2, warmup=0.02, rate=1.5e-3)
TEACHING = TrainConfig(epochs=16, lr=2e-3, weight_decay=0.05)

Layer = tuple[str, tuple[int, ...], tuple[int, ...]]  # name of a weight, its dims, its rank


@dataclass(frozen=True)
class Recipe:
    """How to train a network densely and compressed, and how small it shall be.

    The size is given as a budget of parameters, as a ratio of bytes, or as a fraction of the dense
    parameters with their bits; to the bytes of the latter two the training steers.

    Attributes
    ----------
    dense : training of the dense network
    tucker, qat : training of the compressed one before and during quantisation-aware training
    budget : parameters that all cores and factors may store, at most
    ratio : instead of a budget: how many times smaller than the dense network's bytes the file shall be
    fraction : instead of both: of the dense network's parameters, what the file shall store at most
    bits : per parameter on average; with a ratio, fewer bits mean more parameters in the same bytes
    method : one of `METHODS`: "ada", "scada" where all weights share one core, or a baseline
    init : "hosvd" of the dense network, or "scratch"
    ranks_by : how ranks are chosen, see `plan_benchmark`
    order, reshape : of the dims of Tucker weights, as `plan_network` takes them
    levels : first quantisation steps per root mean square of each core and factor
    layers : dims and rank of every weight, instead of ranks within a budget
    shared : groups of (name of a weight, mode) whose factors are one; mode -1 means the core
    teacher, teaching : the dense network that is trained first and learned from, and how; without one
        that is the dense network of the same architecture
    copies : augmented copies of the training set, of digits
    distortion : how strongly they are augmented
    inner_biases : which networks have biases before the last layer: "all", the "dense" one alone, or
        "none"; where they are zero they are not stored
    """

    dense: TrainConfig
    tucker: TrainConfig
    budget: int = 0
    copies: int = 6
    distortion: Distortion = field(default_factory=Distortion)
    levels: float = 1.4
    qat: TrainConfig = QAT
    layers: tuple[Layer, ...] = ()
    shared: tuple[tuple[Place, ...], ...] = ()
    method: str = "ada"
    teacher: str = ""
    teaching: TrainConfig = TEACHING
    ratio: float | None = None
    fraction: float | None = None
    bits: float = 3.5
    init: Init = "scratch"
    ranks_by: RanksBy = "balanced"
    order: Order = "auto"
    reshape: str = "auto"
    inner_biases: Literal["all", "dense", "none"] = "dense"

    def __post_init__(self) -> None:
        """Refuse settings that cannot be; found out before hours of training."""
        sizes = {"ratio": self.ratio, "fraction": self.fraction}
        given = [name for name, value in sizes.items() if value is not None]
        if len(given) > 1:
            raise ValueError(
                f"ratio is {self.ratio} and fraction {self.fraction}; give one of them"
            )
        check_settings(
            self,
            positive=(*(given or ["budget"]), "bits"),
            fractions=[name for name in given if name == "fraction"],
            levels=("levels",),
            not_negative=("copies",),
            choices={
                "method": tuple(METHODS),
                "init": get_args(Init),
                "ranks_by": get_args(RanksBy),
                "inner_biases": ("all", "dense", "none"),
            },
        )

    @property
    def is_steered(self) -> bool:
        """Whether QAT steers to a number of bytes; else the rate weight alone says how many it takes."""
        return self.ratio is not None or self.fraction is not None

    @property
    def name(self) -> str:
        """Short name for files and tables, e.g. "ada-15x-30": method, size, epochs."""
        if self.fraction is not None:
            size = f"{exactly(100 * self.fraction)}pc-{exactly(self.bits)}bit"
        else:
            size = f"b{self.budget}" if self.ratio is None else f"{exactly(self.ratio)}x"
        family = "" if self.reshape == "auto" else f"-{self.reshape.replace(' ', '')}"
        order = "" if self.order == "auto" else f"-order{self.order}"
        drawn = "-scratch" * (self.is_steered and self.init == "scratch")
        epochs = self.tucker.epochs + self.qat.epochs
        return f"{self.method}-{size}{family}{order}{drawn}-{epochs}"


RECIPES: dict[tuple[str, str], Recipe] = {
    ("lenet5", "MNIST"): Recipe(
        dense=TrainConfig(epochs=5, lr=2e-3), tucker=TrainConfig(epochs=14, lr=3e-2), budget=3_650
    ),
    ("lenet300", "MNIST"): Recipe(
        dense=TrainConfig(epochs=12, lr=2e-3), tucker=TrainConfig(epochs=24, lr=3e-2), budget=8_000
    ),
    ("lenet5", "MNIST-5k"): Recipe(
        dense=TrainConfig(epochs=30, lr=2e-3),
        tucker=TrainConfig(epochs=80, lr=3e-2),
        budget=3_650,
        copies=16,
        qat=replace(QAT, epochs=40),
    ),
    ("lenet300", "MNIST-5k"): Recipe(
        dense=TrainConfig(epochs=60, lr=2e-3),
        tucker=TrainConfig(epochs=160, lr=3e-2),
        budget=8_000,
        copies=16,
        qat=replace(QAT, epochs=40),
    ),
}


# The records. Dims are the natural ones (28 x 28 pixels, 4 x 4 positions, 20 x 25 hidden units), so that
# neighbouring layers split the units between them alike and share those factors.
_UNITS5 = (
    (("fc1.weight", 0), ("fc2.weight", 1)),
    (("fc1.weight", 1), ("fc2.weight", 2)),
)
_UNITS300 = (
    (("fc1.weight", 0), ("fc2.weight", 2)),
    (("fc1.weight", 1), ("fc2.weight", 3)),
    (("fc2.weight", 0), ("fc3.weight", 1)),
    (("fc2.weight", 1), ("fc3.weight", 2)),
)
_LENET5 = (
    ("conv1.weight", (20, 25), (20, 6)),
    ("conv2.weight", (5, 10, 20, 25), (4, 6, 5, 6)),
    ("fc1.weight", (20, 25, 50, 16), (6, 6, 7, 5)),
    ("fc2.weight", (10, 20, 25), (10, 6, 6)),
)
_LENET300 = (
    ("fc1.weight", (15, 20, 28, 28), (7, 7, 10, 10)),
    ("fc2.weight", (10, 10, 15, 20), (6, 6, 7, 7)),
    ("fc3.weight", (10, 10, 10), (10, 6, 6)),
)

_SCADA5 = (
    ("conv1.weight", (5, 4, 5, 5), (6, 6, 6, 5)),
    ("conv2.weight", (5, 10, 20, 25), (6, 6, 6, 5)),
    ("fc1.weight", (20, 25, 50, 16), (6, 6, 6, 5)),
    ("fc2.weight", (2, 5, 20, 25), (6, 6, 6, 5)),
)
_SCADA300 = (
    ("fc1.weight", (15, 20, 28, 28), (7, 7, 10, 10)),
    ("fc2.weight", (10, 10, 15, 20), (7, 7, 10, 10)),
    ("fc3.weight", (2, 5, 10, 10), (7, 7, 10, 10)),
)


def _record5(rate: float, layers: tuple[Layer, ...] = _LENET5) -> Recipe:
    return Recipe(
        dense=TrainConfig(epochs=12, lr=2e-3),
        tucker=TrainConfig(epochs=12, lr=3e-2),
        qat=replace(QAT, epochs=60, rate=rate),
        budget=3_650,
        copies=10,
        layers=layers,
        shared=_UNITS5,
    )


def _record300(rate: float, layers: tuple[Layer, ...] = _LENET300) -> Recipe:
    """With a LeNet-5 as teacher; the loss is then about six times larger, and so is the rate weight."""
    return Recipe(
        dense=TrainConfig(epochs=24, lr=2e-3),
        tucker=TrainConfig(epochs=24, lr=3e-2, distil=0.7),
        qat=replace(QAT, epochs=120, lr=1.5e-2, rate=rate, distil=0.7),
        budget=8_000,
        copies=16,
        layers=layers,
        shared=_UNITS300,
        teacher="lenet5",
    )


_WIDE5 = (
    ("conv1.weight", (20, 25), (20, 7)),
    ("conv2.weight", (5, 10, 20, 25), (5, 7, 7, 7)),
    ("fc1.weight", (20, 25, 50, 16), (7, 7, 8, 6)),
    ("fc2.weight", (10, 20, 25), (10, 7, 7)),
)
_WIDE300 = (
    ("fc1.weight", (15, 20, 28, 28), (9, 10, 13, 13)),
    ("fc2.weight", (10, 10, 15, 20), (8, 8, 9, 10)),
    ("fc3.weight", (10, 10, 10), (10, 8, 8)),
)


def _longer(recipe: Recipe, epochs: int) -> Recipe:
    return replace(recipe, qat=replace(recipe.qat, epochs=epochs))


RECORDS: dict[tuple[str, str], Recipe] = {
    ("lenet5", "lossless"): _record5(1.2e-2),
    ("lenet5", "small"): _record5(1.8e-2),
    ("lenet300", "lossless"): _record300(2.5e-2),
    ("lenet300", "small"): _record300(3.5e-2),
    ("lenet300", "smallest"): _longer(_record300(4.85e-2), 240),
    ("lenet5", "wide"): _longer(_record5(4e-3, _WIDE5), 100),
    ("lenet5", "as-dense"): _longer(_record5(1.5e-3, _WIDE5), 100),
    ("lenet300", "as-dense"): _longer(_record300(3e-3, _WIDE300), 200),
    ("lenet5", "scada"): replace(_record5(1.2e-2), layers=_SCADA5, shared=(), method="scada"),
    ("lenet5", "scada-small"): replace(_record5(1.8e-2), layers=_SCADA5, shared=(), method="scada"),
    ("lenet300", "scada"): replace(_record300(2.5e-2, _SCADA300), shared=(), method="scada"),
    ("lenet300", "scada-small"): replace(_record300(3.5e-2, _SCADA300), shared=(), method="scada"),
}


def recipe_names() -> list[str]:
    """The names under which there are recipes."""
    return ["demo", *sorted({name for _, name in RECORDS})]


def recipe_for(model: str, data_set: str, name: str = "demo") -> Recipe:
    """Find a recipe of a model on a data set; all but "demo" are for the full MNIST.

    Raises
    ------
    ValueError
        If there is none; the known pairs are listed.

    Examples
    --------
    >>> recipe_for("lenet5", "MNIST").budget
    3650
    """
    if name != "demo":
        if (model, name) not in RECORDS:
            known = ", ".join(sorted(n for m, n in RECORDS if m == model)) or "none"
            raise ValueError(f"{model} has no recipe {name!r}; it has demo and {known}")
        if data_set != "MNIST":
            raise ValueError(
                f"recipe {name!r} is for the full MNIST, not {data_set}: name the folder of its files"
            )
        return RECORDS[model, name]
    if (model, data_set) not in RECIPES:
        known = ", ".join(f"{m} on {d}" for m, d in RECIPES)
        raise ValueError(f"there is no recipe for {model} on {data_set}; there are: {known}")
    return RECIPES[model, data_set]

"""Settings that are known to work, by model and data set: what `demo`, `train` and `compress` use."""

from dataclasses import dataclass, field, replace

from torch_bridge.augment import Distortion
from torch_bridge.sharing import Place
from torch_bridge.train import TrainConfig

ROUNDING = TrainConfig(epochs=8, lr=3e-2, warmup=0.02, rate=4e-3)
TEACHING = TrainConfig(epochs=16, lr=2e-3, weight_decay=0.05)

Layer = tuple[str, tuple[int, ...], tuple[int, ...]]  # name of a weight, its dims, its rank


@dataclass(frozen=True)
class Recipe:
    """How to train a network densely and in Tucker form.

    Attributes
    ----------
    dense, tucker : training of the dense net and of its Tucker twin
    budget : numbers that all cores and factors may store, at most
    layers : dims and rank of every weight, instead of a budget
    shared : groups of (name of a weight, mode) whose factors are one; mode -1 means the core
    method : "ada", or "scada" where all weights share one core
    teacher, teaching : the dense network that is trained first and learned from, and how
    copies : augmented copies of the training set
    distortion : how strongly they are augmented
    levels : first rounding steps per root mean square of each core and factor
    rounding : training after the steps were set, with learned steps and a price on bits
    """

    dense: TrainConfig
    tucker: TrainConfig
    budget: int
    copies: int = 6
    distortion: Distortion = field(default_factory=Distortion)
    levels: float = 1.4
    rounding: TrainConfig = ROUNDING
    layers: tuple[Layer, ...] = ()
    shared: tuple[tuple[Place, ...], ...] = ()
    method: str = "ada"
    teacher: str = ""
    teaching: TrainConfig = TEACHING


RECIPES: dict[tuple[str, str], Recipe] = {
    ("lenet5", "MNIST"): Recipe(
        dense=TrainConfig(epochs=5, lr=2e-3), tucker=TrainConfig(epochs=12, lr=3e-2), budget=3_650
    ),
    ("lenet300", "MNIST"): Recipe(
        dense=TrainConfig(epochs=12, lr=2e-3), tucker=TrainConfig(epochs=24, lr=3e-2), budget=8_000
    ),
    ("lenet5", "MNIST-5k"): Recipe(
        dense=TrainConfig(epochs=30, lr=2e-3),
        tucker=TrainConfig(epochs=80, lr=3e-2),
        budget=3_650,
        copies=16,
        rounding=replace(ROUNDING, epochs=40),
    ),
    ("lenet300", "MNIST-5k"): Recipe(
        dense=TrainConfig(epochs=60, lr=2e-3),
        tucker=TrainConfig(epochs=160, lr=3e-2),
        budget=8_000,
        copies=16,
        rounding=replace(ROUNDING, epochs=40),
    ),
}


def recipe_for(model: str, data_set: str) -> Recipe:
    """Find the recipe of a model on a data set.

    Raises
    ------
    ValueError
        If there is none; the known pairs are listed.

    Examples
    --------
    >>> recipe_for("lenet5", "MNIST").budget
    3650
    """
    if (model, data_set) not in RECIPES:
        known = ", ".join(f"{m} on {d}" for m, d in RECIPES)
        raise ValueError(f"there is no recipe for {model} on {data_set}; there are: {known}")
    return RECIPES[model, data_set]

"""The benchmarks that the paper names: a network, a data set, and how it is trained.

Settings are those that are usual for each network (learning rate 0.1 for SGD with batches of 128 on
CIFAR-10 and 256 on ILSVRC12), with half a cosine for the schedule.
"""

from dataclasses import dataclass, replace
from typing import Any

from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.training.config import TrainConfig, WeightDecay


@dataclass(frozen=True)
class Benchmark:
    """One network on one data set.

    Attributes
    ----------
    name : what the command calls it
    model : of `models.MODELS`
    data : of `datasets.IMAGE_SETS`
    recipe : how it is trained, densely and compressed
    ratios : how many times smaller than the dense network the methods are compared
    baseline_ratios : the same for the methods that are not Tucker's
    """

    name: str
    model: str
    data: str
    recipe: Recipe
    ratios: tuple[float, ...] = (15, 30)
    baseline_ratios: tuple[float, ...] = (15, 30)


_SMALL = TrainConfig(
    epochs=30, lr=0.15, batch_size=128, optimizer="sgd", schedule="cosine",
    weight_decay=WeightDecay(), choose_last=0, channels_last=True,
)  # fmt: skip
_WIDE = replace(_SMALL, epochs=200, lr=0.1)
_LARGE = replace(
    _SMALL, epochs=90, lr=0.1, batch_size=256, weight_decay=WeightDecay(weights=1e-4),
    label_smoothing=0.1,
)  # fmt: skip
_TUCKER = replace(_SMALL, epochs=10, lr=5e-3, optimizer="adamw", distil=0.7, plain_lr=2e-3)
_QAT = replace(_TUCKER, epochs=20, lr=1e-2, plain_lr=1e-3, warmup=0.02, rate=3e-4)


_DIGITS = replace(
    _SMALL,
    epochs=12,
    lr=2e-3,
    batch_size=256,
    optimizer="adamw",
    weight_decay=WeightDecay(weights=0.0),
)
_DIGITS_TUCKER = replace(_TUCKER, epochs=4, lr=1e-2, batch_size=256)
_DIGITS_QAT = replace(_QAT, epochs=8, lr=3e-2, batch_size=256, rate=2e-3)


def _recipe(dense: TrainConfig, tucker: TrainConfig, qat: TrainConfig, **more: Any) -> Recipe:
    """A file 15 times smaller, from the HOSVD of the dense network, unless it says otherwise."""
    known: dict[str, Any] = {
        "ratio": 15.0, "bits": 2.5, "levels": 2.2, "init": "hosvd", "ranks_by": "spectra",
        "inner_biases": "all",
    }  # fmt: skip
    return Recipe(dense, tucker, qat=qat, **(known | more))


def _digits(model: str, ours: tuple[float, ...], baselines: tuple[float, ...]) -> Benchmark:
    """A LeNet, trained shortly; the records have recipes of their own."""
    configs = (_DIGITS, _DIGITS_TUCKER, _DIGITS_QAT)
    recipe = _recipe(*configs, bits=3.5, ranks_by="balanced", inner_biases="none")
    return Benchmark(model, model, "mnist", recipe, ours, baselines)


def _on(data: str, dense: TrainConfig, *models: str, suffix: str = "") -> list[Benchmark]:
    tucker, qat = (replace(config, batch_size=dense.batch_size) for config in (_TUCKER, _QAT))
    return [Benchmark(m + suffix, m, data, _recipe(dense, tucker, qat)) for m in models]


_ALL = [
    _digits("lenet5", (150, 500, 1_000), (150, 500)),
    _digits("lenet300", (50, 150, 300), (50, 150)),
    *_on("cifar10", _SMALL, "convnet", "resnet20", "resnet32", "resnet56", "resnet110"),
    *_on("svhn", _SMALL, "convnet", suffix="-svhn"),
    *_on("cifar10", _WIDE, "wrn16-4", "wrn28-10"),
    *_on("ilsvrc12", replace(_LARGE, lr=0.01, batch_size=128), "alexnet"),
    *_on("ilsvrc12", _LARGE, "resnet18", "resnet50"),
]
BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}


def benchmark_named(name: str) -> Benchmark:
    """Find a benchmark.

    Raises
    ------
    ValueError
        If there is none of that name; the known ones are listed.

    Examples
    --------
    >>> benchmark_named("convnet-svhn").model
    'convnet'
    """
    if name not in BENCHMARKS:
        raise ValueError(f"benchmark {name!r} is unknown; choose one of {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]

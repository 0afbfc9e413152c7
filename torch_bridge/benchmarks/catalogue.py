"""The benchmarks that the paper names: a network, a data set, and how it is trained.

Settings are those that are usual for each network (learning rate 0.1 for SGD with batches of 128 on
CIFAR-10 and 256 on ILSVRC12), with half a cosine for the schedule.
"""

from dataclasses import dataclass, replace

from torch_bridge.benchmarks.plan import Evidence
from torch_bridge.training.config import TrainConfig, WeightDecay


@dataclass(frozen=True)
class Benchmark:
    """One network on one data set.

    Attributes
    ----------
    name : what the command calls it
    model : of `models.MODELS`
    data : of `datasets.IMAGE_SETS`
    dense : how the dense network is trained
    tucker : how its small twin is trained before its numbers are rounded
    rounding : how the rounded twin is trained
    ratios : how many times smaller than the dense network the methods are compared
    baseline_ratios : the same for the methods that are not Tucker's
    evidence : where ranks go, see `planning`
    bits : per stored number that ranks are planned for
    inner_biases : whether layers before the last have biases; else they are zero and not stored
    """

    name: str
    model: str
    data: str
    dense: TrainConfig
    tucker: TrainConfig
    rounding: TrainConfig
    ratios: tuple[float, ...] = (15, 30)
    baseline_ratios: tuple[float, ...] = (15, 30)
    evidence: Evidence = "spectra"
    bits: float = 2.5
    inner_biases: bool = True


_SMALL = TrainConfig(
    epochs=30, lr=0.15, batch_size=128, optimizer="sgd", schedule="cosine",
    weight_decay=WeightDecay(), choose_last=0, channels_last=True,
)  # fmt: skip
_WIDE = replace(_SMALL, epochs=200, lr=0.1)
_LARGE = replace(
    _SMALL, epochs=90, lr=0.1, batch_size=256, weight_decay=WeightDecay(weights=1e-4),
    label_smoothing=0.1,
)  # fmt: skip
_TUCKER = replace(_SMALL, epochs=10, lr=2e-3, optimizer="adamw", distil=0.7, plain_lr=1e-3)
_ROUNDING = replace(_TUCKER, epochs=20, lr=1e-2, warmup=0.02, rate=3e-4)


_DIGITS = replace(
    _SMALL,
    epochs=12,
    lr=2e-3,
    batch_size=256,
    optimizer="adamw",
    weight_decay=WeightDecay(weights=0.0),
)
_DIGITS_TUCKER = replace(_TUCKER, epochs=4, lr=1e-2, batch_size=256)
_DIGITS_ROUNDING = replace(_ROUNDING, epochs=8, lr=3e-2, batch_size=256, rate=2e-3)


def _digits(model: str, ours: tuple[float, ...], baselines: tuple[float, ...]) -> Benchmark:
    """A LeNet, trained shortly; the records have recipes of their own."""
    regimes = (_DIGITS, _DIGITS_TUCKER, _DIGITS_ROUNDING)
    return Benchmark(
        model, model, "mnist", *regimes, ours, baselines, "balanced", 3.5, inner_biases=False
    )


def _on(data: str, dense: TrainConfig, *models: str, suffix: str = "") -> list[Benchmark]:
    tucker, rounding = (
        replace(regime, batch_size=dense.batch_size) for regime in (_TUCKER, _ROUNDING)
    )
    return [Benchmark(m + suffix, m, data, dense, tucker, rounding) for m in models]


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

"""The benchmarks that the paper names: a network, a data set, and how it is trained.

Settings are those that are usual for each network (learning rate 0.1 for SGD with batches of 128 on
CIFAR-10 and 256 on ILSVRC12), with half a cosine for the schedule.
"""

from dataclasses import dataclass, replace

from torch_bridge.training import Decay, Regime


@dataclass(frozen=True)
class Benchmark:
    """One network on one data set.

    Attributes
    ----------
    name : what the command calls it
    model : of `models.MODELS`
    data : of `datasets.IMAGE_SETS`
    dense : how the dense network is trained
    tucker : how its Tucker twin is trained, from the HOSVD of the dense network
    rounding : how the rounded twin is trained
    """

    name: str
    model: str
    data: str
    dense: Regime
    tucker: Regime
    rounding: Regime


_SMALL = Regime(epochs=30, lr=0.15)
_WIDE = replace(_SMALL, epochs=200, lr=0.1)
_LARGE = Regime(epochs=90, lr=0.1, batch_size=256, decay=Decay(weights=1e-4), label_smoothing=0.1)
_TUCKER = Regime(epochs=10, lr=2e-3, optimizer="adamw", distil=0.7, plain_lr=1e-3)
_ROUNDING = Regime(
    epochs=20, lr=1e-2, optimizer="adamw", distil=0.7, plain_lr=1e-3, warmup=0.02, rate=3e-4
)


def _on(data: str, dense: Regime, *models: str, suffix: str = "") -> list[Benchmark]:
    tucker, rounding = (
        replace(regime, batch_size=dense.batch_size) for regime in (_TUCKER, _ROUNDING)
    )
    return [Benchmark(m + suffix, m, data, dense, tucker, rounding) for m in models]


_ALL = [
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

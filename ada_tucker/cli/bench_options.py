"""The options of `ada-tucker bench`, and the recipes that they ask for."""

import argparse
from dataclasses import fields, replace
from pathlib import Path

from ada_tucker.cli.options import add_device_option
from ada_tucker.cli.values import positive, seed, share, whole
from torch_bridge.benchmarks.catalogue import BENCHMARKS, Benchmark
from torch_bridge.benchmarks.methods import METHODS, OURS
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.training.config import TrainConfig
from tucker_core.reshape_candidates import FAMILIES

STEP_FRACTION = 0.1  # of the parameters, where a step's cost is measured


def add_bench_options(command: argparse.ArgumentParser) -> None:
    """Describe the options."""
    command.add_argument("name", nargs="?", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    command.add_argument(
        "--list", action="store_true", help="show all: parameters, data set, published results"
    )
    command.add_argument(
        "--evaluate", type=Path, nargs="+", metavar="FILE", help="test .ada files of this benchmark"
    )
    command.add_argument(
        "--dry-run", action="store_true",
        help="three steps on made-up images of full size: time, memory, an estimate of the whole",
    )  # fmt: skip
    command.add_argument(
        "--overhead", action="store_true",
        help="what Tucker weights add to time and memory of a training step, on made-up images",
    )  # fmt: skip
    command.add_argument(
        "--compare", action="store_true",
        help="all methods at several sizes with several seeds, alike in everything else: a table, a "
        "result and a picture; what is there already is not run again",
    )  # fmt: skip
    command.add_argument(
        "--shapes", action="store_true",
        help="orders 2 to 6, balanced and not, at one --fraction with all --seeds, not rounded: a "
        "table, a result and a picture; what is there already is not run again",
    )  # fmt: skip
    command.add_argument(
        "--fraction", "--share", type=share,
        help="of the dense parameters that the compressed network stores, --bits each, instead "
        f"of --ratio; of --dry-run, --overhead (default there: {STEP_FRACTION}) and --shapes, too",
    )  # fmt: skip
    command.add_argument(
        "--out", type=Path, default=Path("runs/bench"),
        help="folder for results and weights (default: %(default)s)",
    )  # fmt: skip
    _compression(command)
    _studies(command)
    _training(command)


def _compression(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--method", choices=("dense", *METHODS), default="dense",
        help="train the dense network, a compressed one (ada; scada shares a core), or a baseline",
    )  # fmt: skip
    command.add_argument("--dense", type=Path, help=".npz of the dense network, for ada and scada")
    command.add_argument(
        "--ratio", type=float, default=15.0,
        help="how many times smaller than the dense network the file shall be (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--order", type=whole(2), help="of all dims (default: the best for each weight)"
    )
    command.add_argument(
        "--reshape", choices=FAMILIES, help="family of all dims (default: the best for each weight)"
    )
    command.add_argument("--init", choices=("hosvd", "scratch"), default="hosvd")
    command.add_argument(
        "--bits", type=float,
        help="per stored parameter; fewer bits, more parameters in the same bytes "
        "(default: the benchmark's)",
    )  # fmt: skip
    command.add_argument(
        "--levels", type=float, default=2.2,
        help="first quantisation steps per root mean square (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--distil", type=float,
        help="fraction of the loss that imitates the dense network; a dense one imitates its own --start",
    )  # fmt: skip


def _studies(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--ratios", type=float, nargs="+", help="of --compare (default: the benchmark's)"
    )
    command.add_argument(
        "--methods", nargs="+", choices=tuple(METHODS), default=list(METHODS), metavar="METHOD",
        help=f"of --compare: some of {', '.join(METHODS)} (default: all)",
    )  # fmt: skip
    command.add_argument(
        "--fractions", type=share, nargs="+",
        help="of --compare: parameters stored, of the dense network's, which share the bits of a ratio; "
        "1 is rounding alone",
    )  # fmt: skip
    command.add_argument(
        "--seeds", type=seed, nargs="+", default=[0, 1, 2],
        help="of --compare and --shapes (default: 0 1 2)",
    )  # fmt: skip


def _training(command: argparse.ArgumentParser) -> None:
    defaults = " (default: the benchmark's)"
    command.add_argument(
        "--start", type=Path, metavar="FILE",
        help="train the dense network on from these weights (.npz), not from scratch",
    )  # fmt: skip
    command.add_argument(
        "--cutout", "--hole", type=whole(0), default=0, metavar="PIXELS",
        help="side of a square that covers a part of every training image (default: none)",
    )  # fmt: skip
    for name, kind, text in (
        ("epochs", positive, "passes over the training images"),
        ("lr", float, "highest learning rate"),
        ("batch-size", positive, "images a step, over all processes"),
        ("ema", float, "how much of the averaged weights stays at each step; 0 for no average"),
        ("label-smoothing", float, "fraction of the target spread over all classes"),
        ("clip", float, "largest norm of the gradient"),
        ("warmup", float, "fraction of the steps on the way up"),
    ):
        command.add_argument(f"--{name}", type=kind, help=text + defaults)
    command.add_argument("--schedule", choices=("cosine", "one-cycle"), help="of the learning rate")
    command.add_argument("--precision", choices=("auto", "bfloat16", "float32"))
    command.add_argument(
        "--compile", action="store_const", const=True, help="let torch.compile build the network"
    )
    command.add_argument(
        "--deterministic", action="store_const", const=True,
        help="only operations that give the same bits each time, also on a GPU",
    )  # fmt: skip
    command.add_argument("--seed", type=seed, default=0, help="default: %(default)s")
    add_device_option(command)
    command.add_argument(
        "--data-dir",
        type=Path,
        help="folder with the data sets (default: $ADA_DATA_DIR, data/cache)",
    )
    command.add_argument(
        "--runs", type=Path, default=Path("runs/bench"),
        help="folder for checkpoints, from which the same command goes on (default: %(default)s)",
    )  # fmt: skip
    command.add_argument("--quiet", action="store_true", help="no progress bars")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")


def recipes_of(known: Benchmark, arguments: argparse.Namespace) -> list[Recipe]:
    """The recipe that the arguments name, or those of all methods at all sizes."""
    if not arguments.compare:
        method = "ada" if arguments.method == "dense" else arguments.method
        return [_recipe(known.recipe, arguments, method, arguments.ratio)]
    if arguments.fractions:
        return [
            _recipe(known.recipe, arguments, "rounding" if part == 1 else "ada", ratio, part)
            for ratio in arguments.ratios or known.ratios
            for part in arguments.fractions
        ]
    return [
        _recipe(known.recipe, arguments, method, ratio)
        for method in arguments.methods
        for ratio in arguments.ratios or (known.ratios if method in OURS else known.baseline_ratios)
    ]


def _recipe(
    known: Recipe, arguments: argparse.Namespace, method: str, ratio: float, part: float = 0.0
) -> Recipe:
    """The benchmark's, changed; a third of the epochs before quantisation, the rest after.

    A part of the parameters shares the bits that the ratio leaves for all.
    """
    bits = arguments.bits or (32 / (ratio * part) if part else known.bits)
    tucker, qat = changed(known.tucker, arguments), changed(known.qat, arguments)
    by_parameters = arguments.fraction is not None and not arguments.compare
    if arguments.epochs is not None:
        first = max(1, arguments.epochs // 3)
        tucker = replace(tucker, epochs=first)
        qat = replace(qat, epochs=max(1, arguments.epochs - first))
    return replace(
        known,
        dense=changed(known.dense, arguments),
        tucker=tucker,
        qat=qat,
        method=method,
        ratio=None if by_parameters else ratio,
        fraction=arguments.fraction if by_parameters else None,
        init=arguments.init,
        bits=bits,
        order=arguments.order or known.order,
        reshape=arguments.reshape or known.reshape,
        levels=arguments.levels,
    )


def changed(config: TrainConfig, arguments: argparse.Namespace) -> TrainConfig:
    """The config with what the arguments say otherwise."""
    given = vars(arguments)
    names = {field.name for field in fields(TrainConfig)} - {"seed", "bits"}
    return replace(config, **{n: v for n in names if (v := given.get(n)) is not None})

"""The command `ada-tucker bench`."""

import argparse
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ada_tucker.cli.options import Sub, add_device_option
from ada_tucker.cli.preflight import check_course, check_folder
from ada_tucker.cli.terminal import show
from ada_tucker.cli.values import positive, seed, share, whole
from ada_tucker.studies.comparison import compare, show_comparison
from torch_bridge.benchmarks.catalogue import BENCHMARKS, Benchmark, benchmark_named
from torch_bridge.benchmarks.cost import dry_run, overhead
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.images import load_images
from torch_bridge.benchmarks.listing import listing, listing_table
from torch_bridge.benchmarks.methods import METHODS, OURS
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.benchmarks.results import Row, rows_table, write_result
from torch_bridge.benchmarks.runs import compress_benchmark, run_dense
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.distributed import init_distributed
from torch_bridge.training.precision import check_device
from tucker_core import format_table

_ROUNDS = 3
_RECORDS = "Records of the LeNets have a command of their own: 'ada-tucker compress --recipe'."

STEP_FRACTION = 0.1  # of the parameters, where a step's cost is measured


def add_bench(sub: Sub) -> None:
    """Describe the command and its options."""
    command = sub.add_parser(
        "bench", help="the paper's other networks: train, compress, measure them",
        description="Train one of the paper's benchmarks, dense or in Tucker form. Several processes: "
        "torchrun --nproc-per-node N -m ada_tucker bench NAME ...",
    )  # fmt: skip
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
        "--fraction", "--share", type=share,
        help="of the dense parameters that the compressed network stores, --bits each, instead "
        f"of --ratio; of --dry-run and --overhead, too (default there: {STEP_FRACTION})",
    )  # fmt: skip
    command.add_argument(
        "--out", type=Path, default=Path("runs/bench"),
        help="folder for results and weights (default: %(default)s)",
    )  # fmt: skip
    _compression(command)
    _training(command)
    command.set_defaults(run=bench)


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
        "--ratios", type=float, nargs="+", help="of --compare (default: the benchmark's)"
    )
    command.add_argument(
        "--methods", nargs="+", choices=tuple(METHODS), default=list(METHODS), metavar="METHOD",
        help=f"of --compare: some of {', '.join(METHODS)} (default: all)",
    )  # fmt: skip
    command.add_argument(
        "--seeds", type=seed, nargs="+", default=[0, 1, 2], help="of --compare (default: 0 1 2)"
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


def bench(arguments: argparse.Namespace) -> None:
    """Run what the arguments say."""
    if arguments.list:
        show(
            json.dumps(listing(), indent=1)
            if arguments.json
            else f"{listing_table()}\n\n{_RECORDS}"
        )
        return
    if arguments.name is None:
        raise ValueError(f"which benchmark? choose one of {', '.join(BENCHMARKS)}")
    benchmark = benchmark_named(arguments.name)
    check_folder(arguments.out)
    with init_distributed(check_device(arguments.device)) as context:
        if arguments.dry_run or arguments.overhead:
            if context.is_first:
                _measure(benchmark, arguments)
            return
        context.from_first(lambda: _check_files(arguments))
        check_folder(arguments.runs, option="--runs")
        recipes = _recipes(benchmark, arguments)
        visible = context.is_first and not arguments.quiet
        images = load_images(
            benchmark.data,
            arguments.data_dir,
            context.device,
            cutout=arguments.cutout,
            progress=visible,
        )
        experiment = Experiment(
            benchmark.model, images, recipes[0], arguments.seed, context, arguments.runs,
            not arguments.quiet, benchmark.name, arguments.out,
        )  # fmt: skip
        if arguments.compare:
            _compare(experiment, recipes, arguments)
            return
        rows = _rows(experiment, arguments)
        if context.is_first:
            _show(rows, images.name, arguments)


def _rows(experiment: Experiment, arguments: argparse.Namespace) -> list[Row]:
    """Test files, train the dense network, or compress it."""
    if paths := arguments.evaluate:
        return experiment.context.from_first(lambda: [experiment.file_row(p) for p in paths])
    if arguments.method == "dense":
        return [run_dense(experiment, arguments.start)]
    return compress_benchmark(experiment, arguments.dense)


def _check_files(arguments: argparse.Namespace) -> None:
    """Refuse at once what cannot be; reading images takes long."""
    compresses = arguments.method != "dense"
    if arguments.start and (arguments.compare or compresses):
        raise ValueError(
            "--start is for the dense network; a compressed one begins with --dense FILE"
        )
    if arguments.compare:
        check_course()
        if arguments.dense and not arguments.dense.is_file():
            raise ValueError(f"no such file: {arguments.dense}")
        return
    needed = arguments.evaluate or [p for p in (arguments.start, arguments.dense) if p]
    if compresses and not needed:
        raise ValueError("--dense FILE is needed: the weights that 'bench NAME' wrote")
    if not (compresses or arguments.evaluate) and arguments.distil and arguments.start is None:
        raise ValueError(
            f"--distil is {arguments.distil}: a dense network imitates what it was at the start; "
            "--start FILE is needed"
        )
    if missing := [str(path) for path in needed if not path.is_file()]:
        shipped = any("data/models/" in Path(name).as_posix() for name in missing)
        where = "; the dense networks of data/models come with a clone of the project" * shipped
        raise ValueError(f"no such file: {', '.join(missing)}{where}")


def _measure(benchmark: Benchmark, arguments: argparse.Namespace) -> None:
    """Time and memory of a step, written as a result and printed."""
    part = STEP_FRACTION if arguments.fraction is None else arguments.fraction
    device = check_device(arguments.device).type
    if arguments.dry_run:
        content, kind = dry_run(benchmark, part, arguments.batch_size, device), "dryrun"
    else:
        content = overhead(benchmark.name, part, arguments.batch_size, _ROUNDS, device)
        kind = "overhead"
    path = arguments.out / f"bench_{benchmark.name}_{kind}.json"
    content = write_result(path, {"device": device, **content})
    show(json.dumps(content, indent=1) if arguments.json else cost_table(content))


def cost_table(content: dict[str, Any]) -> str:
    """Format the costs of a step as the text table that the command prints."""
    costs = content.get("costs") or [content["dense"], content["tucker"]]
    rows = [("weights", "parameters", "batch", "s a step", "peak MiB", "whole training, estimated")]
    for cost in costs:
        whole = ""
        if "hours" in cost:
            whole = (
                f"{cost['hours']:,.0f} h for {cost['epochs']} epochs, {cost['full_batch_mib']:,.0f} MiB "
                f"at batch {cost['full_batch_size']}"
            )
        sizes = (f"{cost['parameters']:,}", str(cost["batch_size"]))
        measured = (f"{cost['seconds']:.3f}", f"{cost['peak_mib']:,.0f}")
        rows.append((cost["weights"], *sizes, *measured, whole))
    ratios = content.get("ratios", {})
    found = ", ".join(f"{name} {value:.2f}x" for name, value in ratios.items())
    return format_table(rows) + (f"\n\nTucker / dense: {found}" if ratios else "")


def _compare(experiment: Experiment, recipes: list[Recipe], arguments: argparse.Namespace) -> None:
    """Compare all methods; the first process shows and draws what came out."""
    dense = replace(experiment.recipe.dense, distil=0.0)  # it has nothing to imitate
    experiment.recipe = replace(experiment.recipe, dense=dense)
    content = compare(experiment, arguments.dense, recipes, arguments.seeds)
    if experiment.context.is_first:
        data_set = experiment.images.name.lower()
        stem = experiment.out / f"compare_{experiment.benchmark}_{data_set}"
        show_comparison(content, stem, as_json=arguments.json)


def _recipes(known: Benchmark, arguments: argparse.Namespace) -> list[Recipe]:
    """The recipe that the arguments name, or those of all methods at all sizes."""
    if not arguments.compare:
        method = "ada" if arguments.method == "dense" else arguments.method
        return [_recipe(known.recipe, arguments, method, arguments.ratio)]
    return [
        _recipe(known.recipe, arguments, method, ratio)
        for method in arguments.methods
        for ratio in arguments.ratios or (known.ratios if method in OURS else known.baseline_ratios)
    ]


def _recipe(known: Recipe, arguments: argparse.Namespace, method: str, ratio: float) -> Recipe:
    """The benchmark's, changed; a third of the epochs before quantisation, the rest after."""
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
        bits=known.bits if arguments.bits is None else arguments.bits,
        levels=arguments.levels,
    )


def changed(config: TrainConfig, arguments: argparse.Namespace) -> TrainConfig:
    """The config with what the arguments say otherwise."""
    given = vars(arguments)
    names = {field.name for field in fields(TrainConfig)} - {"seed", "bits"}
    return replace(config, **{n: v for n in names if (v := given.get(n)) is not None})


def _show(rows: list[Row], data_set: str, arguments: argparse.Namespace) -> None:
    if arguments.json:
        show(json.dumps([vars(row) for row in rows], indent=1))
    else:
        show(rows_table(rows, data_set))

"""The command `ada-tucker bench`."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ada_tucker.cli.bench_options import STEP_FRACTION, add_bench_options, recipes_of
from ada_tucker.cli.options import Sub
from ada_tucker.cli.preflight import check_course, check_folder
from ada_tucker.cli.terminal import show
from ada_tucker.studies.comparison import compare, show_comparison
from ada_tucker.studies.shapes import shapes_table, study_shapes
from torch_bridge.benchmarks.catalogue import BENCHMARKS, Benchmark, benchmark_named
from torch_bridge.benchmarks.cost import dry_run, overhead
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.images import load_images
from torch_bridge.benchmarks.listing import listing, listing_table
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.benchmarks.results import Row, rows_table, write_result
from torch_bridge.benchmarks.runs import compress_benchmark, run_dense
from torch_bridge.training.distributed import init_distributed
from torch_bridge.training.precision import check_device
from tucker_core import format_table

_ROUNDS = 3
_RECORDS = "Records of the LeNets have a command of their own: 'ada-tucker compress --recipe'."


def add_bench(sub: Sub) -> None:
    """Describe the command."""
    command = sub.add_parser(
        "bench", help="the paper's other networks: train, compress, measure them",
        description="Train one of the paper's benchmarks, dense or in Tucker form. Several processes: "
        "torchrun --nproc-per-node N -m ada_tucker bench NAME ...",
    )  # fmt: skip
    add_bench_options(command)
    command.set_defaults(run=bench)


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
        recipes = recipes_of(benchmark, arguments)
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
        if arguments.compare or arguments.shapes:
            (_compare if arguments.compare else _shapes)(experiment, recipes, arguments)
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
    compresses = arguments.method != "dense" or arguments.shapes
    if arguments.shapes and arguments.fraction is None:
        raise ValueError(
            "--shapes needs --fraction: how much of the parameters each of them stores"
        )
    if arguments.start and (arguments.compare or compresses):
        raise ValueError(
            "--start is for the dense network; a compressed one begins with --dense FILE"
        )
    if arguments.compare or arguments.shapes:
        check_course()
    if arguments.compare:
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
        by_rate = arguments.fractions is not None
        kind = "rates" if by_rate else "compare"
        stem = experiment.out / f"{kind}_{experiment.benchmark}_{data_set}"
        show_comparison(content, stem, by_rate=by_rate, as_json=arguments.json)


def _shapes(experiment: Experiment, recipes: list[Recipe], arguments: argparse.Namespace) -> None:
    """Try orders and families of dims; the first process shows and draws what came out."""
    from course_kit.figures.shapes import shapes_figure
    from course_kit.plots import save_figure

    tucker = replace(recipes[0].tucker, epochs=arguments.epochs or recipes[0].tucker.epochs)
    experiment.recipe = replace(recipes[0], tucker=tucker)
    content = study_shapes(experiment, arguments.dense, arguments.seeds)
    if experiment.context.is_first:
        stem = experiment.out / f"shapes_{experiment.benchmark}_{experiment.images.name.lower()}"
        content = write_result(stem.with_suffix(".json"), content)
        save_figure(shapes_figure(content), stem.with_suffix(".png"))
        show(json.dumps(content, indent=1) if arguments.json else shapes_table(content))


def _show(rows: list[Row], data_set: str, arguments: argparse.Namespace) -> None:
    if arguments.json:
        show(json.dumps([vars(row) for row in rows], indent=1))
    else:
        show(rows_table(rows, data_set))

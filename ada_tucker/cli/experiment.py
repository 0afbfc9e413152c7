"""From a command's options to an experiment, and from its rows to what is shown."""

import json
from argparse import Namespace
from dataclasses import replace
from typing import Any

from ada_tucker.cli.preflight import check_folder
from ada_tucker.cli.terminal import show
from ada_tucker.studies.dims import layout
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.images import Digits
from torch_bridge.benchmarks.recipes import Recipe, recipe_for
from torch_bridge.benchmarks.results import Result, Row, rows_table, write_result
from torch_bridge.datasets import DataSet, load_mnist
from torch_bridge.training.distributed import DistributedContext, check_alone
from torch_bridge.training.precision import check_device


def experiment_of(arguments: Namespace, recipe: Recipe | None = None) -> Experiment:
    """Model, data, recipe (by default that of the options) and device that a command names."""
    check_alone()
    device = check_device(arguments.device)
    check_folder(arguments.runs, option="--runs")
    data = load_digits_of(arguments)
    return Experiment(
        arguments.model, Digits(data, device), recipe or _recipe(arguments, data.name),
        arguments.seed, DistributedContext(device=device), arguments.runs, not arguments.quiet,
    )  # fmt: skip


def changed_recipe(recipe: Recipe, arguments: Namespace) -> Recipe:
    """The recipe with the epochs and learning rate of the options, before quantisation."""
    edits: dict[str, Any] = {
        k: v for k in ("epochs", "lr") if (v := getattr(arguments, k)) is not None
    }
    return replace(
        recipe,
        dense=replace(recipe.dense, **edits),
        tucker=replace(recipe.tucker, **edits),
    )


def _recipe(arguments: Namespace, data_set: str) -> Recipe:
    known = recipe_for(arguments.model, data_set, getattr(arguments, "recipe", "demo"))
    recipe = changed_recipe(known, arguments)
    distil = getattr(arguments, "distil", None)
    if distil is not None:
        recipe = replace(
            recipe,
            tucker=replace(recipe.tucker, distil=distil),
            qat=replace(recipe.qat, distil=distil),
        )
    options = ("budget", "levels", "method", "init")
    changes = {k: v for k in options if (v := getattr(arguments, k, None)) is not None}
    if {"budget", "method"} & set(changes):  # then the recipe's own dims and ranks are off
        changes |= {"layers": (), "shared": ()}
    dims, order = getattr(arguments, "dims", None), getattr(arguments, "order", None)
    if dims is not None or order is not None:
        method, budget = changes.get("method", recipe.method), changes.get("budget", recipe.budget)
        chosen = {"dims": dims or "auto", "order": order, "shared": method == "scada"}
        changes |= {"layers": layout(arguments.model, budget, **chosen), "shared": ()}
    rate = getattr(arguments, "rate", None)
    if rate is not None:
        changes["qat"] = replace(recipe.qat, rate=rate)
    return replace(recipe, **changes)


def load_digits_of(arguments: Namespace) -> DataSet:
    """The digits that a command's options name."""
    quiet = getattr(arguments, "quiet", False)
    return load_mnist(arguments.data_dir, offline=arguments.offline or None, progress=not quiet)


def report(arguments: Namespace, result: Result) -> None:
    """Write a result file if one is asked for, and show the rows."""
    if arguments.result is not None:
        write_result(arguments.result, result)
    show_result(arguments, result)


def show_result(arguments: Namespace, result: Result) -> None:
    """Show a result as JSON, or its rows as a table."""
    if arguments.json:
        show(json.dumps(result.content(), indent=1))
    else:
        show(rows_table([Row(**row) for row in result.rows], result.data_set))

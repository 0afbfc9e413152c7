"""The commands that run many trainings: `ada-tucker pareto` and `ada-tucker ablate`."""

import json
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch_bridge.ablation import Outcome, base_recipe, check_studies, content, study
from torch_bridge.benchmarks.experiment import METHODS, Experiment
from torch_bridge.benchmarks.results import command_line, environment
from torch_bridge.commands import changed_recipe, experiment_of
from torch_bridge.pareto import pareto_table, sweep
from torch_bridge.preflight import check_folder
from torch_bridge.terminal import show
from tucker_core import format_table
from tucker_core.files import write_json


def pareto(arguments: Namespace) -> None:
    """Sweep budgets and prices, show all runs, draw them beside the published records."""
    from course_kit.pareto_figure import pareto_figure
    from course_kit.plots import save_figure

    check_folder(arguments.out)
    experiment = experiment_of(arguments)
    results = sweep(experiment, arguments.budgets, arguments.rates, arguments.seeds, arguments.out)
    points = [(run["rows"][0]["n_bytes"], run["rows"][0]["test_error"]) for run in results]
    method = METHODS[experiment.recipe.method]
    picture = arguments.out / f"{arguments.model}_{experiment.recipe.method}.png"
    save_figure(
        pareto_figure(arguments.model, {f"{method} (ours, whole file)": points}, {}), picture
    )
    if arguments.json:
        show(json.dumps(results, indent=1))
    else:
        show(pareto_table(results))
        show(f"\npicture: {picture}", aside=True)


def ablate(arguments: Namespace) -> None:
    """Run studies, write a JSON and a picture of each, show the tables."""
    check_studies(arguments.studies)
    check_folder(arguments.out)
    experiment = experiment_of(arguments, changed_recipe(base_recipe(), arguments))
    results = []
    for name in arguments.studies:
        outcomes = study(name, experiment, arguments.seeds)
        results.append(_written(name, outcomes, experiment, arguments.out))
        if not arguments.json:
            show(f"{_table(outcomes)}\n")
    if arguments.json:
        show(json.dumps(results[0] if len(results) == 1 else results, indent=1))


def _written(
    name: str, outcomes: list[Outcome], experiment: Experiment, out: Path
) -> dict[str, Any]:
    """Result of a study, written beside its picture."""
    from course_kit.ablation_figure import ablation_figure
    from course_kit.plots import save_figure

    data_set = experiment.data.name
    result = content(name, outcomes) | {
        "command": command_line(), "data_set": data_set,
        "recipe": asdict(experiment.recipe), **environment(),
    }  # fmt: skip
    path = out / f"ablation_{name}_{data_set.lower().replace('-', '')}.json"
    write_json(path, result)
    save_figure(ablation_figure(result), path.with_suffix(".png"), dpi=110)
    return result


def _table(outcomes: list[Outcome]) -> str:
    head = ("setting", "seed", "numbers", "bytes", "val error", "test error", "seconds")
    body = [
        (
            o.setting, str(o.seed), f"{o.numbers:,}", f"{o.n_bytes:,}", f"{o.val_error:.2f} %",
            f"{o.test_error:.2f} %", f"{o.seconds:.0f}",
        )
        for o in outcomes
    ]  # fmt: skip
    return format_table([head, *body])

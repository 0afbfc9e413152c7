"""The commands that run many trainings: `ada-tucker pareto` and `ada-tucker ablate`."""

import json
import sys
from argparse import Namespace
from dataclasses import asdict

from torch_bridge.ablation import base_recipe, content, study
from torch_bridge.commands import experiment_of
from torch_bridge.pareto import pareto_table, sweep
from torch_bridge.pipeline import METHODS
from torch_bridge.results import environment, write_json
from tucker_core import format_table


def pareto(arguments: Namespace) -> None:
    """Sweep budgets and prices, show all runs, draw them beside the published records."""
    from course_kit.pareto_figure import pareto_figure
    from course_kit.plots import save_figure

    experiment = experiment_of(arguments)
    results = sweep(experiment, arguments.budgets, arguments.rates, arguments.seeds, arguments.out)
    points = [(run["rows"][0]["n_bytes"], run["rows"][0]["test_error"]) for run in results]
    method = METHODS[experiment.recipe.method]
    picture = arguments.out / f"{arguments.model}_{experiment.recipe.method}.png"
    save_figure(
        pareto_figure(arguments.model, {f"{method} (ours, whole file)": points}, {}), picture
    )
    if arguments.json:
        print(json.dumps(results, indent=1))
    else:
        print(pareto_table(results))
        print(f"\npicture: {picture}", file=sys.stderr)


def ablate(arguments: Namespace) -> None:
    """Run studies, write a JSON and a picture of each, show the tables."""
    from course_kit.ablation_figure import ablation_figure
    from course_kit.plots import save_figure

    experiment = experiment_of(arguments)
    for name in arguments.studies:
        outcomes = study(name, experiment, arguments.seeds)
        result = content(name, outcomes) | {
            "command": f"ada-tucker ablate {name}", "data_set": experiment.data.name,
            "recipe": asdict(base_recipe()), **environment(),
        }  # fmt: skip
        path = (
            arguments.out / f"ablation_{name}_{experiment.data.name.lower().replace('-', '')}.json"
        )
        write_json(path, result)
        save_figure(ablation_figure(result), path.with_suffix(".png"), dpi=110)
        head = ("setting", "seed", "numbers", "bytes", "val error", "test error", "seconds")
        body = [
            (
                o.setting, str(o.seed), f"{o.numbers:,}", f"{o.n_bytes:,}", f"{o.val_error:.2f} %",
                f"{o.test_error:.2f} %", f"{o.seconds:.0f}",
            )
            for o in outcomes
        ]  # fmt: skip
        print(
            json.dumps(result, indent=1) if arguments.json else format_table([head, *body]) + "\n"
        )

"""The commands that run many trainings: `ada-tucker pareto` and `ada-tucker ablate`."""

import json
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ada_tucker.cli.experiment import changed_recipe, experiment_of
from ada_tucker.cli.options import (
    Sub,
    add_training_options,
)
from ada_tucker.cli.preflight import check_course, check_folder
from ada_tucker.cli.terminal import show
from ada_tucker.cli.values import positive, seed
from ada_tucker.studies.ablation import STUDIES, Outcome, base_recipe, check_studies, content, study
from ada_tucker.studies.pareto import pareto_table, sweep
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.methods import METHODS, OURS
from torch_bridge.benchmarks.results import write_result
from torch_bridge.models import LENETS
from tucker_core import format_table


def pareto(arguments: Namespace) -> None:
    """Sweep budgets and rate weights, show all runs, draw them beside the published records."""
    from course_kit.figures.pareto import pareto_figure
    from course_kit.plots import save_figure

    check_course()
    check_folder(arguments.out)
    experiment = experiment_of(arguments)
    results = sweep(experiment, arguments.budgets, arguments.rates, arguments.seeds, arguments.out)
    points = [(run["rows"][0]["n_bytes"], run["rows"][0]["test_error"]) for run in results]
    method = METHODS[experiment.recipe.method].title
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
    check_course()
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
    from course_kit.figures.ablation import ablation_figure, budgets_figure
    from course_kit.plots import save_figure

    data_set = experiment.images.name
    told = {"data_set": data_set, "recipe": asdict(experiment.recipe)}
    path = out / f"ablation_{name}_{data_set.lower().replace('-', '')}.json"
    result = write_result(path, content(name, outcomes) | told)
    draw = budgets_figure if name == "shared" else ablation_figure
    save_figure(draw(result), path.with_suffix(".png"), dpi=110)
    return result


def _table(outcomes: list[Outcome]) -> str:
    head = ("setting", "seed", "parameters", "bytes", "val error", "test error", "seconds")
    body = [
        (
            o.setting, str(o.seed), f"{o.params:,}", f"{o.n_bytes:,}", f"{o.val_error:.2f} %",
            f"{o.test_error:.2f} %", f"{o.seconds:.0f}",
        )
        for o in outcomes
    ]  # fmt: skip
    return format_table([head, *body])


def add_pareto(sub: Sub) -> None:
    """Describe `ada-tucker pareto`."""
    command = sub.add_parser(
        "pareto", help="sweep budgets and rate weights: which error for how many bytes?"
    )
    command.add_argument("model", choices=sorted(LENETS))
    command.add_argument(
        "--out", type=Path, default=Path("runs/pareto"),
        help="folder for one JSON and one .ada a run; runs that are there are not run again "
        "(default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--budgets", type=positive, nargs="+", default=[2_500, 3_650, 5_500], metavar="N",
        help="parameters stored, at most (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--rates", type=float, nargs="+", default=[2e-3, 4e-3, 8e-3, 1.6e-2], metavar="R",
        help="weights of 1,000 bits in the loss (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--seeds", type=seed, nargs="+", default=[0], metavar="S", help="default: %(default)s"
    )
    command.add_argument("--method", choices=OURS, help="default: ada")
    add_training_options(command)
    command.set_defaults(run=pareto)


def add_ablate(sub: Sub) -> None:
    """Describe `ada-tucker ablate`."""
    command = sub.add_parser(
        "ablate", help="change one thing at a time on LeNet-300, at equal parameters stored"
    )
    command.add_argument(
        "studies", nargs="*", metavar="STUDY", default=list(STUDIES),
        help=f"of {', '.join(STUDIES)} (default: all)",
    )  # fmt: skip
    command.add_argument(
        "--out", type=Path, default=Path("runs/ablation"),
        help="folder for one JSON and one picture a study (default: %(default)s)",
    )  # fmt: skip
    command.add_argument("--seeds", type=seed, nargs="+", default=[0, 1, 2], metavar="S")
    add_training_options(command)
    command.set_defaults(run=ablate, model="lenet300")

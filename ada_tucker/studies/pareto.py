"""A sweep over budgets and prices on bits, to see which error costs how many bytes.

Every run writes one JSON file and is not run again while that file is there and of the same settings
and data, so a sweep that was interrupted goes on with the same command. Runs that differ only in the
price share the training before rounding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ada_tucker.cli.preflight import check_budget
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.benchmarks.results import kept_result, result_content, run_facts
from torch_bridge.state.progress import hidden
from torch_bridge.training.config import exactly
from tucker_core import format_table, save
from tucker_core.files import write_json
from tucker_core.json_file import read_json


def sweep(
    experiment: Experiment,
    budgets: Sequence[int],
    rates: Sequence[float],
    seeds: Sequence[int],
    out: Path,
) -> list[dict[str, Any]]:
    """Run every combination that has no result of its own in `out` yet; returns all results.

    Parameters
    ----------
    experiment : model, data and recipe; its budget, rate and seed are replaced
    budgets : numbers stored, at most
    rates : weights of 1,000 bits in the loss
    seeds : of everything that is drawn
    out : folder for `MODEL_METHOD_DATASET_bBUDGET_rRATE_sSEED.json` and `.ada`

    Raises
    ------
    ValueError
        If a budget is too small for any plan; then nothing is run.
    """
    runs = [(_recipe(experiment, b, r), s) for s in seeds for b in budgets for r in rates]
    for budget in budgets:
        check_budget(experiment.with_recipe(_recipe(experiment, budget, rates[0]), seeds[0]))
    bar = tqdm(runs, desc="pareto", unit="run", disable=hidden(experiment.progress))
    return [_result(experiment.with_recipe(recipe, seed), out) for recipe, seed in bar]


def _recipe(experiment: Experiment, budget: int, rate: float) -> Recipe:
    rounding = replace(experiment.recipe.rounding, rate=rate)
    return replace(experiment.recipe, budget=budget, layers=(), shared=(), rounding=rounding)


def _name(job: Experiment) -> str:
    recipe = job.recipe
    settings = f"b{recipe.budget}_r{exactly(recipe.rounding.rate)}_s{job.seed}"
    return f"{job.model_name}_{recipe.method}_{job.data.name.lower()}_{settings}"


def _result(job: Experiment, out: Path) -> dict[str, Any]:
    """What a run came to: what it left before, or what it comes to now."""
    told, path = (out / f"{_name(job)}{suffix}" for suffix in (".json", ".ada"))
    mark = job.fingerprint()
    kept = kept_result(told, mark)
    if kept is not None:
        return kept
    model, _, floats = job.train_tucker()
    network, val_error, rounded = job.round_in(model)
    save(path, network)
    seconds = job.teacher_seconds + floats.seconds + rounded.seconds
    rows = [job.file_row(path.name, path, val_error, seconds)]
    write_json(told, result_content(job, rows) | run_facts(mark, [path]))
    return read_json(told)


def front(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs that no other beats in both bytes and validation error, smallest file first.

    Examples
    --------
    >>> runs = [{"rows": [{"n_bytes": b, "val_error": e}]} for b, e in ((9, 1.0), (5, 2.0), (9, 3.0))]
    >>> [run["rows"][0]["n_bytes"] for run in front(runs)]
    [5, 9]
    """
    return list(_front(sorted(results, key=lambda run: (_size(run), _error(run)))))


def _front(ordered: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    best = float("inf")
    for run in ordered:
        if _error(run) < best:
            best = _error(run)
            yield run


def pareto_table(results: Sequence[dict[str, Any]]) -> str:
    """Format all runs, smallest file first; those on the front (by validation) have a star."""
    chosen = {id(run) for run in front(results)}
    head = ("file", "budget", "price", "seed", "bytes", "val error", "test error", "front")
    body = []
    for run in sorted(results, key=_size):
        row, recipe = run["rows"][0], run["recipe"]
        body.append(
            (
                row["name"], f"{recipe['budget']:,}", f"{recipe['rounding']['rate']:g}",
                str(run["seed"]), f"{row['n_bytes']:,}", f"{row['val_error']:.2f} %",
                f"{row['test_error']:.2f} %", "*" if id(run) in chosen else "",
            )
        )  # fmt: skip
    return format_table([head, *body])


def _size(run: dict[str, Any]) -> int:
    return int(run["rows"][0]["n_bytes"])


def _error(run: dict[str, Any]) -> float:
    return float(run["rows"][0]["val_error"])

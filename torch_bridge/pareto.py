"""A sweep over budgets and prices on bits, to see which error costs how many bytes.

Every run writes one JSON file and is not run again while that file is there, so a sweep that was
interrupted goes on with the same command. Runs that differ only in the price share the training
before rounding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from torch_bridge.demo import result_content
from torch_bridge.pipeline import Experiment
from torch_bridge.results import read_json, write_json
from tucker_core import format_table, save


def sweep(
    experiment: Experiment,
    budgets: Sequence[int],
    rates: Sequence[float],
    seeds: Sequence[int],
    out: Path,
) -> list[dict[str, Any]]:
    """Run every combination that has no result in `out` yet; returns all results.

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
        If a budget is too small for any plan.
    """
    results = []
    combinations = [(b, r, s) for s in seeds for b in budgets for r in rates]
    bar = tqdm(combinations, desc="pareto", unit="run", disable=not experiment.progress)
    for budget, rate, seed in bar:
        recipe = experiment.recipe
        name = (
            f"{experiment.model_name}_{recipe.method}_{experiment.data.name.lower()}"
            f"_b{budget}_r{rate:g}_s{seed}"
        )
        path = out / f"{name}.json"
        if not path.exists():
            job = experiment.with_recipe(
                replace(
                    recipe, budget=budget, layers=(), shared=(),
                    rounding=replace(recipe.rounding, rate=rate),
                ),
                seed,
            )  # fmt: skip
            write_json(path, _run(job, out / f"{name}.ada"))
        results.append(read_json(path))
    return results


def _run(job: Experiment, path: Path) -> dict[str, object]:
    model, _, floats = job.train_tucker()
    network, val_error, rounded = job.round_in(model)
    save(path, network)
    seconds = job.teacher_seconds + floats.seconds + rounded.seconds
    return result_content(job, [job.file_row(path.name, path, val_error, seconds)])


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

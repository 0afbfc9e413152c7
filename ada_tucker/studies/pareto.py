"""A sweep over budgets and rate weights, to see which error costs how many bytes.

Every run writes one JSON file and is not run again while that file is there and of the same settings
and data, so a sweep that was interrupted goes on with the same command. Runs that differ only in the
rate weight share the training before quantisation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from torch_bridge.benchmarks.compressed import compress
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.results import kept_result
from torch_bridge.benchmarks.runs import run_compressed
from torch_bridge.state.progress import hidden
from torch_bridge.training.config import exactly
from tucker_core import format_table
from tucker_core.results import read_result


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
    budgets : parameters stored, at most
    rates : weights of 1,000 bits in the loss
    seeds : of everything that is drawn
    out : folder for `MODEL_METHOD_DATASET_bBUDGET_rRATE_sSEED.json` and `.ada`

    Raises
    ------
    ValueError
        If a budget is too small for any plan; then nothing is run.
    """
    runs = [_job(experiment, b, r, s) for s in seeds for b in budgets for r in rates]
    for budget in budgets:
        compress(_job(experiment, budget, rates[0], seeds[0]))
    bar = tqdm(runs, desc="pareto", unit="run", disable=hidden(experiment.progress))
    return [_result(job, out) for job in bar]


def _job(experiment: Experiment, budget: int, rate: float, seed: int) -> Experiment:
    qat = replace(experiment.recipe.qat, rate=rate)
    recipe = replace(experiment.recipe, budget=budget, layers=(), shared=(), qat=qat)
    return replace(experiment, recipe=recipe, seed=seed)


def _name(job: Experiment) -> str:
    recipe = job.recipe
    settings = f"b{recipe.budget}_r{exactly(recipe.qat.rate)}_s{job.seed}"
    return f"{job.model_name}_{recipe.method}_{job.images.name.lower()}_{settings}"


def _result(job: Experiment, out: Path) -> dict[str, Any]:
    """What a run came to: what it left before, or what it comes to now."""
    stem, small = out / _name(job), compress(job)
    told = out / f"{stem.name}.json"
    kept = kept_result(told, small.fingerprint())
    if kept is None:
        run_compressed(small, stem)
        kept = read_result(told)
    return kept


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
    head = ("file", "budget", "rate weight", "seed", "bytes", "val error", "test error", "front")
    body = []
    for run in sorted(results, key=_size):
        row, recipe = run["rows"][0], run["recipe"]
        body.append(
            (
                row["name"], f"{recipe['budget']:,}", f"{recipe['qat']['rate']:g}",
                str(run["seed"]), f"{row['n_bytes']:,}", f"{row['val_error']:.2f} %",
                f"{row['test_error']:.2f} %", "*" if id(run) in chosen else "",
            )
        )  # fmt: skip
    return format_table([head, *body])


def _size(run: dict[str, Any]) -> int:
    return int(run["rows"][0]["n_bytes"])


def _error(run: dict[str, Any]) -> float:
    return float(run["rows"][0]["val_error"])

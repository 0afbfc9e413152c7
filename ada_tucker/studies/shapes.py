"""Which dims serve a network best at equal parameters: orders 2 to 6, balanced and not, nothing rounded.

The paper's figure 2 asks this of LeNet. Every network begins with the HOSVD of the same dense one, and a
run leaves a result that is not made again, so a study that was broken off goes on with the same command.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn
from tqdm import tqdm

from torch_bridge.benchmarks.compressed import Compressed, compress
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.methods import dense_weights
from torch_bridge.benchmarks.results import kept_result, run_facts, write_result
from torch_bridge.state.fingerprint import digest_weights
from torch_bridge.state.progress import hidden
from torch_bridge.weights.tucker_weight import dense_array
from tucker_core import format_table, hosvd
from tucker_core.results import read_result


class Setting(NamedTuple):
    """A way to choose dims: a family of reshapes and an order, as `plan_network` takes them."""

    title: str
    reshape: str
    order: int


SETTINGS = (
    Setting("(out, in k k)", "svd", 2),
    Setting("balanced", "order 2", 2),
    Setting("(out, in, k k)", "natural", 3),
    Setting("balanced", "balanced", 3),
    Setting("(out, in, k, k)", "natural", 4),
    Setting("balanced", "balanced", 4),
    Setting("split channels", "split", 5),
    Setting("balanced", "balanced", 6),
)


def study_shapes(experiment: Experiment, dense_path: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Train the network at every setting with every seed, within one fraction of the parameters.

    Parameters
    ----------
    experiment : benchmark, images, folders, and a recipe with a fraction
    dense_path : weights of the dense network
    seeds : of all that is drawn after the dense network

    Returns
    -------
    content of the result file; its "runs" have the dims of the largest weight, the energy that the HOSVD
    loses and a row each, or the reason why there is none
    """
    dense = experiment.load(dense_path)
    jobs = [(setting, seed) for seed in seeds for setting in SETTINGS]
    shown = experiment.progress and experiment.context.is_first
    runs = []
    for setting, seed in tqdm(jobs, "shapes", unit="run", disable=hidden(shown)):
        recipe = replace(experiment.recipe, reshape=setting.reshape, order=setting.order)
        out = (experiment.folder or experiment.out) / "shapes"
        job = replace(experiment, recipe=recipe, seed=seed, out=out)
        runs.append(setting._asdict() | {"seed": seed} | _run(job, dense))
    return {
        "benchmark": experiment.benchmark,
        "data_set": experiment.images.name,
        "seeds": list(seeds),
        "fraction": experiment.recipe.fraction,
        "dense": asdict(experiment.dense_row("dense", dense)),
        "dense_weights": digest_weights(dense),
        "recipe": {"tucker": asdict(experiment.recipe.tucker)},
        "runs": runs,
    }


def _run(job: Experiment, dense: nn.Module) -> dict[str, Any]:
    """One run, or what is kept of it; where nothing fits, the reason."""
    try:
        small = compress(job, dense)
    except ValueError as error:
        return {"reason": str(error)}
    mark, told = small.fingerprint(), job.out / f"{job.stem(job.recipe.name)}.json"
    kept = job.context.from_first(lambda: kept_result(told, mark))
    if kept is None:
        small.train()
        if job.context.is_first:
            row, facts = small.float_row(job.recipe.name), run_facts(mark)
            write_result(told, job.result([row], small.runs, plan=small.layout, **facts))
        kept = job.context.from_first(lambda: read_result(told))
    largest = max(small.plan.layers, key=lambda layer: np.prod(layer.reshape.shape))
    return {
        "dims": largest.reshape.dims,
        "rank": largest.rank,
        "energy_lost": energy_lost(small, dense),
        "row": kept["rows"][-1],
    }


def energy_lost(small: Compressed, dense: nn.Module) -> float:
    """Fraction of the energy of all compressed weights together that their truncated HOSVDs lose."""
    weights, total, kept = dense_weights(dense), 0.0, 0.0
    for layer in small.plan.layers:
        array = layer.reshape.apply(dense_array(weights[layer.name]).astype(np.float64))
        core, _ = hosvd(array, layer.rank)
        total, kept = total + float(np.sum(array**2)), kept + float(np.sum(core**2))
    return 1 - kept / total


def shapes_table(content: dict[str, Any]) -> str:
    """Format the study as text: order, dims, parameters, energy lost, errors."""
    head = (
        "order",
        "dims",
        "largest weight",
        "parameters",
        "energy lost",
        "val error",
        "test error",
    )
    return format_table([head, *_rows(content)])


def _rows(content: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for run in content["runs"]:
        if "row" not in run:
            yield (str(run["order"]), run["title"], run["reason"], "", "", "", "")
            continue
        row, dims = run["row"], " x ".join(map(str, run["dims"]))
        errors = (f"{row[name]:.2f} %" for name in ("val_error", "test_error"))
        sizes = (f"{row['params']:,}", f"{run['energy_lost']:.1%}")
        yield (str(run["order"]), run["title"], dims, *sizes, *errors)

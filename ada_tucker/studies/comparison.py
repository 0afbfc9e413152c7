"""All methods side by side: one dense network, and the same training, quantizer and coder for all.

Every run leaves a result beside its file and is not run again while that is there, so a comparison
that was broken off goes on with the same command. Where a method has nothing that fits, it says so.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn
from tqdm import tqdm

from ada_tucker.cli.terminal import show
from torch_bridge.benchmarks.compressed import compress
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.methods import METHODS
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.benchmarks.results import Row, kept_result, write_result
from torch_bridge.benchmarks.runs import dense_weights, run_compressed
from torch_bridge.state.fingerprint import digest_weights
from torch_bridge.state.progress import hidden
from tucker_core import format_table
from tucker_core.results import read_result


def compare(
    experiment: Experiment, dense_path: Path | None, recipes: Sequence[Recipe], seeds: Sequence[int]
) -> dict[str, Any]:
    """Run every recipe with every seed.

    Parameters
    ----------
    experiment : benchmark, images, folders
    dense_path : weights of the dense network; None trains one, if that run is not there yet
    recipes : methods and sizes, whose trainings are the same
    seeds : of all that is drawn after the dense network

    Returns
    -------
    content of the result file; its "runs" have a row each, or the reason why there is none
    """
    dense = experiment.load(dense_path or dense_weights(experiment))
    row, context = experiment.dense_row("dense", dense), experiment.context
    runs = []
    jobs = [(recipe, seed) for seed in seeds for recipe in recipes]
    shown = experiment.progress and context.is_first
    for recipe, seed in tqdm(jobs, "compare", unit="run", disable=hidden(shown)):
        out = (experiment.folder or experiment.out) / "compare" / _bits(recipe, recipes)
        runs.append(_run(replace(experiment, recipe=recipe, seed=seed, out=out), dense, row))
    stages = {name: asdict(getattr(recipes[0], name)) for name in ("tucker", "qat")}
    return {
        "benchmark": experiment.benchmark,
        "data_set": experiment.images.name,
        "seeds": list(seeds),
        "dense": asdict(row),
        "dense_weights": digest_weights(dense),
        "recipe": stages,
        "runs": runs,
    }


def _run(job: Experiment, dense: nn.Module, row: Row) -> dict[str, Any]:
    """One run, or what is kept of it; where nothing fits, the reason."""
    recipe, stem = job.recipe, job.out / job.stem(job.recipe.name)
    head = {"method": recipe.method, "ratio": recipe.ratio, "bits": recipe.bits, "seed": job.seed}
    try:
        small = compress(job, dense)
    except ValueError as error:
        return head | {"reason": str(error)}
    mark, told = small.fingerprint(), stem.with_name(f"{stem.name}.json")
    kept = job.context.from_first(lambda: kept_result(told, mark))
    if kept is None:
        run_compressed(small, stem, row)
        kept = job.context.from_first(lambda: read_result(told))
    return head | {"row": kept["rows"][-1]}


def _bits(recipe: Recipe, recipes: Sequence[Recipe]) -> str:
    """Folder of a run: that of its bits where these differ among runs of one name."""
    others = {other.bits for other in recipes if other.name == recipe.name}
    return f"{recipe.bits:.3g}bit" if len(others) > 1 else ""


def comparison_table(content: dict[str, Any]) -> str:
    """Format a comparison as text: every method, size and rate with all its seeds."""
    dense = content["dense"]
    rows = [("method", "target", "parameters", "bytes", "val error", "test error, each seed")]
    rows.append(("dense", "", *_sizes([dense]), *_percent([dense])))
    found: dict[tuple[Any, ...], list[Any]] = {}
    for run in content["runs"]:
        order = list(METHODS).index(run["method"]), run["ratio"], run.get("bits", 0)
        found.setdefault((order, run["method"], run["ratio"]), []).append(run)
    for (_, method, ratio), runs in sorted(found.items()):
        done = [run["row"] for run in runs if "row" in run]
        cells = (*_sizes(done), *_percent(done)) if done else (runs[0]["reason"], "", "", "")
        rows.append((METHODS[method].title, f"{ratio:g}x", *cells))
    return format_table(rows)


def _sizes(rows: list[dict[str, Any]]) -> tuple[str, str]:
    """Parameters and bytes, one each."""
    params, sizes = (", ".join(f"{row[k]:,}" for row in rows) for k in ("params", "n_bytes"))
    return params, sizes


def _percent(rows: list[dict[str, Any]]) -> tuple[str, str]:
    """Errors before and on the test images, one each."""
    val, test = (", ".join(f"{row[k]:.2f}" for row in rows) for k in ("val_error", "test_error"))
    return f"{val} %", f"{test} %"


def show_comparison(
    content: dict[str, Any], stem: Path, *, by_rate: bool = False, as_json: bool
) -> None:
    """Write the result, draw it beside itself, print it."""
    from course_kit.figures.comparison import compare_figure, rates_figure
    from course_kit.plots import save_figure

    content = write_result(stem.with_suffix(".json"), content)
    draw = rates_figure if by_rate else compare_figure
    save_figure(draw(content), stem.with_suffix(".png"))
    show(json.dumps(content, indent=1) if as_json else comparison_table(content))

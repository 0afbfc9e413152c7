"""All methods side by side: one dense network, and the same training, quantizer and coder for all.

Every run leaves a result beside its file and is not run again while that is there, so a comparison
that was broken off goes on with the same command. Where a method has nothing that fits, it says so.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ada_tucker.cli.terminal import show
from torch_bridge.benchmarks.methods import METHODS
from torch_bridge.benchmarks.results import command_line, environment, kept_result
from torch_bridge.benchmarks.runs import Bench
from torch_bridge.benchmarks.twins import Wish, begin, dense_row
from torch_bridge.state.fingerprint import digest_weights
from torch_bridge.state.progress import hidden
from torch_bridge.training.config import TrainConfig
from tucker_core import format_table
from tucker_core.files import write_json
from tucker_core.json_file import read_json


def compare(
    bench: Bench, dense_path: Path | None, dense: TrainConfig, wishes: Sequence[Wish],
    seeds: Sequence[int], tucker: TrainConfig, rounding: TrainConfig,
) -> dict[str, Any]:  # fmt: skip
    """Run every wish with every seed.

    Parameters
    ----------
    bench : benchmark, images, folders
    dense_path : weights of the dense network; None trains one, if that run is not there yet
    dense : how that is trained
    wishes : methods and sizes
    seeds : of all that is drawn after the dense network
    tucker, rounding : how every twin is trained before and after its numbers are rounded

    Returns
    -------
    content of the result file; its "runs" have a row each, or the reason why there is none
    """
    path = dense_path or bench.dense_weights(dense)
    runs = []
    jobs = [(wish, seed) for seed in seeds for wish in wishes]
    bar = tqdm(
        jobs, "compare", unit="run", disable=hidden(bench.progress and bench.context.is_first)
    )
    for wish, seed in bar:
        job = replace(bench, seed=seed, out=(bench.folder or bench.out) / "compare")
        runs.append(_run(job, path, wish, tucker, rounding))
    model = bench.load(path).to(bench.context.device)
    return {
        "command": command_line(),
        "benchmark": bench.benchmark.name,
        "data_set": bench.images.name,
        "seeds": list(seeds),
        "dense": asdict(dense_row(bench, model)),
        "dense_weights": digest_weights(model),
        "regimes": {"tucker": asdict(tucker), "rounding": asdict(rounding)},
        "runs": runs,
        **environment(),
    }


def _run(
    bench: Bench, dense: Path, wish: Wish, tucker: TrainConfig, rounding: TrainConfig
) -> dict[str, Any]:
    """One run, or what is kept of it; where nothing fits, the reason."""
    head = {"method": wish.method, "ratio": wish.ratio, "seed": bench.seed}
    path = bench.out / f"{bench.stem(f'{wish.name}-{tucker.epochs + rounding.epochs}')}.json"
    try:
        twin = begin(bench, dense, wish)
    except ValueError as error:
        return head | {"reason": str(error)}
    mark, context = twin.mark(tucker, rounding), bench.context
    kept = context.from_first(lambda: kept_result(path, mark))
    if kept is None:
        twin.finish(tucker, rounding)
        kept = context.from_first(lambda: read_json(path))
    return head | {"row": kept["rows"][-1]}


def comparison_table(content: dict[str, Any]) -> str:
    """Format a comparison as text: every method and size with all its seeds."""
    dense = content["dense"]
    rows = [("method", "wanted", "bytes", "val error", "test error, each seed")]
    rows.append(("dense", "", f"{dense['n_bytes']:,}", *_percent([dense])))
    for method in METHODS:
        mine = [run for run in content["runs"] if run["method"] == method]
        for ratio in sorted({run["ratio"] for run in mine}):
            found = [run for run in mine if run["ratio"] == ratio]
            done = [run["row"] for run in found if "row" in run]
            sizes = ", ".join(f"{row['n_bytes']:,}" for row in done)
            cells = (sizes, *_percent(done)) if done else (found[0]["reason"], "", "")
            rows.append((METHODS[method].title, f"{ratio:g}x", *cells))
    return format_table(rows)


def _percent(rows: list[dict[str, Any]]) -> tuple[str, str]:
    """Errors before and on the test images, one each."""
    val, test = (", ".join(f"{row[k]:.2f}" for row in rows) for k in ("val_error", "test_error"))
    return f"{val} %", f"{test} %"


def show_comparison(content: dict[str, Any], stem: Path, *, as_json: bool) -> None:
    """Write the result, draw it beside itself, print it."""
    from course_kit.figures.comparison import compare_figure
    from course_kit.plots import save_figure

    write_json(stem.with_suffix(".json"), content)
    save_figure(compare_figure(content), stem.with_suffix(".png"))
    show(json.dumps(content, indent=1) if as_json else comparison_table(content))

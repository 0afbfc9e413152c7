"""Reproduce the records: `python -m tools.release.records [--models lenet5] [--recipes small]`.

Every recipe of `torch_bridge.benchmarks.recipes.RECORDS` is run for every seed that has no result yet, as
`ada-tucker compress MODEL --recipe NAME --seed K`; an interrupted call goes on with the same command.
Then the file of each recipe with the least validation error (of equals the smallest) is taken into
data/models/, and the pictures are drawn anew. The test images have no say in it.
"""

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from ada_tucker.cli.demo import draw
from course_kit.figures.pareto import pareto_figure
from course_kit.notebook.results import chosen, record_runs, results
from course_kit.plots import save_figure
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.images import Digits
from torch_bridge.benchmarks.methods import METHODS
from torch_bridge.benchmarks.recipes import RECORDS, Recipe, recipe_for
from torch_bridge.benchmarks.results import Row
from torch_bridge.datasets import load_mnist
from torch_bridge.training.config import TrainConfig
from tucker_core.results import read_result

ROOT = Path(__file__).resolve().parents[2]
RESULTS, MODELS, PICTURES = ROOT / "results", ROOT / "data" / "models", ROOT / "docs" / "img"
FILES = ROOT / "runs" / "records"
SHOWN = ("lenet5", "small")  # the one on README's first screen


def run_missing(model: str, recipe: str, seed: int) -> None:
    """Run one recipe with one seed if there is no result of it as it is today."""
    result = RESULTS / f"record_{model}_{recipe}_seed{seed}.json"
    if result.exists():
        if is_of(result, RECORDS[model, recipe]):
            return
        print(f"{result.name} is of an older {recipe}; it is made anew", flush=True)
    out = FILES / f"{model}_{recipe}_seed{seed}.ada"
    command = ["compress", model, "--recipe", recipe, "--seed", str(seed)]
    places = ["--out", str(out.relative_to(ROOT)), "--result", str(result.relative_to(ROOT))]
    print(f"ada-tucker {' '.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", "ada_tucker", *command, *places], cwd=ROOT, check=True)


def is_of(result: Path, recipe: Recipe) -> bool:
    """Whether a result was made with these very settings; such as were not yet there had one value."""
    settings = json.loads(json.dumps(asdict(recipe)))
    return _agrees(read_result(result).get("recipe"), settings)


def _agrees(known: Any, today: Any, kind: type = Recipe) -> bool:
    """Whether today's settings are the known ones, and the defaults for what was no setting then."""
    if not (isinstance(known, dict) and isinstance(today, dict)):
        return bool(known == today)
    missing = {name: today[name] for name in today.keys() - known.keys()}
    defaults = {field.name: field.default for field in fields(kind)}
    return (
        known.keys() <= today.keys()
        and all(_agrees(known[name], today[name], TrainConfig) for name in known)
        and all(defaults.get(name, ...) == value for name, value in missing.items())
    )


def ship(model: str, recipe: str) -> Path | None:
    """Take the chosen file of a recipe into data/models/."""
    run = chosen(model, recipe)
    if run is None:
        return None
    source = FILES / f"{model}_{recipe}_seed{run['seed']}.ada"
    target = MODELS / f"{model}_{recipe}.ada"
    if source.exists() and source.stat().st_size == run["rows"][0]["n_bytes"]:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return target


def draw_shown() -> None:
    """Draw the digits, the bytes to scale and the QR code of the network that README shows."""
    model, recipe = SHOWN
    run = chosen(model, recipe)
    if run is None:
        return
    data = load_mnist(None)
    if data.name != run["data_set"]:
        print(f"no pictures: {run['data_set']} is needed, {data.name} is here", file=sys.stderr)
        return
    FILES.mkdir(parents=True, exist_ok=True)
    path = FILES / f"{model}.ada"
    shutil.copyfile(MODELS / f"{model}_{recipe}.ada", path)
    images = Digits(data, torch.device("cpu"))
    experiment = Experiment(model, images, recipe_for(model, data.name))
    draw(experiment, path, [Row(**run["rows"][0])])
    for picture in (f"{model}.png", f"{model}_qr.png", f"{model}_qr.svg"):
        shutil.copyfile(FILES / picture, PICTURES / picture)


def draw_pareto(model: str) -> None:
    """Draw all runs of a model beside the published records."""
    series: dict[str, list[tuple[int, float]]] = {}
    for name in (recipe for known, recipe in RECORDS if known == model):
        runs = record_runs(model, name)
        points = [(run["rows"][0]["n_bytes"], run["rows"][0]["test_error"]) for run in runs]
        if points:
            title = f"{METHODS[RECORDS[model, name].method].title}, {name} (ours, whole file)"
            series[title] = points
    dense = [row for run in results(f"demo_{model}_mnist_seed0.json") for row in run["rows"][:2]]
    levels = {f"our {row['name']}": row["test_error"] for row in dense}
    if series:
        save_figure(pareto_figure(model, series, levels), PICTURES / f"pareto_{model}.png", dpi=110)


def main() -> int:
    """Run what is missing, ship the chosen files, draw the pictures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", nargs="*", default=sorted({m for m, _ in RECORDS}))
    options.add_argument("--recipes", nargs="*", default=sorted({r for _, r in RECORDS}))
    options.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    options.add_argument("--no-run", action="store_true", help="only ship and draw what is there")
    arguments = options.parse_args()
    wanted = [(m, r) for m, r in RECORDS if m in arguments.models and r in arguments.recipes]
    for model, recipe in wanted:
        for seed in [] if arguments.no_run else arguments.seeds:
            run_missing(model, recipe, seed)
        print(ship(model, recipe))
    draw_shown()
    for model in arguments.models:
        draw_pareto(model)
    return 0


if __name__ == "__main__":
    sys.exit(main())

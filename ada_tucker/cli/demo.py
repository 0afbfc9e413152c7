"""The main job, end to end: a dense LeNet, a compressed one, its file, read back and tested."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from ada_tucker.cli.experiment import experiment_of, show_result
from ada_tucker.cli.options import (
    Sub,
    add_budget_options,
    add_training_options,
)
from ada_tucker.cli.preflight import check_course, check_file, check_folder, check_size
from ada_tucker.cli.terminal import show
from torch_bridge.benchmarks.compressed import compress
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.results import Result, Row, write_result
from torch_bridge.compression.load_network import load_network
from torch_bridge.models import LENETS, build_model
from torch_bridge.training.evaluate import predict
from tucker_core import load


def run_demo(experiment: Experiment, out: Path, max_bytes: int | None = None) -> Result:
    """Train, compress, write, read back and test; leaves file, table, pictures and JSON in a folder.

    Parameters
    ----------
    experiment : model, data, recipe, seed and device
    out : folder for `<model>.ada`, `<model>.png`, `<model>_qr.svg`, `<model>_qr.png`, `result.json`
    max_bytes : largest file; by default the steps are chosen by the recipe alone

    Returns
    -------
    one row for each dense net and one for the file
    """
    small = compress(experiment)
    check_size(small, max_bytes)
    rows = []
    for augment in (False, True):
        model, trained = experiment.train_dense(augment=augment)
        kind = "with augmentation" if augment else "no augmentation"
        rows.append(experiment.dense_row(f"dense, {kind}", model, trained))
    small.train()
    small.quantize(max_bytes)
    path = out / f"{experiment.model_name}.ada"
    rows.append(small.write(path, f"{path.name}, decoded"))
    draw(experiment, path, rows)
    result = experiment.result(rows, {"dense": trained, **small.runs})
    write_result(out / "result.json", result)
    return result


def demo_files(model_name: str) -> list[str]:
    """Names of the files that the demo leaves.

    Examples
    --------
    >>> demo_files("lenet5")[0]
    'lenet5.ada'
    """
    pictures = (f"{model_name}{ending}" for ending in (".ada", ".png", "_qr.svg", "_qr.png"))
    return [*pictures, "result.json"]


def draw(experiment: Experiment, path: Path, rows: list[Row]) -> None:
    """Draw digits with the decoded network's answers, the bytes to scale, and the QR code."""
    from course_kit.notebook.qr import QR_CAPACITY, write_qr
    from course_kit.plots import demo_figure, pick_digits, save_figure

    test: Any = experiment.images.test
    network = load(path)
    model = load_network(build_model(experiment.model_name), network).to(experiment.context.device)
    images, labels = test.images, test.labels
    said = predict(model, images).argmax(1).numpy()
    shown = list(pick_digits(labels.numpy(), said, count=24, n_wrong=6))
    error = f"{rows[-1].test_error:.2f} % wrong of {len(images):,} test images ({experiment.images.name})"
    figure = demo_figure(
        images.numpy()[shown], labels.numpy()[shown], np.asarray(said)[shown],
        (network.dense_bytes, rows[-1].n_bytes), f"What {path.name} reads: {error}",
    )  # fmt: skip
    save_figure(figure, path.with_suffix(".png"))
    if rows[-1].n_bytes <= QR_CAPACITY:
        for suffix in (".svg", ".png"):
            write_qr(path.read_bytes(), path.with_name(f"{path.stem}_qr{suffix}"))


def demo(arguments: Namespace) -> None:
    """Train a dense net and a compressed one, write the file, test it, show the table."""
    check_course()
    check_folder(arguments.out)
    for name in demo_files(arguments.model):
        check_file(arguments.out / name, Path(name).suffix)
    experiment = experiment_of(arguments)
    experiment.folder = arguments.runs / "demo"
    result = run_demo(experiment, arguments.out, arguments.max_bytes)
    for checkpoint in experiment.checkpoints:  # done: the next demo trains anew
        for suffix in (".npz", ".csv", ".json"):  # weights, and the history beside them
            checkpoint.with_suffix(suffix).unlink(missing_ok=True)
    show_result(arguments, result)
    show(f"\nfile, pictures and QR code: {arguments.out}{os.sep}", aside=True)


def add_demo(sub: Sub) -> None:
    """Describe `ada-tucker demo`."""
    command = sub.add_parser("demo", help="shrink a LeNet, end to end, and show what came of it")
    command.add_argument("model", nargs="?", default="lenet5", choices=sorted(LENETS))
    command.add_argument(
        "--out", type=Path, default=Path("demo_output"), help="folder for file, pictures, JSON"
    )
    add_training_options(command)
    add_budget_options(command)
    command.set_defaults(run=demo)

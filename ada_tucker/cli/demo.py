"""The main job, end to end: a dense LeNet, its Tucker twin, a file, the file read back and tested."""

import os
from argparse import Namespace
from pathlib import Path

import numpy as np

from ada_tucker.cli.experiment import experiment_of, show_rows
from ada_tucker.cli.options import (
    Sub,
    add_budget_options,
    add_training_options,
)
from ada_tucker.cli.preflight import check_budget, check_course, check_file, check_folder
from ada_tucker.cli.terminal import show
from torch_bridge.benchmarks.experiment import Experiment, Row
from torch_bridge.benchmarks.results import result_content
from torch_bridge.compression.load_network import load_network
from torch_bridge.models import LENETS, build_model
from torch_bridge.training.evaluate import predict
from tucker_core import load, save
from tucker_core.files import write_json


def run_demo(experiment: Experiment, out: Path, max_bytes: int | None = None) -> list[Row]:
    """Train, compress, write, read back and test; leaves file, table, pictures and JSON in a folder.

    Parameters
    ----------
    experiment : model, data, recipe, seed and device
    out : folder for `<model>.ada`, `<model>.png`, `<model>_qr.svg`, `<model>_qr.png`, `result.json`
    max_bytes : largest file wanted; by default the rounding is chosen by validation error alone

    Returns
    -------
    one row for each dense net and one for the file
    """
    name = experiment.model_name
    check_budget(experiment, max_bytes)
    rows = []
    for augment in (False, True):
        model, result = experiment.train_dense(augment=augment)
        kind = "with augmentation" if augment else "no augmentation"
        rows.append(experiment.dense_row(f"dense, {kind}", model, result))
    twin, _, floats = experiment.train_tucker()
    network, val_error, rounded = experiment.round_in(twin, max_bytes)
    path = out / f"{name}.ada"
    save(path, network)
    seconds = floats.seconds + rounded.seconds
    rows.append(experiment.file_row(f"{path.name}, decoded", path, val_error, seconds))
    draw(experiment, path, rows)
    write_json(out / "result.json", result_content(experiment, rows))
    return rows


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

    network = load(path)
    model = load_network(build_model(experiment.model_name), network).to(experiment.device)
    images, labels = experiment.test
    said = predict(model, images).argmax(1).numpy()
    shown = list(pick_digits(labels.numpy(), said, count=24, n_wrong=6))
    error = (
        f"{rows[-1].test_error:.2f} % wrong of {len(images):,} test images ({experiment.data.name})"
    )
    figure = demo_figure(
        images.numpy()[shown], labels.numpy()[shown], np.asarray(said)[shown],
        (network.dense_bytes, rows[-1].n_bytes), f"What {path.name} reads: {error}",
    )  # fmt: skip
    save_figure(figure, path.with_suffix(".png"))
    if rows[-1].n_bytes <= QR_CAPACITY:
        for suffix in (".svg", ".png"):
            write_qr(path.read_bytes(), path.with_name(f"{path.stem}_qr{suffix}"))


def demo(arguments: Namespace) -> None:
    """Train a dense net and its Tucker twin, write the file, test it, show the table."""
    check_course()
    check_folder(arguments.out)
    for name in demo_files(arguments.model):
        check_file(arguments.out / name, Path(name).suffix)
    experiment = experiment_of(arguments)
    experiment.folder = arguments.runs / "demo"
    rows = run_demo(experiment, arguments.out, arguments.max_bytes)
    for checkpoint in experiment.checkpoints:  # done: the next demo trains anew
        for suffix in (".npz", ".csv", ".json"):  # weights, and the history beside them
            checkpoint.with_suffix(suffix).unlink(missing_ok=True)
    show_rows(arguments, experiment, rows)
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

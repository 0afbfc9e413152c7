"""The main job, end to end: a dense LeNet, its Tucker twin, a file, the file read back and tested."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from torch_bridge.benchmarks.experiment import Experiment, Row
from torch_bridge.benchmarks.results import command_line, environment
from torch_bridge.compression.load_network import load_network
from torch_bridge.models import build_model
from torch_bridge.preflight import check_budget
from torch_bridge.training.evaluate import predict
from tucker_core import format_table, load, save
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


def result_content(experiment: Experiment, rows: list[Row]) -> dict[str, object]:
    """Everything a reader needs to judge and to repeat a run."""
    return {
        "command": command_line(),
        "model": experiment.model_name,
        "data_set": experiment.data.name,
        "images": {
            "train": len(experiment.train_images),
            "validation": len(experiment.validation[0]),
            "test": len(experiment.test[0]),
        },
        "seed": experiment.seed,
        "recipe": asdict(experiment.recipe),
        "rows": [asdict(row) for row in rows],
        **environment(),
    }


def draw(experiment: Experiment, path: Path, rows: list[Row]) -> None:
    """Draw digits with the decoded network's answers, the bytes to scale, and the QR code."""
    from course_kit.plots import demo_figure, pick_digits, save_figure
    from course_kit.qr import QR_CAPACITY, write_qr

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


def rows_table(rows: list[Row], data_set: str) -> str:
    """Format the rows as the text table that the command prints."""
    head = (data_set, "parameters", "bytes", "ratio", "val error", "test error", "seconds")
    body = [
        (
            row.name, f"{row.params:,}", f"{row.n_bytes:,}", f"{row.ratio:,.0f}x",
            f"{row.val_error:.2f} %", f"{row.test_error:.2f} %", f"{row.seconds:.0f}",
        )
        for row in rows
    ]  # fmt: skip
    return format_table([head, *body])

"""What each command of `ada-tucker` does with its parsed arguments."""

import json
import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from torch_bridge.benchmarks.experiment import Experiment, Row
from torch_bridge.benchmarks.images import load_images
from torch_bridge.benchmarks.networks import image_set_of, open_dense, open_network
from torch_bridge.benchmarks.recipes import Recipe, recipe_for
from torch_bridge.datasets import DataSet, load_mnist
from torch_bridge.demo import demo_files, result_content, rows_table, run_demo
from torch_bridge.layouts import layout
from torch_bridge.preflight import check_apart, check_budget, check_file, check_folder
from torch_bridge.state.tensors import write_tensors
from torch_bridge.terminal import show
from torch_bridge.training import error_rate
from torch_bridge.training.distributed import check_alone
from torch_bridge.training.evaluate import check_device, evaluate
from tucker_core import CompressedNetwork, coded_bits, format_table, load, save
from tucker_core.files import write_json

_Measure: TypeAlias = tuple[str, int, Callable[[nn.Module], float]]
SEEN = (
    "MNIST-5k is a part of MNIST's training set: a network trained on the full MNIST has seen these "
    "images, and errs less on them than on new ones"
)


def demo(arguments: Namespace) -> None:
    """Train a dense net and its Tucker twin, write the file, test it, show the table."""
    check_folder(arguments.out)
    for name in demo_files(arguments.model):
        check_file(arguments.out / name, Path(name).suffix)
    experiment = experiment_of(arguments)
    experiment.folder = arguments.runs / "demo"
    rows = run_demo(experiment, arguments.out, arguments.max_bytes)
    for checkpoint in experiment.checkpoints:  # done: the next demo trains anew
        checkpoint.unlink(missing_ok=True)
    _show(arguments, experiment, rows)
    show(f"\nfile, pictures and QR code: {arguments.out}{os.sep}", aside=True)


def train(arguments: Namespace) -> None:
    """Train a dense net and write its weights as an .npz file."""
    out = arguments.out or Path(f"{arguments.model}.npz")
    check_file(out, ".npz")
    check_file(arguments.result, ".json", option="--result")
    check_apart([out, arguments.result])
    experiment = experiment_of(arguments)
    augment = not arguments.no_augment
    model, result = experiment.train_dense(augment=augment)
    write_tensors(out, dict(model.named_parameters()))
    kind = "with augmentation" if augment else "no augmentation"
    _report(arguments, experiment, [experiment.dense_row(f"dense, {kind}", model, result)])


def compress(arguments: Namespace) -> None:
    """Train a net in Tucker form, round it, write the .ada file and test what it decodes to."""
    if arguments.no_rounding and arguments.out is not None:
        raise ValueError(f"--no-rounding writes no file; leave --out {arguments.out} away")
    out = None if arguments.no_rounding else arguments.out or Path(f"{arguments.model}.ada")
    check_file(out, ".ada")
    check_file(arguments.result, ".json", option="--result")
    check_apart([out, arguments.result], [arguments.dense])
    dense = None
    if arguments.dense is not None:
        _, dense = open_dense(arguments.dense, arguments.model)
    experiment = experiment_of(arguments)
    if dense is not None:
        dense = dense.to(experiment.device).eval()
    check_budget(experiment, arguments.max_bytes)
    model, report, floats = experiment.train_tucker(start=arguments.start, dense=dense)
    if out is None:
        row = experiment.float_row("float32 numbers, no file", model, floats)
    else:
        network, val_error, rounded = experiment.round_in(model, arguments.max_bytes)
        save(out, network)
        seconds = experiment.teacher_seconds + floats.seconds + rounded.seconds
        row = experiment.file_row(f"{out.name}, decoded", out, val_error, seconds)
    if not arguments.json:
        show(f"{report.plan.table()}\n")
    _report(arguments, experiment, [row])


def evaluate_files(arguments: Namespace) -> None:
    """Decode each file, test it as an ordinary dense network and show size and error."""
    device = check_device(arguments.device)
    networks = {path: open_network(path) for path in arguments.files}
    measures: dict[str, _Measure] = {}
    results = []
    for path, opened in networks.items():
        name = image_set_of(opened.architecture, arguments.data)
        if name not in measures:
            measures[name] = _measure_of(name, arguments, device)
        data_set, count, error = measures[name]
        results.append(
            {
                "file": str(path),
                "model": opened.architecture,
                "data_set": data_set,
                "test_images": count,
                "params": opened.params,
                "bytes": opened.n_bytes,
                "ratio": opened.ratio,
                "test_error": error(opened.model.to(device)),
            }
        )
    if arguments.json:
        show(json.dumps(results[0] if len(results) == 1 else results, indent=1))
    else:
        show(_evaluation_table(results))


def _measure_of(name: str, arguments: Namespace, device: torch.device) -> _Measure:
    """Title and number of a data set's test images, and what tells a network's error on them."""
    if name != "mnist":
        images = load_images(name, arguments.data_dir, device)
        return images.name, len(images.test), lambda model: error_rate(model, images.test)
    data = _data(arguments)
    if data.name == "MNIST-5k":
        show(f"note: {SEEN}", aside=True)
    digits = torch.from_numpy(data.test_images.copy())
    labels = torch.from_numpy(data.test_labels.copy())
    return data.name, len(labels), lambda model: evaluate(model, digits, labels)


def inspect(arguments: Namespace) -> None:
    """Show what a file holds, layer by layer."""
    network = load(arguments.file)
    bits = coded_bits(network)
    if arguments.json:
        show(json.dumps(_inspection(network, bits), indent=1))
        return
    coded = sum(bits.values()) / 8
    show(f"{arguments.file}: {network.architecture}, {network.n_bytes:,} bytes\n")
    show(network.table(bits))
    size = network.n_bytes or 0
    show(
        f"\n{network.n_params:,} numbers coded in {coded:,.0f} bytes; header, models and checksum: "
        f"{size - coded:,.0f} bytes\n"
        f"dense network: {network.dense_bytes:,} bytes, {network.dense_bytes / size:,.0f} times this "
        "file (decoder and architecture code are not counted)"
    )


def qr(arguments: Namespace) -> None:
    """Write the file's bytes as a QR code."""
    from course_kit.qr import make_qr, write_qr

    outs = arguments.out or [
        arguments.file.with_name(f"{arguments.file.stem}_qr{s}") for s in (".svg", ".png")
    ]
    for out in outs:
        check_file(out, ".svg", ".png")
    check_apart(outs, [arguments.file])
    load(arguments.file)  # only a whole and undamaged file is worth printing
    content = arguments.file.read_bytes()
    for out in outs:
        write_qr(content, out)
        show(f"{out}: {len(content):,} bytes in a QR code of version {make_qr(content).designator}")


def experiment_of(arguments: Namespace, recipe: Recipe | None = None) -> Experiment:
    """Model, data, recipe (by default that of the options) and device that a command names."""
    check_alone()
    device = check_device(arguments.device).type
    check_folder(arguments.runs, option="--runs")
    data = _data(arguments)
    return Experiment(
        arguments.model, data, recipe or _recipe(arguments, data.name), seed=arguments.seed,
        device=device, folder=arguments.runs, progress=not arguments.quiet,
    )  # fmt: skip


def changed_recipe(recipe: Recipe, arguments: Namespace) -> Recipe:
    """The recipe with the epochs and learning rate of the options, before rounding."""
    changes: dict[str, Any] = {
        k: v for k in ("epochs", "lr") if (v := getattr(arguments, k)) is not None
    }
    return replace(
        recipe,
        dense=replace(recipe.dense, **changes),
        tucker=replace(recipe.tucker, **changes),
    )


def _recipe(arguments: Namespace, data_set: str) -> Recipe:
    known = recipe_for(arguments.model, data_set, getattr(arguments, "recipe", "demo"))
    recipe = changed_recipe(known, arguments)
    distil = getattr(arguments, "distil", None)
    if distil is not None:
        recipe = replace(
            recipe,
            tucker=replace(recipe.tucker, distil=distil),
            rounding=replace(recipe.rounding, distil=distil),
        )
    options = ("budget", "levels", "method")
    wanted = {k: v for k in options if (v := getattr(arguments, k, None)) is not None}
    if {"budget", "method"} & set(wanted):  # then the recipe's own dims and ranks are off
        wanted |= {"layers": (), "shared": ()}
    dims, order = getattr(arguments, "dims", None), getattr(arguments, "order", None)
    if dims is not None or order is not None:
        method, budget = wanted.get("method", recipe.method), wanted.get("budget", recipe.budget)
        chosen = {"dims": dims or "auto", "order": order, "shared": method == "scada"}
        wanted |= {"layers": layout(arguments.model, budget, **chosen), "shared": ()}
    rate = getattr(arguments, "rate", None)
    if rate is not None:
        wanted["rounding"] = replace(recipe.rounding, rate=rate)
    return replace(recipe, **wanted)


def _data(arguments: Namespace) -> DataSet:
    quiet = getattr(arguments, "quiet", False)
    return load_mnist(arguments.data_dir, offline=arguments.offline or None, progress=not quiet)


def _report(arguments: Namespace, experiment: Experiment, rows: list[Row]) -> None:
    if arguments.result is not None:
        write_json(arguments.result, result_content(experiment, rows))
    _show(arguments, experiment, rows)


def _show(arguments: Namespace, experiment: Experiment, rows: list[Row]) -> None:
    if arguments.json:
        show(json.dumps(result_content(experiment, rows), indent=1))
    else:
        show(rows_table(rows, experiment.data.name))


def _evaluation_table(results: list[dict[str, Any]]) -> str:
    head = ("file", "model", "data set", "numbers", "bytes", "ratio", "test error")
    body = [
        (
            r["file"], r["model"], r["data_set"], f"{r['params']:,}", f"{r['bytes']:,}",
            f"{r['ratio']:,.0f}x", f"{r['test_error']:.2f} %",
        )
        for r in results
    ]  # fmt: skip
    return format_table([head, *body])


def _inspection(network: CompressedNetwork, bits: dict[str, float]) -> dict[str, Any]:
    layers = [
        {
            "name": p.name, "shape": p.reshape.shape, "dims": p.reshape.dims,
            "core": p.core.shape, "numbers": p.n_params, "bits": bits[p.name],
        }
        for p in network.parameters
    ]  # fmt: skip
    return {
        "architecture": network.architecture, "bytes": network.n_bytes, "numbers": network.n_params,
        "dense_bytes": network.dense_bytes, "layers": layers,
    }  # fmt: skip

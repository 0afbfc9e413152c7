"""What each command of `ada-tucker` does with its parsed arguments."""

import json
import os
import shutil
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torch_bridge.arrays import read_tensors, write_tensors
from torch_bridge.datasets import DataSet, load_mnist
from torch_bridge.demo import result_content, rows_table, run_demo
from torch_bridge.inference import evaluate
from torch_bridge.layouts import layout
from torch_bridge.models import LENETS, MODELS, build_model
from torch_bridge.pipeline import Experiment, Row, check_device
from torch_bridge.recipes import Recipe, recipe_for
from torch_bridge.results import write_json
from torch_bridge.storage import load_network
from torch_bridge.training.parallel import check_alone
from tucker_core import (
    ARCHITECTURES,
    CompressedNetwork,
    coded_bits,
    dense_params,
    format_table,
    load,
    save,
)

SEEN = (
    "MNIST-5k is a part of MNIST's training set: a network trained on the full MNIST has seen these "
    "images, and errs less on them than on new ones"
)


def demo(arguments: Namespace) -> None:
    """Train a dense net and its Tucker twin, write the file, test it, show the table."""
    experiment = experiment_of(arguments)
    experiment.folder = arguments.runs / "demo"
    rows = run_demo(experiment, arguments.out, arguments.max_bytes)
    shutil.rmtree(experiment.folder, ignore_errors=True)  # done: the next demo trains anew
    _show(arguments, experiment, rows)
    print(f"\nfile, pictures and QR code: {arguments.out}{os.sep}", file=sys.stderr)


def train(arguments: Namespace) -> None:
    """Train a dense net and write its weights as an .npz file."""
    experiment = experiment_of(arguments)
    augment = not arguments.no_augment
    model, result = experiment.train_dense(augment=augment)
    out = arguments.out or Path(f"{arguments.model}.npz")
    write_tensors(out, dict(model.named_parameters()))
    kind = "with augmentation" if augment else "no augmentation"
    _report(arguments, experiment, [experiment.dense_row(f"dense, {kind}", model, result)])


def compress(arguments: Namespace) -> None:
    """Train a net in Tucker form, round it, write the .ada file and test what it decodes to."""
    if arguments.no_rounding and arguments.out is not None:
        raise ValueError(f"--no-rounding writes no file; leave --out {arguments.out} away")
    dense = None if arguments.dense is None else _load_dense(arguments.dense, arguments.model)
    experiment = experiment_of(arguments)
    if dense is not None:
        dense = dense.to(experiment.device).eval()
    model, report, floats = experiment.train_tucker(start=arguments.start, dense=dense)
    if arguments.no_rounding:
        row = experiment.float_row("float32 numbers, no file", model, floats)
    else:
        network, val_error, rounded = experiment.round_in(model, arguments.max_bytes)
        out = arguments.out or Path(f"{arguments.model}.ada")
        save(out, network)
        seconds = experiment.teacher_seconds + floats.seconds + rounded.seconds
        row = experiment.file_row(f"{out.name}, decoded", out, val_error, seconds)
    if not arguments.json:
        print(f"{report.plan.table()}\n")
    _report(arguments, experiment, [row])


def evaluate_files(arguments: Namespace) -> None:
    """Decode each file, test it as an ordinary dense network and show size and error."""
    device = check_device(arguments.device)
    networks = {path: _open(path) for path in arguments.files}
    data = _data(arguments)
    if data.name == "MNIST-5k":
        print(f"note: {SEEN}", file=sys.stderr)
    images, labels = (
        torch.from_numpy(data.test_images.copy()),
        torch.from_numpy(data.test_labels.copy()),
    )
    results = []
    for path, (model, params, dense_bytes, architecture) in networks.items():
        size = path.stat().st_size if path.suffix != ".npz" else 4 * params
        results.append(
            {
                "file": str(path),
                "model": architecture,
                "data_set": data.name,
                "test_images": len(images),
                "params": params,
                "bytes": size,
                "ratio": dense_bytes / size,
                "test_error": evaluate(model.to(device), images, labels),
            }
        )
    if arguments.json:
        print(json.dumps(results[0] if len(results) == 1 else results, indent=1))
    else:
        print(_evaluation_table(results))


def inspect(arguments: Namespace) -> None:
    """Show what a file holds, layer by layer."""
    network = load(arguments.file)
    bits = coded_bits(network)
    if arguments.json:
        print(json.dumps(_inspection(network, bits), indent=1))
        return
    coded = sum(bits.values()) / 8
    print(f"{arguments.file}: {network.architecture}, {network.n_bytes:,} bytes\n")
    print(network.table(bits))
    size = network.n_bytes or 0
    print(
        f"\n{network.n_params:,} numbers coded in {coded:,.0f} bytes; header, models and checksum: "
        f"{size - coded:,.0f} bytes\n"
        f"dense network: {network.dense_bytes:,} bytes, {network.dense_bytes / size:,.0f} times this "
        "file (decoder and architecture code are not counted)"
    )


def qr(arguments: Namespace) -> None:
    """Write the file's bytes as a QR code."""
    from course_kit.qr import make_qr, write_qr

    load(arguments.file)  # only a whole and undamaged file is worth printing
    content = arguments.file.read_bytes()
    outs = arguments.out or [
        arguments.file.with_name(f"{arguments.file.stem}_qr{s}") for s in (".svg", ".png")
    ]
    for out in outs:
        write_qr(content, out)
        print(
            f"{out}: {len(content):,} bytes in a QR code of version {make_qr(content).designator}"
        )


def experiment_of(arguments: Namespace) -> Experiment:
    """Model, data, recipe and device that the arguments of a command name."""
    check_alone()
    check_device(arguments.device)
    data = _data(arguments)
    recipe = _recipe(arguments, data.name)
    return Experiment(
        arguments.model, data, recipe, seed=arguments.seed, device=arguments.device,
        folder=arguments.runs, progress=not arguments.quiet,
    )  # fmt: skip


def _recipe(arguments: Namespace, data_set: str) -> Recipe:
    recipe = recipe_for(arguments.model, data_set, getattr(arguments, "recipe", "demo"))
    changes: dict[str, Any] = {
        k: v for k in ("epochs", "lr") if (v := getattr(arguments, k)) is not None
    }
    distil = getattr(arguments, "distil", None)
    recipe = replace(
        recipe,
        dense=replace(recipe.dense, **changes),
        tucker=replace(recipe.tucker, **changes),
    )
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
    return load_mnist(arguments.data_dir, offline=arguments.offline or None)


def _report(arguments: Namespace, experiment: Experiment, rows: list[Row]) -> None:
    if arguments.result is not None:
        write_json(arguments.result, result_content(experiment, rows))
    _show(arguments, experiment, rows)


def _show(arguments: Namespace, experiment: Experiment, rows: list[Row]) -> None:
    if arguments.json:
        print(json.dumps(result_content(experiment, rows), indent=1))
    else:
        print(rows_table(rows, experiment.data.name))


def _open(path: Path) -> tuple[nn.Module, int, int, str]:
    """Model, numbers stored, bytes of the dense network and architecture of a file."""
    if path.suffix == ".npz":
        architecture, state = _read_npz(path)
        model = _load_state(architecture, state, path)
        params = sum(p.numel() for p in model.parameters())
        return model, params, 4 * params, architecture
    network = load(path)
    if network.architecture in MODELS and network.architecture not in LENETS:
        raise ValueError(
            f"{path} holds a {network.architecture}: 'ada-tucker bench {network.architecture} --evaluate "
            f"{path}' tests it"
        )
    model = load_network(build_model(network.architecture), network)
    return model, network.n_params, network.dense_bytes, network.architecture


def _read_npz(path: Path) -> tuple[str, dict[str, torch.Tensor]]:
    most = max(dense_params(architecture) for architecture in ARCHITECTURES)
    state = read_tensors(path, "ada-tucker train", most)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    for architecture, table in ARCHITECTURES.items():
        if shapes == table:
            return architecture, state
    raise ValueError(
        f"{path} holds the weights of none of {sorted(ARCHITECTURES)}: {sorted(shapes)}"
    )


def _load_dense(path: Path, model_name: str) -> nn.Module:
    architecture, state = _read_npz(path)
    if architecture != model_name:
        raise ValueError(f"{path} holds a {architecture} network; {model_name} is asked for")
    return _load_state(architecture, state, path)


def _load_state(architecture: str, state: dict[str, torch.Tensor], path: Path) -> nn.Module:
    if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
        raise ValueError(f"{path} holds weights that are not finite numbers")
    model = build_model(architecture)
    model.load_state_dict(state)
    return model


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

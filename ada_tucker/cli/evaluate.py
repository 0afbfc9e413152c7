"""`ada-tucker evaluate`: size and error of any file."""

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from ada_tucker.cli.experiment import load_digits_of
from ada_tucker.cli.options import (
    Sub,
    add_data_options,
)
from ada_tucker.cli.terminal import show
from torch_bridge.benchmarks.images import load_images
from torch_bridge.benchmarks.networks import image_set_of, open_network
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.training.evaluate import error_rate, evaluate
from torch_bridge.training.precision import check_device
from tucker_core import format_table

_Measure: TypeAlias = tuple[str, int, Callable[[nn.Module], float]]


SEEN = (
    "MNIST-5k is a part of MNIST's training set: a network trained on the full MNIST has seen these "
    "images, and has a smaller error on them than on new ones"
)


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
    data = load_digits_of(arguments)
    if data.name == "MNIST-5k":
        show(f"note: {SEEN}", aside=True)
    digits = torch.from_numpy(data.test_images.copy())
    labels = torch.from_numpy(data.test_labels.copy())
    return data.name, len(labels), lambda model: evaluate(model, digits, labels)


def _evaluation_table(results: list[dict[str, Any]]) -> str:
    head = ("file", "model", "data set", "parameters", "bytes", "ratio", "test error")
    body = [
        (
            r["file"], r["model"], r["data_set"], f"{r['params']:,}", f"{r['bytes']:,}",
            f"{r['ratio']:,.0f}x", f"{r['test_error']:.2f} %",
        )
        for r in results
    ]  # fmt: skip
    return format_table([head, *body])


def add_evaluate(sub: Sub) -> None:
    """Describe `ada-tucker evaluate`."""
    command = sub.add_parser(
        "evaluate", help="size and test error of .ada, .base or dense .npz files of any network"
    )
    command.add_argument("files", nargs="+", type=Path, metavar="FILE")
    command.add_argument(
        "--data",
        choices=sorted(IMAGE_SETS),
        help="test images (default: those of the network's benchmark)",
    )
    add_data_options(command)
    command.set_defaults(run=evaluate_files)

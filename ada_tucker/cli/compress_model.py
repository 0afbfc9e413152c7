"""`ada-tucker compress-model`: a model of the user's own, from its weights to a small file."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ada_tucker.cli.model_spec import called, own_model
from ada_tucker.cli.options import Sub
from ada_tucker.cli.preflight import check_apart, check_file
from ada_tucker.cli.terminal import show
from ada_tucker.cli.values import not_negative, positive, ratio
from torch_bridge.compression.calibration import measure_of
from torch_bridge.compression.compress import compress_model
from torch_bridge.compression.load_network import load_network
from torch_bridge.compression.to_network import to_network
from torch_bridge.quantization.qat import attach_quantizers
from torch_bridge.state.state_dict import read_state
from torch_bridge.training.distill import distill
from tucker_core import load, save


def add_compress_model(sub: Sub) -> None:
    """Describe `ada-tucker compress-model`."""
    command = sub.add_parser(
        "compress-model", help="a model of your own: plan, fine-tuning, file and what it lost"
    )
    command.add_argument("model", metavar="SPEC", help="package.module:make, what gives the model")
    command.add_argument(
        "--weights", type=Path, help="its weights: .safetensors, .pt or .pth (default: its own)"
    )
    command.add_argument(
        "--ratio", type=ratio, required=True, help="how many times fewer parameters, above 1"
    )
    command.add_argument(
        "--data", metavar="SPEC", help="package.module:loader, a function that gives batches"
    )
    command.add_argument("--out", type=Path, help=".ada file to write (default: only plan)")
    command.add_argument(
        "--criterion", choices=("auto", "spectra", "balanced", "loss"), default="auto",
        help="what dims and ranks go by; loss needs --data (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--epochs", type=positive, help="fine-tune so long by distillation; needs --data"
    )
    command.add_argument("--lr", type=not_negative, default=1e-3, help="(default: %(default)s)")
    command.add_argument(
        "--levels", type=not_negative, default=8.0,
        help="rounding steps per root mean square (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--checkpoint", type=Path, help="kept after each epoch; the same command goes on from it"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of a report")
    command.add_argument("--quiet", action="store_true", help="no progress bars")
    command.set_defaults(run=_compress)


def _compress(arguments: argparse.Namespace) -> None:
    check_file(arguments.out, ".ada")
    check_file(arguments.checkpoint, ".pt", option="--checkpoint")
    check_apart([arguments.out, arguments.checkpoint], [arguments.weights])
    if arguments.data is None and (arguments.epochs or arguments.criterion == "loss"):
        raise ValueError("fine-tuning and --criterion loss need batches; give --data")
    dense = own_model(arguments.model).eval()
    if arguments.weights is not None:
        _load_weights(dense, arguments.weights)
    batches = None if arguments.data is None else _batches(arguments.data)
    distance = None if batches is None else measure_of(dense, batches)
    model = own_model(arguments.model).eval()
    model.load_state_dict(dense.state_dict())
    if not arguments.quiet:
        show(
            "planning; the first time in an environment kernels are compiled, about 15 s",
            aside=True,
        )
    report = compress_model(
        model, arguments.ratio, unit="ratio", criterion=arguments.criterion,
        calibration=batches if arguments.criterion == "loss" else None,
    )  # fmt: skip
    result: dict[str, Any] = {"dense_params": report.dense_params, "params": report.params}
    if not arguments.json:
        show(report.table())
    if distance is not None:
        result["distance_compressed"] = distance(model)
    if arguments.epochs:
        assert batches is not None
        attach_quantizers(model, arguments.levels)
        distill(
            model, dense, batches, epochs=arguments.epochs, lr=arguments.lr,
            checkpoint=arguments.checkpoint, progress=not arguments.quiet,
        )  # fmt: skip
    if arguments.out is not None:
        levels = None if arguments.epochs else arguments.levels
        save(arguments.out, to_network(model, arguments.model, levels))
        result["bytes"] = arguments.out.stat().st_size
        back = load_network(own_model(arguments.model).eval(), load(arguments.out))
        if distance is not None:
            result["distance_of_file"] = distance(back)
    show(json.dumps(result, indent=1) if arguments.json else _lines(result, arguments.out))


def _lines(result: dict[str, Any], out: Path | None) -> str:
    """What came of it, for people."""
    lines = []
    if "bytes" in result:
        times = 4 * result["dense_params"] / result["bytes"]
        lines.append(f"{out}: {result['bytes']:,} bytes, {times:.1f}x fewer than float32")
    for key in ("distance_compressed", "distance_of_file"):
        if key in result:
            what = key.replace("_", " ")
            lines.append(f"{what}: outputs differ by {result[key]:.2%} of their mean square")
    return "\n".join(lines) or "give --out to write a file"


def _load_weights(model: nn.Module, path: Path) -> None:
    """Put the weights of a file into a model.

    Raises
    ------
    ValueError
        If names or shapes are not those of the model.
    """
    try:
        model.load_state_dict(read_state(path))
    except RuntimeError as error:
        said = "; ".join(line.strip() for line in str(error).splitlines()[1:4])
        raise ValueError(
            f"{path} does not fit {type(model).__name__}: {said}; give the weights of this very model"
        ) from error


def _batches(spec: str) -> list[Tensor]:
    """All batches of inputs that the user's function gives.

    Raises
    ------
    ValueError
        If it gives none, or no tensors.
    """
    found = called(spec)
    if not isinstance(found, Iterable):
        raise ValueError(f"{spec} gives a {type(found).__name__}; batches are needed, as a list")
    whole = [found] if isinstance(found, Tensor) else found
    inputs = [batch[0] if isinstance(batch, tuple | list) else batch for batch in whole]
    if not inputs:
        raise ValueError(f"{spec} gives no batch; at least one is needed")
    if not all(isinstance(batch, torch.Tensor) for batch in inputs):
        kinds = sorted({type(batch).__name__ for batch in inputs})
        raise ValueError(f"{spec} gives {', '.join(kinds)}; batches of tensors are needed")
    return inputs

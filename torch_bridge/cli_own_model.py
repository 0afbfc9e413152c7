"""The commands for files of any model: `ada-tucker profile` and `ada-tucker export`."""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torch_bridge.export import STATES, export_model, export_state
from torch_bridge.model_spec import INPUT_SHAPE, model_of
from torch_bridge.profile import LayerProfile, profile_model, profile_table
from torch_bridge.results import command_line, environment, write_json
from torch_bridge.storage import load_network
from torch_bridge.tucker_loading import load_tucker
from tucker_core import load


def add_profile(sub: Any) -> None:
    """Describe `ada-tucker profile`."""
    command = sub.add_parser(
        "profile", help="FLOPs, bytes and time of each layer, dense, rebuilt and factorised"
    )
    _model_options(command)
    command.add_argument(
        "--batch", type=int, default=1, help="inputs at once (default: %(default)s)"
    )
    command.add_argument(
        "--seconds", type=float, default=0.5, help="to time each layer (default: %(default)s)"
    )
    command.add_argument("--threads", type=int, help="of torch (default: torch's own)")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.add_argument("--result", type=Path, help="JSON file for what was measured")
    command.set_defaults(run=_profile)


def add_export(sub: Any) -> None:
    """Describe `ada-tucker export`."""
    command = sub.add_parser("export", help="write a file's dense weights for other programs")
    _model_options(command)
    command.add_argument(
        "--out", type=Path, required=True,
        help="file to write: .safetensors, .npz, .onnx or .pt2 (torch.export)",
    )  # fmt: skip
    command.set_defaults(run=_export)


def _model_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, metavar="FILE", help="an .ada file")
    command.add_argument(
        "--model", metavar="SPEC",
        help="network of the file: a name, or package.module:make (default: what the file says)",
    )  # fmt: skip
    command.add_argument(
        "--input", metavar="C,H,W", help="shape of one input without the batch, e.g. 3,32,32"
    )


def _profile(arguments: argparse.Namespace) -> None:
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    network = load(arguments.file)
    spec = arguments.model or network.architecture
    model = load_tucker(model_of(spec), network)
    inputs = [_example(arguments, spec, arguments.batch)]
    profiles = profile_model(model, inputs, seconds=arguments.seconds)
    content = {
        "command": command_line(), "file": arguments.file.name, "batch": arguments.batch,
        **profile_content(profiles), **environment(),
    }  # fmt: skip
    if arguments.result is not None:
        write_json(arguments.result, content)
    print(json.dumps(content, indent=1) if arguments.json else profile_table(profiles))


def profile_content(profiles: list[LayerProfile]) -> dict[str, Any]:
    """Profiles as JSON holds them."""
    layers = [
        {
            "name": p.name,
            "milliseconds": {form: round(1e3 * took, 4) for form, took in p.seconds.items()},
            "faster_than_dense": {
                form: round(p.seconds["dense"] / took, 3) for form, took in p.seconds.items()
            },
            "flops": {form: work.flops for form, work in p.work.items()},
            "bytes_moved": {form: work.n_bytes for form, work in p.work.items()},
            "bytes_stored": dict(p.stored_bytes),
            "use": p.fastest,
        }
        for p in profiles
    ]
    return {"layers": layers}


def _export(arguments: argparse.Namespace) -> None:
    network = load(arguments.file)
    spec = arguments.model or network.architecture
    if arguments.out.suffix in STATES:  # weights by name: no module is needed
        dense = {name: torch.from_numpy(array) for name, array in network.to_dense().items()}
        export_state(dense, arguments.out)
    else:
        model = load_network(model_of(spec), network)
        export_model(model, arguments.out, [_example(arguments, spec, 2)])
    print(f"{arguments.out}: {arguments.out.stat().st_size:,} bytes")


def _example(arguments: argparse.Namespace, spec: str, batch: int) -> Tensor:
    """Random inputs of the shape that the network takes."""
    shape: tuple[int, ...]
    if arguments.input is not None:
        sizes = arguments.input.split(",")
        if not all(size.strip().isdecimal() for size in sizes):
            raise ValueError(
                f"input is {arguments.input!r}; whole numbers such as 3,32,32 are needed"
            )
        shape = tuple(map(int, sizes))
    elif spec in ("lenet5", "lenet300"):
        shape = INPUT_SHAPE
    else:
        raise ValueError(
            f"the shape of an input of {spec!r} is not known; give --input, e.g. 3,32,32"
        )
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(0))

"""The commands for files of any model: `ada-tucker profile` and `ada-tucker export`."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from torch_bridge.export import STATES, SUFFIXES, export_model, export_state
from torch_bridge.model_spec import input_shape, model_of
from torch_bridge.options import not_negative, positive, threads
from torch_bridge.preflight import check_apart, check_file
from torch_bridge.profile import LayerProfile, profile_model, profile_table
from torch_bridge.results import command_line, environment, write_json
from torch_bridge.storage import load_network
from torch_bridge.terminal import show
from torch_bridge.tucker_loading import load_tucker
from tucker_core import load


def add_profile(sub: Any) -> None:
    """Describe `ada-tucker profile`."""
    command = sub.add_parser(
        "profile", help="FLOPs, bytes and time of each layer, dense, rebuilt and factorised"
    )
    _model_options(command)
    command.add_argument(
        "--batch", type=positive, default=1, help="inputs at once (default: %(default)s)"
    )
    command.add_argument(
        "--seconds",
        type=not_negative,
        default=0.5,
        help="to time each layer (default: %(default)s)",
    )
    command.add_argument("--threads", type=threads, help="of torch (default: torch's own)")
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
    check_file(arguments.result, ".json", option="--result")
    check_apart([arguments.result], [arguments.file])
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    network = load(arguments.file)
    spec = arguments.model or network.architecture
    model = load_tucker(model_of(spec, network), network)
    inputs = _example(spec, arguments.input, arguments.batch)
    with _fitting(inputs):
        profiles = profile_model(model, [inputs], seconds=arguments.seconds)
    content = {
        "command": command_line(), "file": arguments.file.name, "batch": arguments.batch,
        **profile_content(profiles), **environment(),
    }  # fmt: skip
    if arguments.result is not None:
        write_json(arguments.result, content)
    show(json.dumps(content, indent=1) if arguments.json else profile_table(profiles))


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
    check_file(arguments.out, *SUFFIXES)
    check_apart([arguments.out], [arguments.file])
    network = load(arguments.file)
    spec = arguments.model or network.architecture
    if arguments.out.suffix in STATES:  # weights by name: no module is needed
        dense = {name: torch.from_numpy(array) for name, array in network.to_dense().items()}
        export_state(dense, arguments.out)
    else:
        model = load_network(model_of(spec, network), network)
        inputs = _example(spec, arguments.input, 2)
        with torch.no_grad(), _fitting(inputs):
            model.eval()(inputs)  # what does not fit is found out here, in plain words
        export_model(model, arguments.out, [inputs])
    show(f"{arguments.out}: {arguments.out.stat().st_size:,} bytes")


def _example(spec: str, given: str | None, batch: int) -> Tensor:
    """Random inputs of the shape that the network takes."""
    shape = (batch, *input_shape(spec, given))
    try:
        return torch.randn(shape, generator=torch.Generator().manual_seed(0))
    except (RuntimeError, TypeError) as error:  # the latter where a size is beyond 64 bits
        raise MemoryError(f"inputs of shape {shape} are too many; take a smaller batch") from error


@contextmanager
def _fitting(inputs: Tensor) -> Iterator[None]:
    """Say that the network does not take these inputs, where it does not."""
    try:
        yield
    except (RuntimeError, IndexError, TypeError) as error:
        raise ValueError(
            f"the network takes no inputs of shape {tuple(inputs.shape)}: {error}; give --input, and "
            "perhaps a smaller --batch"
        ) from error

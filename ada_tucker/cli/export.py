"""`ada-tucker export`: a file's dense weights for other programs."""

import argparse
from pathlib import Path
from typing import Any

import torch

from ada_tucker.cli.model_spec import (
    add_model_options,
    example_inputs,
    fitting,
    model_of,
)
from ada_tucker.cli.preflight import check_apart, check_file
from ada_tucker.cli.terminal import show
from torch_bridge.compression.export import STATES, SUFFIXES, export_model, export_state
from torch_bridge.compression.load_network import load_network
from tucker_core import load


def add_export(sub: Any) -> None:
    """Describe `ada-tucker export`."""
    command = sub.add_parser("export", help="write a file's dense weights for other programs")
    add_model_options(command)
    command.add_argument(
        "--out", type=Path, required=True,
        help="file to write: .safetensors, .npz, .onnx or .pt2 (torch.export)",
    )  # fmt: skip
    command.set_defaults(run=_export)


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
        inputs = example_inputs(spec, arguments.input, 2, arguments.tokens)
        with torch.no_grad(), fitting(inputs):
            model.eval()(inputs)  # what does not fit is found out here, in plain words
        export_model(model, arguments.out, [inputs])
    show(f"{arguments.out}: {arguments.out.stat().st_size:,} bytes")

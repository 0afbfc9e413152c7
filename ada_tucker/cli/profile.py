"""The commands for files of any model: `ada-tucker profile` and `ada-tucker export`."""

import argparse
import json
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
from ada_tucker.cli.values import not_negative, positive, threads
from torch_bridge.benchmarks.results import with_environment, write_result
from torch_bridge.compression.load_network import load_tucker
from torch_bridge.compression.profile import LayerProfile, profile_model, profile_table
from tucker_core import load


def add_profile(sub: Any) -> None:
    """Describe `ada-tucker profile`."""
    command = sub.add_parser(
        "profile", help="FLOPs, bytes and time of each layer, dense, reconstructed and factorized"
    )
    add_model_options(command)
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


def _profile(arguments: argparse.Namespace) -> None:
    check_file(arguments.result, ".json", option="--result")
    check_apart([arguments.result], [arguments.file])
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    network = load(arguments.file)
    spec = arguments.model or network.architecture
    model = load_tucker(model_of(spec, network), network)
    inputs = example_inputs(spec, arguments.input, arguments.batch, arguments.tokens)
    with fitting(inputs):
        profiles = profile_model(model, [inputs], seconds=arguments.seconds)
    content = {
        "file": arguments.file.name, "batch": arguments.batch,
        **profile_content(profiles),
    }  # fmt: skip
    if arguments.result is not None:
        write_result(arguments.result, content)
    show(
        json.dumps(with_environment(content), indent=1)
        if arguments.json
        else profile_table(profiles)
    )


def profile_content(profiles: list[LayerProfile]) -> dict[str, Any]:
    """Profiles as JSON holds them."""
    layers = [
        {
            "name": p.name,
            "milliseconds": {
                implementation: round(1e3 * took, 4) for implementation, took in p.seconds.items()
            },
            "faster_than_dense": {
                implementation: round(p.seconds["dense"] / took, 3)
                for implementation, took in p.seconds.items()
            },
            "flops": {implementation: work.flops for implementation, work in p.work.items()},
            "bytes_moved": {
                implementation: work.n_bytes for implementation, work in p.work.items()
            },
            "bytes_stored": dict(p.stored_bytes),
            "use": p.fastest,
        }
        for p in profiles
    ]
    return {"layers": layers}

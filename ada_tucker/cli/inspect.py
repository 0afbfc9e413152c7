"""`ada-tucker inspect`: what a file holds, layer by layer."""

import json
import math
from argparse import Namespace
from pathlib import Path
from typing import Any

from ada_tucker.cli.options import Sub
from ada_tucker.cli.terminal import show
from tucker_core import CompressedNetwork, coded_bits, load
from tucker_core.counting import BYTES_PER_FLOAT32


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
    size, dense = network.n_bytes or 0, network.dense_bytes // BYTES_PER_FLOAT32
    full = sum(p.has_full_rank for p in network.parameters if len(p.reshape.dims) > 1)
    show(
        f"\nTucker stores {network.n_params:,} of {dense:,} parameters "
        f"({dense / network.n_params:,.1f}x fewer; {full} weights are dense), rounding "
        f"{8 * coded / network.n_params:.2f} bits of 32 each\n"
        f"{network.n_params:,} parameters coded in {coded:,.0f} bytes; header, models and checksum: "
        f"{size - coded:,.0f} bytes\n"
        f"dense network: {network.dense_bytes:,} bytes, {network.dense_bytes / size:,.0f} times this "
        "file (decoder and architecture code are not counted)"
    )


def _inspection(network: CompressedNetwork, bits: dict[str, float]) -> dict[str, Any]:
    layers = [
        {
            "name": p.name, "shape": p.reshape.shape, "dims": p.reshape.dims,
            "core": p.core.shape, "dense_parameters": math.prod(p.reshape.shape),
            "parameters": p.n_params, "full_rank": p.has_full_rank, "bits": bits[p.name],
        }
        for p in network.parameters
    ]  # fmt: skip
    return {
        "architecture": network.architecture, "bytes": network.n_bytes,
        "parameters": network.n_params, "dense_parameters": network.dense_bytes // BYTES_PER_FLOAT32,
        "dense_bytes": network.dense_bytes, "layers": layers,
    }  # fmt: skip


def add_inspect(sub: Sub) -> None:
    """Describe `ada-tucker inspect`."""
    command = sub.add_parser("inspect", help="what an .ada file holds, layer by layer")
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.set_defaults(run=inspect)

"""Options that several commands take."""

import argparse
from pathlib import Path
from typing import TypeAlias

from ada_tucker.cli.values import positive, seed
from ada_tucker.studies.dims import DIMS
from torch_bridge.benchmarks.recipes import recipe_names

Sub: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What `add_subparsers` gives, to which every command adds itself."""


def add_data_options(command: argparse.ArgumentParser) -> None:
    """Options on where images come from, where it computes, and JSON."""
    command.add_argument(
        "--data-dir",
        type=Path,
        help="folder with the data set's files (default: $ADA_DATA_DIR, "
        "then the cache, then a download, then the bundled MNIST-5k)",
    )
    command.add_argument("--offline", action="store_true", help="never download")
    add_device_option(command)
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")


def add_device_option(command: argparse.ArgumentParser) -> None:
    """Option on where it computes."""
    command.add_argument(
        "--device", default="auto",
        help="cpu, cuda or mps (default: the first there is of cuda, mps, cpu)",
    )  # fmt: skip


def add_training_options(command: argparse.ArgumentParser) -> None:
    """Options on seed, epochs, learning rate, checkpoints."""
    add_data_options(command)
    command.add_argument(
        "--seed", type=seed, default=0, help="of everything random (default: %(default)s)"
    )
    command.add_argument(
        "--epochs", type=positive, help="passes over the data (default: the recipe's)"
    )
    command.add_argument("--lr", type=float, help="highest learning rate (default: the recipe's)")
    command.add_argument(
        "--runs",
        type=Path,
        default=Path("runs"),
        help="folder for checkpoints, from which the same command goes on (default: runs)",
    )
    command.add_argument("--quiet", action="store_true", help="no progress bars")


def add_dims_options(command: argparse.ArgumentParser) -> None:
    """Options on which tensor each weight becomes."""
    command.add_argument(
        "--dims",
        choices=DIMS,
        help="split every mode (auto), keep pixels and positions whole (natural), mix modes for the "
        "most even dims (balanced), or leave weights as they are (original); default: the recipe's",
    )
    command.add_argument(
        "--order",
        type=int,
        choices=range(2, 9),
        metavar="N",
        help="modes of every tensor, 2 to 8 (default: the recipe's)",
    )


def add_recipe_options(command: argparse.ArgumentParser) -> None:
    """Options on a tried setting, and a result file."""
    command.add_argument(
        "--recipe",
        choices=recipe_names(),
        default="demo",
        help="a tried setting: %(choices)s (default: %(default)s); all but demo need the full MNIST",
    )
    command.add_argument("--result", type=Path, help="JSON file for what was measured")


def add_budget_options(command: argparse.ArgumentParser) -> None:
    """Options on how much may be stored, and how finely."""
    command.add_argument(
        "--budget", type=positive, help="parameters stored, at most (default: the recipe's)"
    )
    command.add_argument(
        "--levels",
        type=float,
        help="quantisation steps per root mean square: fewer levels, fewer bytes (default: the recipe's)",
    )
    command.add_argument(
        "--rate",
        type=float,
        help="weight in the loss of 1,000 bits: more, fewer bytes (default: the recipe's)",
    )
    command.add_argument(
        "--max-bytes",
        type=positive,
        help="largest file; overrides --levels (default: what the levels give)",
    )

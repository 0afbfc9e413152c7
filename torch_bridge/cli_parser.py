"""All commands and options of `ada-tucker`, as argparse wants them described."""

import argparse
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

from torch_bridge import cli_own_model, commands, sweeps
from torch_bridge.ablation import STUDIES
from torch_bridge.benchmarks.command import add_bench
from torch_bridge.benchmarks.experiment import METHODS
from torch_bridge.benchmarks.recipes import recipe_names
from torch_bridge.course_cli import add_course
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.layouts import DIMS
from torch_bridge.models import LENETS
from torch_bridge.options import positive, seed
from torch_bridge.terminal import escaped

_Sub = Any  # argparse's own name for it is private


def parser() -> argparse.ArgumentParser:
    """Describe all commands and options."""
    top = _Parser(
        prog="ada-tucker",
        description="Tucker compression of neural networks: small enough for a QR code.",
    )
    top.add_argument("--version", action="version", version=f"ada-tucker {_version()}")
    sub = top.add_subparsers(required=True, metavar="COMMAND")
    own = cli_own_model.add_profile, cli_own_model.add_export, add_bench, add_course
    commands_of: list[Callable[[_Sub], None]] = [
        _demo, _train, _compress, _pareto, _ablate, _evaluate, _inspect, _qr, *own,
    ]  # fmt: skip
    for add in commands_of:
        add(sub)
    _add_debug(top)
    return top


class _Parser(argparse.ArgumentParser):
    """One whose errors cannot drive the terminal."""

    def error(self, message: str) -> NoReturn:
        super().error(escaped(message))


def _add_debug(command: argparse.ArgumentParser) -> None:
    """Let every command take --debug, before and after its name."""
    command.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS,
        help="show where in the program an error came from",
    )  # fmt: skip
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _add_debug(inner)


def _version() -> str:
    try:
        return version("ada-tucker")
    except PackageNotFoundError:
        return "(not installed)"


def _demo(sub: _Sub) -> None:
    command = sub.add_parser("demo", help="shrink a LeNet, end to end, and show what came of it")
    command.add_argument("model", nargs="?", default="lenet5", choices=sorted(LENETS))
    command.add_argument(
        "--out", type=Path, default=Path("demo_output"), help="folder for file, pictures, JSON"
    )
    _training_options(command)
    _budget_options(command)
    command.set_defaults(run=commands.demo)


def _train(sub: _Sub) -> None:
    command = sub.add_parser("train", help="train a dense network")
    command.add_argument("model", choices=sorted(LENETS))
    command.add_argument("--out", type=Path, help="file for the weights (default: MODEL.npz)")
    _recipe_options(command)
    command.add_argument(
        "--no-augment", action="store_true", help="train on the undistorted images"
    )
    _training_options(command)
    command.set_defaults(run=commands.train)


def _compress(sub: _Sub) -> None:
    command = sub.add_parser(
        "compress", help="train a network in Tucker form and write it as an .ada file"
    )
    command.add_argument("model", choices=sorted(LENETS))
    command.add_argument("--out", type=Path, help="file to write (default: MODEL.ada)")
    _recipe_options(command)
    command.add_argument(
        "--no-rounding",
        action="store_true",
        help="stop before rounding: count the numbers stored, write no file",
    )
    command.add_argument(
        "--method",
        choices=sorted(METHODS),
        help="ada, or scada for one core that all layers share (default: the recipe's)",
    )
    command.add_argument(
        "--start",
        choices=("scratch", "hosvd"),
        default="scratch",
        help="random start, or the HOSVD of --dense (default: %(default)s)",
    )
    command.add_argument(
        "--dense", type=Path, help="weights written by 'train', for --start hosvd or --distil"
    )
    command.add_argument(
        "--distil",
        type=float,
        metavar="SHARE",
        help="share of the loss that imitates --dense or the recipe's teacher, 0 to 1 "
        "(default: the recipe's)",
    )
    _training_options(command)
    _dims_options(command)
    _budget_options(command)
    command.set_defaults(run=commands.compress)


def _pareto(sub: _Sub) -> None:
    command = sub.add_parser(
        "pareto", help="sweep budgets and prices on bits: which error for how many bytes?"
    )
    command.add_argument("model", choices=sorted(LENETS))
    command.add_argument(
        "--out", type=Path, default=Path("runs/pareto"),
        help="folder for one JSON and one .ada a run; runs that are there are not run again "
        "(default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--budgets", type=positive, nargs="+", default=[2_500, 3_650, 5_500], metavar="N",
        help="numbers stored, at most (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--rates", type=float, nargs="+", default=[2e-3, 4e-3, 8e-3, 1.6e-2], metavar="R",
        help="weights of 1,000 bits in the loss (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--seeds", type=seed, nargs="+", default=[0], metavar="S", help="default: %(default)s"
    )
    command.add_argument("--method", choices=sorted(METHODS), help="default: ada")
    _training_options(command)
    command.set_defaults(run=sweeps.pareto)


def _ablate(sub: _Sub) -> None:
    command = sub.add_parser(
        "ablate", help="change one thing at a time on LeNet-300, at equal numbers stored"
    )
    command.add_argument(
        "studies", nargs="*", metavar="STUDY", default=list(STUDIES),
        help=f"of {', '.join(STUDIES)} (default: all)",
    )  # fmt: skip
    command.add_argument(
        "--out", type=Path, default=Path("runs/ablation"),
        help="folder for one JSON and one picture a study (default: %(default)s)",
    )  # fmt: skip
    command.add_argument("--seeds", type=seed, nargs="+", default=[0, 1, 2], metavar="S")
    _training_options(command)
    command.set_defaults(run=sweeps.ablate, model="lenet300")


def _evaluate(sub: _Sub) -> None:
    command = sub.add_parser(
        "evaluate", help="size and test error of .ada, .base or dense .npz files of any network"
    )
    command.add_argument("files", nargs="+", type=Path, metavar="FILE")
    command.add_argument(
        "--data",
        choices=sorted(IMAGE_SETS),
        help="test images (default: those of the network's benchmark)",
    )
    _data_options(command)
    command.set_defaults(run=commands.evaluate_files)


def _inspect(sub: _Sub) -> None:
    command = sub.add_parser("inspect", help="what an .ada file holds, layer by layer")
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.set_defaults(run=commands.inspect)


def _qr(sub: _Sub) -> None:
    command = sub.add_parser("qr", help="write an .ada file as a QR code")
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument(
        "--out", type=Path, nargs="+", help="pictures, .svg or .png (default: both beside FILE)"
    )
    command.set_defaults(run=commands.qr)


def _data_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data-dir",
        type=Path,
        help="folder with the data set's files (default: $ADA_DATA_DIR, "
        "then the cache, then a download, then the bundled MNIST-5k)",
    )
    command.add_argument("--offline", action="store_true", help="never download")
    command.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")


def _training_options(command: argparse.ArgumentParser) -> None:
    _data_options(command)
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


def _dims_options(command: argparse.ArgumentParser) -> None:
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


def _recipe_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--recipe",
        choices=recipe_names(),
        default="demo",
        help="a tried setting: %(choices)s (default: %(default)s); all but demo need the full MNIST",
    )
    command.add_argument("--result", type=Path, help="JSON file for what was measured")


def _budget_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--budget", type=positive, help="numbers stored, at most (default: the recipe's)"
    )
    command.add_argument(
        "--levels",
        type=float,
        help="rounding steps per root mean square: fewer levels, fewer bytes (default: the recipe's)",
    )
    command.add_argument(
        "--rate",
        type=float,
        help="weight in the loss of 1,000 bits: more, fewer bytes (default: the recipe's)",
    )
    command.add_argument(
        "--max-bytes",
        type=positive,
        help="largest file wanted; overrides --levels (default: what the levels give)",
    )

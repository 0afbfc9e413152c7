"""`ada-tucker train` and `ada-tucker compress`: a dense network, and its small form as a file."""

from argparse import Namespace
from pathlib import Path

from ada_tucker.cli.experiment import experiment_of, report_rows
from ada_tucker.cli.options import (
    Sub,
    add_budget_options,
    add_dims_options,
    add_recipe_options,
    add_training_options,
)
from ada_tucker.cli.preflight import check_apart, check_budget, check_file
from ada_tucker.cli.terminal import show
from torch_bridge.benchmarks.experiment import METHODS
from torch_bridge.benchmarks.networks import open_dense
from torch_bridge.models import LENETS
from torch_bridge.state.tensors import write_tensors
from tucker_core import save


def train(arguments: Namespace) -> None:
    """Train a dense net and write its weights as an .npz file."""
    out = arguments.out or Path(f"{arguments.model}.npz")
    check_file(out, ".npz")
    check_file(arguments.result, ".json", option="--result")
    check_apart([out, arguments.result])
    experiment = experiment_of(arguments)
    augment = not arguments.no_augment
    model, result = experiment.train_dense(augment=augment)
    write_tensors(out, dict(model.named_parameters()))
    kind = "with augmentation" if augment else "no augmentation"
    report_rows(arguments, experiment, [experiment.dense_row(f"dense, {kind}", model, result)])


def compress(arguments: Namespace) -> None:
    """Train a net in Tucker form, round it, write the .ada file and test what it decodes to."""
    if arguments.no_rounding and arguments.out is not None:
        raise ValueError(f"--no-rounding writes no file; leave --out {arguments.out} away")
    out = None if arguments.no_rounding else arguments.out or Path(f"{arguments.model}.ada")
    check_file(out, ".ada")
    check_file(arguments.result, ".json", option="--result")
    check_apart([out, arguments.result], [arguments.dense])
    dense = None
    if arguments.dense is not None:
        _, dense = open_dense(arguments.dense, arguments.model)
    experiment = experiment_of(arguments)
    if dense is not None:
        dense = dense.to(experiment.device).eval()
    listens = experiment.recipe.tucker.distil > 0 and not experiment.recipe.teacher
    if dense is None and (arguments.start == "hosvd" or listens):
        raise ValueError(
            "a dense network is needed for --start hosvd and for --distil: --dense FILE, which "
            "'ada-tucker train' writes"
        )
    check_budget(experiment, arguments.max_bytes)
    model, report, floats = experiment.train_tucker(start=arguments.start, dense=dense)
    if out is None:
        row = experiment.float_row("float32 numbers, no file", model, floats)
    else:
        network, val_error, rounded = experiment.round_in(model, arguments.max_bytes)
        save(out, network)
        seconds = experiment.teacher_seconds + floats.seconds + rounded.seconds
        row = experiment.file_row(f"{out.name}, decoded", out, val_error, seconds)
    if not arguments.json:
        show(f"{report.plan.table()}\n")
    report_rows(arguments, experiment, [row])


def add_train(sub: Sub) -> None:
    """Describe `ada-tucker train`."""
    command = sub.add_parser("train", help="train a dense network")
    command.add_argument("model", choices=sorted(LENETS))
    command.add_argument("--out", type=Path, help="file for the weights (default: MODEL.npz)")
    add_recipe_options(command)
    command.add_argument(
        "--no-augment", action="store_true", help="train on the undistorted images"
    )
    add_training_options(command)
    command.set_defaults(run=train)


def add_compress(sub: Sub) -> None:
    """Describe `ada-tucker compress`."""
    command = sub.add_parser(
        "compress", help="train a network in Tucker form and write it as an .ada file"
    )
    command.add_argument("model", choices=sorted(LENETS))
    command.add_argument("--out", type=Path, help="file to write (default: MODEL.ada)")
    add_recipe_options(command)
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
    add_training_options(command)
    add_dims_options(command)
    add_budget_options(command)
    command.set_defaults(run=compress)

"""`ada-tucker train` and `ada-tucker compress`: a dense network, and its small form as a file."""

from argparse import Namespace
from pathlib import Path

from ada_tucker.cli.experiment import experiment_of, report
from ada_tucker.cli.options import (
    Sub,
    add_budget_options,
    add_dims_options,
    add_recipe_options,
    add_training_options,
)
from ada_tucker.cli.preflight import check_apart, check_file, check_size
from ada_tucker.cli.terminal import show
from torch_bridge.benchmarks import compressed
from torch_bridge.benchmarks.methods import OURS
from torch_bridge.benchmarks.networks import open_dense
from torch_bridge.models import LENETS
from torch_bridge.state.tensors import write_tensors


def train(arguments: Namespace) -> None:
    """Train a dense net and write its weights as an .npz file."""
    out = arguments.out or Path(f"{arguments.model}.npz")
    check_file(out, ".npz")
    check_file(arguments.result, ".json", option="--result")
    check_apart([out, arguments.result])
    experiment = experiment_of(arguments)
    augment = not arguments.no_augment
    model, trained = experiment.train_dense(augment=augment)
    write_tensors(out, dict(model.named_parameters()))
    kind = "with augmentation" if augment else "no augmentation"
    row = experiment.dense_row(f"dense, {kind}", model, trained)
    report(arguments, experiment.result([row], {"dense": trained}))


def compress(arguments: Namespace) -> None:
    """Train a compressed net, quantise it, write the .ada file and test what it decodes to."""
    if arguments.no_qat and arguments.out is not None:
        raise ValueError(f"--no-qat writes no file; leave --out {arguments.out} away")
    out = None if arguments.no_qat else arguments.out or Path(f"{arguments.model}.ada")
    check_file(out, ".ada")
    check_file(arguments.result, ".json", option="--result")
    check_apart([out, arguments.result], [arguments.dense])
    dense = None
    if arguments.dense is not None:
        _, dense = open_dense(arguments.dense, arguments.model)
    experiment = experiment_of(arguments)
    if dense is not None:
        dense = dense.to(experiment.context.device).eval()
    listens = experiment.recipe.tucker.distil > 0 and not experiment.recipe.teacher
    if dense is None and (arguments.init == "hosvd" or listens):
        raise ValueError(
            "a dense network is needed for --init hosvd and for --distil: --dense FILE, which "
            "'ada-tucker train' writes"
        )
    small = compressed.compress(experiment, dense)
    check_size(small, arguments.max_bytes)
    small.train()
    if out is None:
        row = small.float_row("float32 parameters, no file")
    else:
        small.quantize(arguments.max_bytes)
        row = small.write(out, f"{out.name}, decoded")
    if not arguments.json:
        show(f"{small.plan.table()}\n")
    report(arguments, experiment.result([row], small.runs))


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
        "--no-qat",
        "--no-rounding",
        action="store_true",
        help="stop before quantisation: count the parameters stored, write no file",
    )
    command.add_argument(
        "--method",
        choices=OURS,
        help="ada, or scada for one core that all layers share (default: the recipe's)",
    )
    command.add_argument(
        "--init",
        "--start",
        choices=("scratch", "hosvd"),
        default="scratch",
        help="how cores and factors begin: drawn, or the HOSVD of --dense (default: %(default)s)",
    )
    command.add_argument(
        "--dense", type=Path, help="weights written by 'train', for --init hosvd or --distil"
    )
    command.add_argument(
        "--distil",
        type=float,
        metavar="FRACTION",
        help="fraction of the loss that imitates --dense or the recipe's teacher, 0 to 1 "
        "(default: the recipe's)",
    )
    add_training_options(command)
    add_dims_options(command)
    add_budget_options(command)
    command.set_defaults(run=compress)

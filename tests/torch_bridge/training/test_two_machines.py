"""Processes that share no disk: the first one's files decide, and only it writes any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ada_tucker.cli import main as cli
from tests.torch_bridge.two_processes import run_two
from torch_bridge.training.distributed import DistributedContext

WORLD = """
import torch
from torch_bridge.training.distributed import init_distributed
with init_distributed(torch.device("cpu")) as context:
    print(context.from_first(lambda: context.rank + 7))
    try:
        context.from_first(lambda: 1 // context.rank)
    except ZeroDivisionError as error:
        print(error)
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 2, 3), torch.nn.BatchNorm2d(2))
    net[0].weight.data = net[0].weight.data.contiguous(memory_format=torch.channels_last)
    context.spread(net)
    print(sum(float(tensor.double().sum()) for tensor in net.state_dict().values()))
    context.check_same("a word", "same")
    try:
        context.check_same("a word", str(context.rank))
    except ValueError as error:
        print(error)
"""


def test_all_have_what_the_first_one_has() -> None:
    first, second = run_two(WORLD)
    assert first == second
    assert first.startswith("7\ninteger division or modulo by zero\n")
    assert first.endswith("process 1 of 2 has a word other than the first process; give all of them"
                          " the same files and options\n")  # fmt: skip


RESUMED = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from tests.torch_bridge.tiny_pictures import REGIME, held_out, picture_net, supply
from torch_bridge.training.distributed import init_distributed
from torch_bridge.training.loop import train
class Broken(Exception):
    pass
def run(folder, context, stop=-1):
    images, model = supply(), picture_net()
    begin = images.epoch
    def epoch(number, batch_size, seed, context):
        if seed == stop:
            raise Broken
        return begin(number, batch_size, seed, context)
    images.epoch = epoch
    trained = train(
        model, images, held_out(), replace(REGIME, epochs=4), context=context,
        checkpoint=folder / "run.npz", progress=False,
    )
    losses = [row["loss"] for row in trained.history.table()]
    assert len(losses) == 4
    state = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    return [state, trained.val_error, losses]
torch.set_num_threads(1)
folder = Path(sys.argv[1])
with init_distributed(torch.device("cpu")) as context:
    print(run(folder / "whole", context))
    try:
        run(folder / "broken", context, stop=2)
    except Broken:
        print(run(folder / "broken", context))
"""


def test_a_run_goes_on_from_the_first_ones_checkpoint(tmp_path: Path) -> None:
    first, second = run_two(RESUMED, tmp_path / "{rank}")
    whole, broken = first.splitlines()
    assert broken == whole
    assert first == second, "statistics of batch-norm, too"
    assert [path.name for path in tmp_path.iterdir()] == ["0"]


COMPARED = """
import sys
from tests.torch_bridge.tiny_benchmark import register
from torch_bridge import cli
name = register(lambda table, key, value: table.__setitem__(key, value))
sys.exit(cli.main(["bench", name, *sys.argv[1:]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("apart", [True, False], ids=["each its own disk", "one disk"])
def test_a_comparison_begins_in_an_empty_folder(apart: bool, tmp_path: Path) -> None:
    folder = tmp_path / ("{rank}" if apart else "0")
    methods = ("ada", "pruning") if apart else ("svd",)
    words = (
        "--compare", "--methods", *methods, "--seeds", 0, "--ratios", 8, "--epochs", 2, "--quiet",
        "--out", folder, "--runs", folder, "--json",
    )  # fmt: skip
    shown, nothing = run_two(COMPARED, *words)
    runs = json.loads(shown)["runs"]
    assert [run["method"] for run in runs] == list(methods)
    assert all(run["row"]["n_bytes"] > 0 for run in runs)
    assert nothing == ""
    assert [path.name for path in tmp_path.iterdir()] == ["0"]
    if apart:  # what is there is not run again, also by those that cannot see it
        again, _ = run_two(COMPARED, *words)
        assert json.loads(again)["runs"] == runs


def test_what_trains_in_one_process_refuses_to_be_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for command in ("demo", "train lenet5", "compress lenet5", "pareto lenet5", "ablate"):
        assert cli.main(command.split()) == 1
        assert "WORLD_SIZE is 2" in capsys.readouterr().err


def test_alone_nothing_is_asked_of_others() -> None:
    DistributedContext().check_same("a word", "any")
    assert DistributedContext().from_first(lambda: "it") == "it"

"""`ada-tucker` on a few digits and tiny pictures, each call in a process that can be killed."""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ada_tucker.cli import experiment as commands
from ada_tucker.cli import main as cli
from ada_tucker.cli import sweep as sweeps
from ada_tucker.studies import ablation
from tests.torch_bridge.tiny_benchmark import quick
from tests.torch_bridge.tiny_cifar import tiny_set
from tests.torch_bridge.tiny_runs import CONFIG, RECIPE, tiny_digits
from torch_bridge.benchmarks import BENCHMARKS
from torch_bridge.benchmarks.recipes import RECIPES
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.models import MODELS, CifarResNet

ROOT = Path(__file__).resolve().parents[2]
NET = "resnet8"


@dataclass
class Call:
    """A call of the command in a process of its own.

    Attributes
    ----------
    process : it
    log : what it wrote on standard error, once it has ended by itself
    """

    process: Any
    log: Path

    def end(self, seconds: float = 120.0) -> int:
        """Wait for its end; gives the exit code, or minus the signal that ended it."""
        self.process.join(seconds)
        assert self.process.exitcode is not None, "it hangs"
        return int(self.process.exitcode)


def start(line: str, folder: Path, prepare: Callable[[], None] | None = None) -> Call:
    """Start the command in a folder; a server that has read torch already forks the process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    folder.mkdir(parents=True, exist_ok=True)
    log = folder.parent / f"{folder.name}.log"
    process = context.Process(target=run, args=(line.split(), folder, log, prepare))
    process.start()
    return Call(process, log)


def run(
    words: list[str], folder: Path, log: Path, prepare: Callable[[], None] | None = None
) -> None:
    """Run the command here, and leave what it says in a log."""
    torch.set_num_threads(1)
    shrink()
    os.chdir(folder)
    sys.argv = ["ada-tucker", *words]
    said = io.StringIO()
    if prepare is not None:
        prepare()
    with redirect_stdout(io.StringIO()), redirect_stderr(said):
        code = cli.main(words)
    log.write_text(said.getvalue(), encoding="utf-8")
    sys.exit(code)


def shrink() -> None:
    """Put tiny data sets and two epochs in the place of all that takes minutes."""
    data: Any = tiny_digits()
    vars(commands)["load_mnist"] = lambda *_, **__: data
    for model in ("lenet5", "lenet300"):
        RECIPES[model, "MNIST-5k"] = RECIPE
    short = replace(RECIPE, dense=CONFIG, tucker=replace(CONFIG, lr=1e-2), budget=4_100)
    for module in (ablation, sweeps):
        vars(module)["base_recipe"] = lambda: short
    MODELS[NET] = lambda: CifarResNet(8)
    IMAGE_SETS["cifar10"] = replace(IMAGE_SETS["cifar10"], load=lambda *_: tiny_set())
    fast: dict[str, Any] = {"epochs": 2, "batch_size": 20, "precision": "float32"}
    known = BENCHMARKS["resnet20"]
    BENCHMARKS[NET] = replace(known, name=NET, model=NET, recipe=quick(known.recipe, **fast))


def networks_in(folder: Path) -> dict[str, bytes]:
    """All networks that a command left, by name; checkpoints lie apart."""
    found = (p for p in folder.rglob("*") if p.suffix in (".ada", ".base", ".npz"))
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in found if "checks" not in p.parts
    }

"""The command line in process, on a few digits and with a recipe of two epochs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ada_tucker.cli import experiment as commands
from ada_tucker.cli import main as cli
from tests.torch_bridge.tiny_runs import RECIPE, tiny_digits
from torch_bridge.benchmarks.recipes import RECIPES
from torch_bridge.datasets import load_mnist


@dataclass(frozen=True)
class Outcome:
    """What a call of the command came to."""

    code: int
    out: str
    err: str

    def error(self, *parts: str) -> None:
        """Assert exit code 1 and exactly one line on standard error, which names these parts."""
        assert self.code == 1, self
        assert self.out == ""
        lines = [line for line in self.err.splitlines() if not line.startswith("note: ")]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("ada-tucker: ")
        for part in parts:
            assert part in lines[0]

    def done(self) -> Outcome:
        """Assert exit code 0."""
        assert self.code == 0, self
        return self


Command = Callable[..., Outcome]


def command_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Make a function that runs `ada-tucker` in a folder; without --data-dir on the tiny digits."""

    def load(data_dir: Path | None, **options: Any) -> Any:
        return tiny_digits() if data_dir is None else load_mnist(data_dir, **options)

    def run(*words: object) -> Outcome:
        arguments = [str(word) for word in words]
        monkeypatch.setattr("sys.argv", ["ada-tucker", *arguments])
        capsys.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Outcome(code, *capsys.readouterr())

    for model in ("lenet5", "lenet300"):
        monkeypatch.setitem(RECIPES, (model, "MNIST-5k"), RECIPE)
    monkeypatch.setattr(commands, "load_mnist", load)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # put back what main sets
    monkeypatch.chdir(folder)
    return run

"""`ada-tucker compress-model`, on modules of the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ada_tucker.cli.main import main
from torch_bridge import load_network
from tucker_core import load

SOURCE = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(48, 64), nn.Tanh(), nn.Linear(64, 30))

def loader():
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(16, 48, generator=generator), torch.zeros(16)) for _ in range(6)]

def nothing():
    return []

def words():
    return ["a", "b"]

def number():
    return 3
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the name of a module in the present folder, another one for each test."""
    monkeypatch.chdir(tmp_path)
    name = f"mine_{abs(hash(str(tmp_path)))}"
    Path(f"{name}.py").write_text(SOURCE)
    return name


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(["compress-model", *arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return run


def test_from_weights_to_a_file_that_is_evaluated(mine: str, said: Any) -> None:
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(48, 64), nn.Tanh(), nn.Linear(64, 30))
    compiled = {f"_orig_mod.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({"model": compiled}, "in.pt")
    data = ("--data", f"{mine}:loader", "--weights", "in.pt", "--ratio", "3", "--quiet", "--json")
    code, out, err = said(f"{mine}:make", *data, "--out", "before.ada")
    assert (code, err) == (0, "")
    before = json.loads(out)
    assert before["params"] * 3 <= before["dense_params"]
    tuned = ("--epochs", "20", "--lr", "0.01", "--checkpoint", "tuned.pt", "--out", "after.ada")
    code, out, _ = said(f"{mine}:make", *data, *tuned)
    after = json.loads(out)
    assert code == 0
    assert after["distance_of_file"] < 0.95 * before["distance_of_file"]
    assert after["bytes"] == Path("after.ada").stat().st_size
    back = load_network(model, load(Path("after.ada")))
    assert torch.isfinite(back(torch.ones(1, 48))).all()
    content = Path("after.ada").read_bytes()
    assert said(f"{mine}:make", *data, *tuned)[0] == 0  # goes on from the checkpoint: all is done
    assert Path("after.ada").read_bytes() == content


def test_an_interrupted_tuning_goes_on_to_the_same_bytes(
    mine: str, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--ratio", "3", "--data", f"{mine}:loader", "--epochs", "4", "--quiet")
    assert said(f"{mine}:make", *options, "--out", "whole.ada")[0] == 0
    saved, real = 0, torch.save

    def twice(*arguments: Any) -> None:
        nonlocal saved
        saved += 1
        if saved == 3:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(torch, "save", twice)
    broken = (*options, "--checkpoint", "c.pt", "--out", "resumed.ada")
    assert said(f"{mine}:make", *broken)[0] == 130
    assert not Path("resumed.ada").exists()
    assert said(f"{mine}:make", *broken)[0] == 0
    assert Path("resumed.ada").read_bytes() == Path("whole.ada").read_bytes()


def test_a_plan_alone_is_a_report(mine: str, said: Any) -> None:
    code, out, err = said(f"{mine}:make", "--ratio", "4", "--criterion", "spectra")
    assert code == 0
    assert "0.weight" in out and "all parameters, biases included" in out  # noqa: PT018
    assert "kernels are compiled" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no_such:make", "--ratio", "2"), "no_such:make cannot be had: ModuleNotFoundError"),
        (("MINE:number", "--ratio", "2"), "gives a int, no torch module"),
        (("MINE:make", "--ratio", "1e6"), "nothing fits beyond a ratio of"),
        (("MINE:make", "--ratio", "0.5"), "0.5 is no ratio; a number above 1"),
        (("MINE:make", "--ratio", "2", "--data", "MINE:nothing"), "gives no batch"),
        (("MINE:make", "--ratio", "2", "--data", "MINE:words"), "gives str; batches of tensors"),
        (("MINE:make", "--ratio", "2", "--data", "MINE:number"), "gives a int; batches are needed"),
        (("MINE:make", "--ratio", "2", "--epochs", "1"), "give --data"),
        (
            ("MINE:make", "--ratio", "2", "--weights", "other.pt"),
            "other.pt does not fit Sequential",
        ),
        (("MINE:make", "--ratio", "2", "--weights", "MINE.py"), "ends in '.py'; one of"),
        (("MINE:make", "--ratio", "2", "--weights", "junk.pt"), "junk.pt holds no state dict"),
        (("MINE:make", "--ratio", "2", "--out", "x.onnx"), "ends in '.onnx'; .ada is needed"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    arguments: tuple[str, ...], message: str, mine: str, said: Any
) -> None:
    torch.save(nn.Linear(3, 2).state_dict(), "other.pt")
    Path("junk.pt").write_bytes(b"junk")
    code, _, err = said(*(argument.replace("MINE", mine) for argument in arguments), "--quiet")
    assert code in (1, 2)
    assert message in err
    assert "Traceback" not in err

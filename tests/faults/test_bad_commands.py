"""Command lines that cannot work: each ends at once, with 1 or 2, in one line that says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.ada_tucker.tiny_cli import Command, command_in
from tests.torch_bridge.tiny_runs import interrupt_at, write_ada

USE, INPUT = 2, 1  # wrong use, which argparse tells; bad input, in one line
TABLE: list[tuple[str, int, str]] = [
    ("", USE, "required: COMMAND"),
    ("paint", USE, "invalid choice: 'paint'"),
    ("demo lenet6", USE, "invalid choice: 'lenet6'"),
    ("demo --seed -1", USE, "argument --seed: -1 is not possible; 0 to 4294967295"),
    ("demo --seed 4294967296", USE, "argument --seed"),
    ("demo --epochs 0", USE, "argument --epochs: 0 is not possible; 1 or more"),
    ("demo --epochs 1.5", USE, "argument --epochs: '1.5' is no integer"),
    ("demo --budget -5", USE, "argument --budget"),
    ("demo --max-bytes 0", USE, "argument --max-bytes"),
    ("demo --device tpu", INPUT, "device 'tpu' is not available"),
    ("demo --data-dir nowhere", INPUT, "nowhere"),
    ("demo --lr 0", INPUT, "lr is 0.0; a positive number"),
    ("demo --lr inf", INPUT, "lr is inf"),
    ("demo --rate -1", INPUT, "rate is -1.0"),
    ("demo --rate nan", INPUT, "rate is nan"),
    ("demo --levels 0", INPUT, "levels is 0.0"),
    ("demo --levels inf", INPUT, "levels is inf"),
    ("demo --levels 1e300", INPUT, "levels is 1e+300; a number from 0.001 to 1,000,000"),
    ("demo --levels 1e-300", INPUT, "levels is 1e-300"),
    ("demo --budget 3", INPUT, "budget is 3"),
    ("demo --out text.txt", INPUT, "text.txt is no folder"),
    ("demo --runs text.txt", INPUT, "--runs text.txt"),
    ("train lenet300 --out folder", INPUT, "folder is a folder"),
    ("train lenet300 --out folder.npz", INPUT, "folder.npz is a folder"),
    ("train lenet300 --out net.pt", INPUT, "ends in '.pt'; .npz is needed"),
    ("train lenet300 --out text.txt/a.npz", INPUT, "text.txt is no folder"),
    ("train lenet300 --result a.txt", INPUT, "ends in '.txt'; .json is needed"),
    ("train lenet300 --recipe none", USE, "invalid choice: 'none'"),
    ("train lenet300 --recipe small", INPUT, "full MNIST"),
    ("compress lenet300 --method magic", USE, "invalid choice: 'magic'"),
    ("compress lenet300 --order 9", USE, "argument --order"),
    ("compress lenet300 --dims original --order 3", INPUT, "order 3"),
    ("compress lenet300 --distil 2", INPUT, "distil is 2.0; a fraction"),
    ("compress lenet300 --distil nan", INPUT, "distil is nan"),
    ("compress lenet300 --distil 0.5", INPUT, "a dense network is needed"),
    ("compress lenet300 --start hosvd", INPUT, "a dense network is needed"),
    ("compress lenet300 --dense none.npz", INPUT, "none.npz"),
    ("compress lenet300 --dense net.ada", INPUT, "net.ada is no weights file"),
    ("compress lenet300 --dense text.txt", INPUT, "text.txt is no weights file"),
    ("compress lenet300 --dense strangers.npz", INPUT, "strangers.npz holds the weights of none"),
    ("compress lenet300 --max-bytes 20", INPUT, "max_bytes is 20"),
    ("compress lenet300 --no-rounding --out a.ada", INPUT, "--no-qat writes no file"),
    ("compress lenet300 --out a.npz", INPUT, "ends in '.npz'; .ada is needed"),
    ("pareto lenet300 --budgets", USE, "argument --budgets"),
    ("pareto lenet300 --budgets 2000 5", INPUT, "budget is 5"),
    ("pareto lenet300 --rates x", USE, "argument --rates"),
    ("pareto lenet300 --rates nan", INPUT, "rate is nan"),
    ("pareto lenet300 --seeds -1", USE, "argument --seeds"),
    ("ablate magic", INPUT, "study 'magic' is unknown; choose from order"),
    ("ablate core dims magic", INPUT, "study 'magic' is unknown"),
    ("ablate --out text.txt", INPUT, "text.txt is no folder"),
    ("evaluate", USE, "required: FILE"),
    ("evaluate none.ada", INPUT, "none.ada"),
    ("evaluate folder", INPUT, "folder"),
    ("evaluate text.txt", INPUT, "text.txt"),
    ("evaluate net.ada strangers.npz", INPUT, "strangers.npz"),
    ("evaluate net.ada --data svhn", INPUT, "no benchmark tests lenet300 on svhn"),
    ("evaluate net.ada --data imagenet", USE, "argument --data"),
    ("inspect text.txt", INPUT, "text.txt"),
    ("inspect cut.ada", INPUT, "cut.ada"),
    ("qr net.ada --out code.jpg", INPUT, "ends in '.jpg'"),
    ("qr net.ada --out a.png a.png", INPUT, "would be written twice"),
    ("profile net.ada --batch 0", USE, "argument --batch"),
    ("profile net.ada --batch 1e9", USE, "argument --batch"),
    ("profile net.ada --batch 2000000000", INPUT, "not enough memory"),
    ("profile net.ada --threads 0", USE, "argument --threads"),
    ("profile net.ada --seconds nan", USE, "argument --seconds"),
    ("profile net.ada --input 28,28,x", INPUT, "input is '28,28,x'"),
    ("profile net.ada --input 7", INPUT, "takes no inputs of shape (1, 7)"),
    (f"profile net.ada --input {10**20}", INPUT, "not enough memory"),
    ("profile net.ada --model torch.nn:Linear", INPUT, "torch.nn:Linear cannot be had"),
    ("profile net.ada --model sys:exit", INPUT, "sys:exit cannot be had: SystemExit"),
    ("profile net.ada --model lenet5", INPUT, "does not fit LeNet5"),
    ("profile net.ada --result net.ada", INPUT, "ends in '.ada'; .json is needed"),
    ("export net.ada", USE, "required: --out"),
    ("export net.ada --out net.doc", INPUT, "ends in '.doc'"),
    ("export net.ada --out folder.npz", INPUT, "folder.npz is a folder"),
    ("bench", INPUT, "which benchmark? choose one of"),
    ("bench resnet21", INPUT, "'resnet21' is unknown"),
    ("bench resnet20 --batch-size 0", USE, "argument --batch-size"),
    ("bench resnet20 --epochs -1", USE, "argument --epochs"),
    ("bench resnet20 --share nan --dry-run", USE, "argument --fraction"),
    ("bench resnet20 --share 0 --overhead", USE, "argument --fraction"),
    ("bench resnet20 --seeds x --compare", USE, "argument --seeds"),
    ("bench resnet20 --lr nan --data-dir nowhere", INPUT, "lr is nan"),
    ("bench resnet20 --ema 2 --data-dir nowhere", INPUT, "ema is 2.0"),
    ("bench resnet20 --clip -1 --data-dir nowhere", INPUT, "clip is -1.0"),
    ("bench resnet20 --out text.txt", INPUT, "text.txt is no folder"),
    ("bench resnet20 --compare --ratios nan --data-dir nowhere", INPUT, "ratio is nan"),
    ("bench resnet20 --compare --dense no.npz", INPUT, "no such file: no.npz"),
    ("bench resnet20 --method ada", INPUT, "--dense FILE is needed"),
    ("bench resnet20 --data-dir nowhere", INPUT, "nowhere"),
    ("course grade a1 --submissions s --out o --jobs 0", INPUT, "--jobs is 0"),
]  # fmt: skip


@pytest.fixture
def ada(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Give the command, in a folder with a good file and some that are none."""
    content = write_ada(tmp_path / "net.ada")
    (tmp_path / "cut.ada").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.txt").write_text("mine")
    np.savez(tmp_path / "strangers.npz", a=np.ones(3))
    for name in ("folder", "folder.npz"):
        (tmp_path / name).mkdir()
    return command_in(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(("line", "code", "text"), TABLE, ids=[line for line, *_ in TABLE])
def test_one_line_says_what_is_wrong(
    line: str, code: int, text: str, ada: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    trained = interrupt_at(monkeypatch, 1)
    result = ada(*line.split())
    assert (result.code, result.out) == (code, ""), result
    said = [s for s in result.err.splitlines() if not s.startswith("note: ")]
    assert text in said[-1], said
    if code == INPUT:
        assert len(said) == 1, said
    assert "Traceback" not in result.err
    assert trained() == 0
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


def test_the_table_is_long() -> None:
    assert len(TABLE) >= 60

"""`ada-tucker profile` and `ada-tucker export`, on files of this project and of strangers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ada_tucker.cli.main import main
from torch_bridge import compress_model, to_network
from torch_bridge.models import LeNet300
from tucker_core import load, save


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return write(tmp_path / "net.ada", "lenet300")


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    return write(tmp_path / "net.ada", "somebody's")


def write(path: Path, name: str) -> Path:
    model = LeNet300()
    compress_model(model, 2_000, init="scratch")
    save(path, to_network(model, name, 3.0))
    return path


def test_profile_as_table_and_as_json(
    known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--seconds", "0", "--batch", "2", "--result", str(tmp_path / "out.json")]
    assert main(["profile", str(known), *options]) == 0
    table = capsys.readouterr().out
    assert table.count("<-") == 4
    assert "fc1.weight" in table
    result = json.loads((tmp_path / "out.json").read_text())
    assert [layer["name"] for layer in result["layers"]][-1] == "whole network"
    first = result["layers"][0]
    assert first["use"] in first["milliseconds"]
    assert first["flops"]["dense"] == 2 * 2 * 300 * 784


def test_a_stranger_needs_a_module_and_a_shape(
    stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = ["--model", "torch_bridge.models:LeNet300"]
    assert main(["profile", str(stranger)]) == 1
    assert "name a function of your own as --model package.module:make" in capsys.readouterr().err
    assert main(["profile", str(stranger), *spec]) == 1
    assert "give --input, e.g. 3,32,32" in capsys.readouterr().err
    assert main(["profile", str(stranger), *spec, "--input", "1,28,28", "--seconds", "0"]) == 0


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("no_such_module:make", "no_such_module:make cannot be had"),
        ("torch_bridge.models:LeNet7", "cannot be had"),
        ("torch_bridge.models:MODELS", "is no function or class"),
        ("collections:OrderedDict", "gives a OrderedDict, no torch module"),
        ("torch_bridge.models:LeNet5", "does not fit LeNet5"),
    ],
)
def test_a_module_that_cannot_be_used_is_named(
    spec: str, message: str, stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", str(stranger), "--model", spec, "--input", "1,28,28"]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_export_of_weights_needs_no_module(
    kind: str, stranger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"net.{kind}"
    assert main(["export", str(stranger), "--out", str(out)]) == 0
    assert "bytes" in capsys.readouterr().out
    if kind == "npz":
        dense = load(stranger).to_dense()
        with np.load(out) as arrays:
            assert set(arrays) == set(dense)
            np.testing.assert_array_equal(arrays["fc1.weight"], dense["fc1.weight"])
    else:
        assert out.stat().st_size > 4 * 266_610


def test_export_to_an_unknown_suffix_is_refused(
    known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(known), "--out", str(tmp_path / "net.doc")]) == 1
    assert "ends in '.doc'; one of" in capsys.readouterr().err

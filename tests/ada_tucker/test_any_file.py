"""Any file of this project: one command tests it, and it can be profiled and exported by its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.ada_tucker.tiny_cli import Command
from torch_bridge import compress_model, to_network
from torch_bridge.benchmarks.methods import METHODS, Budget
from torch_bridge.benchmarks.networks import module_for, open_network
from torch_bridge.compression.export import export_model
from torch_bridge.models import build_model
from torch_bridge.models.fold_batch_norm import fold_batch_norms
from torch_bridge.quantization.qat import attach_quantizers
from torch_bridge.state.tensors import save_weights
from tucker_core import load, save

EXPORTS = {".npz": (), ".safetensors": ("safetensors",), ".pt2": (), ".onnx": ("onnxscript",)}


def trained(name: str) -> torch.nn.Module:
    """Make a network whose batch-norms have seen something."""
    model = build_model(name, seed=0)
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            torch.nn.init.uniform_(part.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return model.eval()


def write(path: Path, name: str, *, folded: bool = True) -> torch.nn.Module:
    """Write an .ada file as the benchmarks do, or with the statistics of batch-norms."""
    model = trained(name)
    compress_model(model, 12_000)
    if folded:
        fold_batch_norms(model)
    save(path, to_network(model, name, 8.0))
    return model


@pytest.mark.parametrize("folded", [True, False])
def test_profile_of_a_network_with_batch_norms(
    folded: bool, resnet8: str, ada: Command, tmp_path: Path
) -> None:
    write(tmp_path / "net.ada", resnet8, folded=folded)
    found = json.loads(ada("profile", "net.ada", "--seconds", 0, "--json").done().out)
    assert found["layers"][-1]["name"] == "whole network"


@pytest.mark.parametrize("suffix", EXPORTS)
def test_export_of_a_network_with_batch_norms(
    suffix: str, resnet8: str, ada: Command, tmp_path: Path
) -> None:
    for package in EXPORTS[suffix]:
        pytest.importorskip(package)
    write(tmp_path / "net.ada", resnet8)
    ada("export", "net.ada", "--out", f"net{suffix}").done()
    opened = open_network(tmp_path / "net.ada").model
    images = torch.rand(3, 3, 32, 32)
    if suffix == ".pt2":
        program = torch.export.load(tmp_path / "net.pt2").module()
        torch.testing.assert_close(program(images), opened(images), rtol=1e-4, atol=1e-4)
    if suffix == ".npz":
        dense = load(tmp_path / "net.ada").to_dense()
        with np.load(tmp_path / "net.npz") as arrays:
            assert set(arrays) == set(dense)


def test_evaluate_tells_what_bench_tells_of_the_same_files(
    resnet8: str, ada: Command, tmp_path: Path
) -> None:
    write(tmp_path / "net.ada", resnet8)
    save_weights(tmp_path / "dense.npz", trained(resnet8))
    pruned = trained(resnet8)
    METHODS["pruning"].put(pruned, Budget(bits=200_000, each=3.5))
    attach_quantizers(pruned, 4.0)
    content = METHODS["pruning"].write(fold_batch_norms(pruned), resnet8)
    (tmp_path / "net.base").write_bytes(content)
    found = json.loads(ada("evaluate", "net.ada", "dense.npz", "net.base", "--json").done().out)
    rows = json.loads(
        ada("bench", resnet8, "--evaluate", "net.ada", "net.base", "--json").done().out
    )
    for entry, row in zip((found[0], found[2]), rows, strict=True):
        told = (row["test_error"], row["n_bytes"], row["params"], row["ratio"])
        assert (entry["test_error"], entry["bytes"], entry["params"], entry["ratio"]) == told
    assert {entry["data_set"] for entry in found} == {"CIFAR-10-tiny"}
    assert {entry["model"] for entry in found} == {resnet8}
    assert found[1]["ratio"] == 1.0
    assert found[1]["params"] == 75_290


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("evaluate net.ada --data svhn", ["no benchmark tests resnet8 on svhn", "cifar10"]),
        ("profile net.ada --input 1,28,28", ["takes no inputs of shape (1, 1, 28, 28)"]),
        ("profile net.ada --input 3,32", ["takes no inputs of shape", "give --input"]),
        ("profile net.ada --input 3,0,32", ["input is '3,0,32'; integers"]),
        ("profile net.ada --input 3,²,32", ["integers such as 3,32,32"]),
        ("profile net.ada --batch 1000000000", ["not enough memory", "smaller batch"]),
        ("profile net.ada --model torch.nn:Linear", ["torch.nn:Linear cannot be had: TypeError"]),
        ("export net.ada --out net.pt2 --input 1,28,28", ["takes no inputs of shape"]),
        ("export net.ada --out folder.pt2", ["folder.pt2 is a folder"]),
        ("export net.ada --out net.ada", ["ends in '.ada'"]),
    ],
)
def test_what_cannot_be_is_one_line(
    line: str, parts: list[str], resnet8: str, ada: Command, tmp_path: Path
) -> None:
    write(tmp_path / "net.ada", resnet8)
    (tmp_path / "folder.pt2").mkdir()
    ada(*line.split()).error(*parts)


@pytest.mark.parametrize(
    "options",
    ["--batch 0", "--batch -1", "--batch 1e9", "--threads 0", "--threads -3", "--threads 9999",
     "--seconds nan", "--seconds -1", "--seconds inf"],
)  # fmt: skip
def test_numbers_that_cannot_be_are_wrong_use(options: str, ada: Command) -> None:
    result = ada("profile", "net.ada", *options.split())
    assert result.code == 2
    assert options.split()[0] in result.err.splitlines()[-1]


class SafetensorError(Exception):
    """As the library calls its own."""


@pytest.mark.parametrize(
    ("suffix", "error"),
    [
        (
            ".pt2",
            OSError(27, "File too large"),
        ),
        (".safetensors", SafetensorError("I/O error: No space left on device (os error 28)")),
        (".npz", OSError(28, "No space left on device")),
    ],
)
def test_a_full_disk_is_said_with_the_name_of_the_file(
    suffix: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"old")
    monkeypatch.setitem(export_model.__globals__["_WRITERS"], suffix, fail)
    with pytest.raises(OSError, match=rf"net\{suffix}") as caught:
        export_model(torch.nn.Linear(2, 2), path, [torch.ones(1, 2)])
    assert error.args[-1] in str(caught.value)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_module_for_a_file_has_batch_norms_only_where_the_file_has(
    resnet8: str, tmp_path: Path
) -> None:
    for folded in (True, False):
        write(tmp_path / "net.ada", resnet8, folded=folded)
        parts = {type(m).__name__ for m in module_for(load(tmp_path / "net.ada")).modules()}
        assert ("ChannelAffine" in parts, "BatchNorm2d" in parts) == (folded, not folded)

"""Files that anybody may have made: pipes, devices, and what unpacks to far more than it is."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ada_tucker.cli import main as cli
from torch_bridge.models import build_model
from torch_bridge.state.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from torch_bridge.state.tensors import load_weights, read_tensors, write_tensors

READERS: dict[str, Callable[[Path], Any]] = {
    "checkpoint": lambda path: load_checkpoint(path, "mark"),
    "weights": lambda path: read_tensors(path, "ada-tucker train", 10_000),
    "bench": lambda path: load_weights(path, build_model("lenet300")),
}
readers = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes among this system's files")
    os.mkfifo(tmp_path / "pipe.npz")
    return tmp_path / "pipe.npz"


@readers
def test_a_pipe_is_refused_without_waiting(read: Callable[[Path], Any], pipe: Path) -> None:
    with pytest.raises(ValueError, match=r"pipe\.npz.*is a pipe or a device"):
        read(pipe)


@readers
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device")
def test_a_device_is_refused(read: Callable[[Path], Any]) -> None:
    with pytest.raises(ValueError, match=r"/dev/zero.*is a pipe or a device"):
        read(Path("/dev/zero"))


@readers
def test_a_bomb_is_not_unpacked(read: Callable[[Path], Any], tmp_path: Path) -> None:
    """50 MB of zeros in 50 kB."""
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, mark=np.array("mark"), a=np.zeros(50_000_000, np.uint8))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"bomb\.npz.*unpacks to 50,000,\d+ bytes, at most"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@readers
def test_an_array_that_claims_more_than_there_is_memory(
    read: Callable[[Path], Any], tmp_path: Path
) -> None:
    content = io.BytesIO()
    head = {"descr": "<f4", "fortran_order": False, "shape": (1 << 55,)}
    np.lib.format.write_array_header_1_0(content, head)
    path = tmp_path / "giant.npz"
    np.savez(path, mark=np.array("mark"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.npy", content.getvalue() + bytes(100))
    with pytest.raises(ValueError, match=r"giant\.npz"):
        read(path)


def test_a_checkpoint_whose_number_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    save_checkpoint(path, "mark", {"epoch": [1, 2]})
    with pytest.raises(CheckpointError, match=r"run\.npz is damaged"):
        load_checkpoint(path, "mark")


def test_packed_weights_of_the_right_size_are_read(tmp_path: Path) -> None:
    tensors = dict(build_model("lenet300", seed=0).named_parameters())
    write_tensors(tmp_path / "plain.npz", tensors)
    arrays: dict[str, Any] = {name: t.detach().double().numpy() for name, t in tensors.items()}
    np.savez_compressed(tmp_path / "packed.npz", **arrays)
    for name in ("plain", "packed"):
        model = load_weights(tmp_path / f"{name}.npz", build_model("lenet300", seed=1))
        for key, tensor in model.named_parameters():
            assert torch.equal(tensor, tensors[key])


def test_the_command_names_a_pipe(pipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", str(pipe), "--offline"]) == 1
    assert "pipe.npz is no weights file" in capsys.readouterr().err

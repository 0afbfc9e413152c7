"""The commands `inspect` and `qr`: what an .ada file holds, and the file as a picture."""

from __future__ import annotations

import json
import math
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from tests.ada_tucker.tiny_cli import Command
from tests.torch_bridge.tiny_runs import write_ada


def test_inspect(ada: Command, tmp_path: Path) -> None:
    size = len(write_ada(tmp_path / "a.ada"))
    table = ada("inspect", "a.ada").done().out
    assert f"a.ada: lenet300, {size:,} bytes" in table
    found = json.loads(ada("inspect", "a.ada", "--json").done().out)
    assert (found["architecture"], found["bytes"]) == ("lenet300", size)
    assert found["dense_bytes"] == 4 * 266_610
    assert found["parameters"] == sum(layer["parameters"] for layer in found["layers"])
    assert found["dense_parameters"] == 266_610
    told = f"Tucker stores {found['parameters']:,} of 266,610 parameters"
    assert told in table
    full = sum(layer["full_rank"] for layer in found["layers"] if len(layer["shape"]) > 1)
    assert f"{full} weights are dense" in table
    assert sum(layer["bits"] for layer in found["layers"]) / 8 < size
    for layer in found["layers"]:
        assert layer["name"] in table
        assert math.prod(layer["shape"]) == math.prod(layer["dims"])
        assert len(layer["core"]) == len(layer["dims"])


def test_qr_is_read_back_to_the_bytes_of_the_file(ada: Command, tmp_path: Path) -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    content = write_ada(tmp_path / "net.ada")
    result = ada("qr", "net.ada").done()
    assert f"net_qr.png: {len(content):,} bytes" in result.out
    picture = matplotlib.image.imread(tmp_path / "net_qr.png")
    grey = np.ascontiguousarray(255 * (picture if picture.ndim == 2 else picture[..., 0]), np.uint8)
    (code,) = zxingcpp.read_barcodes(grey)
    assert code.bytes == content
    assert "<svg" in (tmp_path / "net_qr.svg").read_text()


def test_qr_to_named_files(ada: Command, tmp_path: Path) -> None:
    write_ada(tmp_path / "net.ada")
    ada("qr", "net.ada", "--out", "new/code.svg").done()
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"code.svg"}
    ada("qr", "net.ada", "--out", "code.jpg").error("code.jpg", ".svg or .png")


def test_qr_of_too_large_a_file(ada: Command, tmp_path: Path) -> None:
    size = len(write_ada(tmp_path / "net.ada", budget=9_000))
    ada("qr", "net.ada").error(f"{size:,} bytes", "2,953")
    assert [path.name for path in tmp_path.iterdir()] == ["net.ada"]

"""Compressed models elsewhere: exported, compiled, and trained in parallel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from tests.torch_bridge.odd_modules import Tied
from torch_bridge import compress_model, materialize
from torch_bridge.compression import export
from torch_bridge.compression.export import export_model
from torch_bridge.weights.tucker_weight import tucker_layers


def compressed() -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(64, 20)
    )
    compress_model(model, 900)
    return model.eval(), torch.randn(5, 3, 4, 4)


def run_onnx(path: Path, inputs: Tensor) -> Tensor:
    runtime: Any = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})
    return torch.from_numpy(output)


def test_safetensors_and_npz_load_into_the_dense_model(tmp_path: Path) -> None:
    model, inputs = compressed()
    expected = model(inputs)
    for name in ("net.safetensors", "net.npz"):
        export_model(model, tmp_path / name)
    assert len(list(tucker_layers(model))) == 2
    state = load_file(tmp_path / "net.safetensors")
    with np.load(tmp_path / "net.npz") as arrays:
        assert {key: array.shape for key, array in arrays.items()} == {
            key: tuple(tensor.shape) for key, tensor in state.items()
        }
    twin = materialize(compressed()[0])
    for parameter in twin.parameters():
        nn.init.zeros_(parameter)
    twin.load_state_dict(state)
    torch.testing.assert_close(twin(inputs), expected)


def test_tied_weights_are_written_once(tmp_path: Path) -> None:
    model = Tied()
    compress_model(model, 300)
    export_model(model, tmp_path / "tied.safetensors")
    assert (tmp_path / "tied.safetensors").stat().st_size < 4 * 24 * 40 + 4 * 40 + 500


@pytest.mark.slow
def test_onnx_gives_the_same_outputs_for_any_batch(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    model, inputs = compressed()
    export_model(model, tmp_path / "net.onnx", [inputs])
    expected = model(inputs)
    torch.testing.assert_close(
        run_onnx(tmp_path / "net.onnx", inputs), expected, rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        run_onnx(tmp_path / "net.onnx", inputs[:2]), expected[:2], rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # torch.export warns of torch's own modules
def test_torch_export_gives_the_same_outputs(tmp_path: Path) -> None:
    model, inputs = compressed()
    export_model(model, tmp_path / "net.pt2", [inputs])
    program = torch.export.load(tmp_path / "net.pt2").module()
    torch.testing.assert_close(program(inputs[:3]), model(inputs[:3]))
    tucker = torch.export.export(model, (inputs,)).module()  # straight from core and factors
    torch.testing.assert_close(tucker(inputs), model(inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("dense", [False, True])
def test_torch_compile(dense: bool) -> None:
    """`aot_eager` traces all that `inductor` traces, and needs no C++ compiler."""
    model, inputs = compressed()
    expected = model(inputs)
    if dense:
        materialize(model)
    compiled: Any = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(inputs), expected, rtol=1e-4, atol=1e-5)
    compiled(inputs).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.filterwarnings("default")  # torch.distributed warns of its own pools
def test_distributed_data_parallel(tmp_path: Path) -> None:
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed")
    model, inputs = compressed()
    expected = model(inputs)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    try:
        parallel = nn.parallel.DistributedDataParallel(model)
        torch.testing.assert_close(parallel(inputs), expected)
        parallel(inputs).square().sum().backward()
        assert all(p.grad is not None for p in model.parameters())
    finally:
        torch.distributed.destroy_process_group()


def test_what_cannot_be_exported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = compressed()
    with pytest.raises(ValueError, match=r"ends in '.zip'; one of"):
        export_model(model, tmp_path / "net.zip")
    with pytest.raises(ValueError, match=r".onnx needs an example input"):
        export_model(model, tmp_path / "net.onnx")

    def absent(name: str) -> None:
        raise ImportError("not there", name="safetensors")

    monkeypatch.setattr(export, "import_module", absent)
    with pytest.raises(
        ValueError, match=r"safetensors is not installed; pip install 'ada-tucker\[export\]'"
    ):
        export_model(model, tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())

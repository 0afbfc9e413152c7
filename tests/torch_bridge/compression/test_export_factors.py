"""Exported files that keep the factors, with free axes by name, integers and inputs by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from torch_bridge import attach_quantizers, compress_model
from torch_bridge.compression.export import export_model


class Tokens(nn.Module):
    """Integers and a mask of floats, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.inner, self.outer = (
            nn.Embedding(60, 48),
            nn.Linear(48, 40),
            nn.Linear(40, 30),
        )

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        hidden = torch.relu(self.inner(self.table(ids) * mask[..., None]))
        return self.outer(hidden)  # type: ignore[no-any-return]


def tokens(dtype: torch.dtype, batch: int, length: int) -> tuple[nn.Module, dict[str, Tensor]]:
    torch.manual_seed(0)
    model = Tokens().to(dtype).eval()
    compress_model(model, 2, unit="ratio", criterion="balanced", order=4)
    ids = torch.randint(0, 60, (batch, length))
    return model, {"ids": ids, "mask": torch.ones(batch, length, dtype=dtype)}


AXES = {name: {0: "batch", 1: "sequence"} for name in ("ids", "mask")}


@pytest.mark.parametrize("suffix", [".pt2", ".onnx"])
def test_factors_free_axes_and_names(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    if suffix == ".onnx":
        pytest.importorskip("onnxscript")
        runtime = pytest.importorskip("onnxruntime")
    model, inputs = tokens(torch.float32, 2, 5)
    attach_quantizers(model, 16.0)
    export_model(model, path, inputs, factorized=True, dynamic_axes=AXES)
    _, other = tokens(torch.float32, 3, 7)
    with torch.no_grad():
        expected = model(**other)
    if suffix == ".pt2":
        found = torch.export.load(path).module()(**other)
    else:
        session = runtime.InferenceSession(str(path))
        given = {name: tensor.numpy() for name, tensor in other.items()}
        found = torch.from_numpy(session.run(None, given)[0])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_states_keep_the_factors(tmp_path: Path, dtype: torch.dtype) -> None:
    pytest.importorskip("safetensors")
    model, _ = tokens(dtype, 2, 5)
    sizes = []
    for factorized in (True, False):
        export_model(model, path := tmp_path / "x.safetensors", factorized=factorized)
        sizes.append(path.stat().st_size)
    assert sizes[0] < 0.65 * sizes[1]


def test_an_axis_of_no_input_is_named(tmp_path: Path) -> None:
    model, inputs = tokens(torch.float32, 2, 5)
    for wrong in ({"words": {0: "batch"}}, {"ids": {2: "batch"}}):
        with pytest.raises(ValueError, match=r"dynamic_axes names .* inputs are .*'ids': \(2, 5\)"):
            export_model(model, tmp_path / "x.pt2", inputs, dynamic_axes=wrong)

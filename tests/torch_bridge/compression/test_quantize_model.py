"""Rounding alone: the one-liner, its file, its training, and where the planner recommends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from torch_bridge import compress_model, load_network, quantize_model, to_network
from torch_bridge.quantization.qat import rate
from tucker_core import load, quantize, save
from tucker_core.rounding_loss import rounding_bits, rounding_loss


def net() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 60), nn.ReLU(), nn.Linear(60, 40))


def test_a_rounded_model_trains_and_comes_back_from_its_file(tmp_path: Path) -> None:
    model, inputs = net(), torch.randn(16, 64)
    expected = model(inputs).detach()
    report = quantize_model(model, 8.0)
    assert report.params == report.dense_params
    far = (model(inputs) - expected).square().mean() / expected.square().mean()
    assert 0 < float(far.detach()) < 0.02
    (model(inputs).square().mean() + 1e-6 * rate(model)).backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    save(tmp_path / "net.ada", to_network(model, "mine"))
    assert (tmp_path / "net.ada").stat().st_size < 0.2 * 4 * report.params
    back = load_network(net(), load(tmp_path / "net.ada"))
    torch.testing.assert_close(back(inputs), model(inputs), rtol=0.03, atol=0.01)


def test_patterns_dry_runs_and_refusals() -> None:
    model = net()
    assert [p.name for p in quantize_model(model, dry_run=True).plan.layers] == [
        "0.weight", "2.weight",
    ]  # fmt: skip
    assert type(model[0]) is nn.Linear
    report = quantize_model(model, exclude=["2"])
    assert [p.name for p in report.plan.layers] == ["0.weight"]
    with pytest.raises(ValueError, match="levels is 0"):
        quantize_model(net(), 0)
    with pytest.raises(ValueError, match="no dense Linear"):
        quantize_model(nn.Sequential(nn.ReLU()))


@pytest.mark.parametrize("levels", [0.5, 1.0, 3.0, 8.0])
def test_the_loss_of_rounding_is_that_of_normal_entries(levels: float) -> None:
    entries = np.random.default_rng(0).standard_normal(200_000)
    integers = quantize(entries, 1 / levels)
    share = np.unique(integers, return_counts=True)[1] / entries.size
    bits = float(-(share * np.log2(share)).sum())
    assert rounding_bits(levels) == pytest.approx(bits, rel=0.01)
    lost = float(np.square(entries - integers / levels).mean())
    assert rounding_loss(bits) == pytest.approx(lost, rel=0.05)


def test_the_report_recommends_rounding_where_tucker_brings_nothing() -> None:
    noise, flat = net(), net()
    with torch.no_grad():
        for layer in (flat[0], flat[2]):
            layer.weight.copy_(torch.outer(torch.randn(len(layer.weight)), layer.weight[0]))
    said = str(compress_model(noise, 4, unit="ratio", criterion="spectra", dry_run=True))
    assert "Tucker brings nothing here, try quantize_model" in said
    assert "quantize_model" not in str(compress_model(flat, 4, unit="ratio", dry_run=True))

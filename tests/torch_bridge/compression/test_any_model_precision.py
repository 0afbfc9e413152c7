"""Models in other precisions, wrapped, or elsewhere: scanned, stored, exported, or refused by name."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from torch_bridge import compress_model, load_network, load_tucker, scan_sensitivity, to_network
from torch_bridge.compression.export import export_model
from torch_bridge.compression.plain import plain_parameter
from torch_bridge.models.fold_batch_norm import ChannelAffine, fold_batch_norms
from tucker_core import from_bytes, to_bytes

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def net(dtype: torch.dtype = torch.float32) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.Linear(64, 20)).to(dtype).eval()


@pytest.mark.parametrize("dtype", DTYPES)
def test_factors_of_a_file_stay_in_the_range_of_every_precision(dtype: torch.dtype) -> None:
    """Integers up to 2^9 in five tensors, times a scale of 10^-15, are beyond half precision."""
    model, inputs = net(dtype), torch.randn(3, 64).to(dtype)
    plain = copy.deepcopy(model)
    compress_model(model, 1_500)
    network = from_bytes(to_bytes(to_network(model, "mine", bits=10)))
    for load in (load_network, load_tucker):
        found = load(copy.deepcopy(plain), network)(inputs)
        assert found.dtype == dtype
        torch.testing.assert_close(found, model(inputs), rtol=0, atol=0.05)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scans_and_archives_of_every_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    model, inputs = net(dtype), torch.randn(3, 64).to(dtype)

    def power(model: nn.Module) -> Any:
        """A loss as training code has it, with its graph."""
        return model(inputs).square().mean()

    evidence = scan_sensitivity(model, power, fractions=(0.5, 0.25), progress=False)
    assert compress_model(model, 2_600, criterion=evidence).plan.n_params <= 2_600
    export_model(model, tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as arrays:
        np.testing.assert_array_equal(arrays["1.weight"], np.ones(64))


def test_a_model_without_values_is_not_stored() -> None:
    model = net()
    compress_model(model, 1_500)
    with pytest.raises(ValueError, match=r"0.weight is on the device 'meta'"):
        to_network(model.to("meta"), "mine", levels=3.0)


class Buffered(nn.Module):
    """Buffers that a file holds exactly, and state that it cannot hold."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(30, 20), nn.BatchNorm1d(20)
        self.register_buffer("order", torch.arange(7))
        self.register_buffer("mask", torch.zeros(3), persistent=False)

    def get_extra_state(self) -> str:
        return "what I was told"

    def set_extra_state(self, state: str) -> None:
        assert state


def test_the_report_names_buffers_that_are_exact_and_those_that_are_left_to_the_module() -> None:
    notes = compress_model(Buffered(), 200).notes
    assert notes == (
        "files hold these buffers exactly: order, norm.num_batches_tracked",
        "files leave these to the module, which has to make them itself: mask, _extra_state",
    )
    assert compress_model(net(), 1_500).notes == ()


def test_folding_of_shared_bare_and_untracked_batch_norms() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.BatchNorm1d(8)
            self.again = self.first
            self.bare = nn.BatchNorm1d(8, affine=False)
            self.untracked = nn.BatchNorm1d(8, track_running_stats=False)

        def forward(self, inputs: Tensor) -> Tensor:
            result: Tensor = self.untracked(self.bare(self.again(self.first(inputs))))
            return result

    model, inputs = Net(), torch.randn(64, 8)
    model(3 * inputs + 1)
    expected = model.eval()(inputs)
    torch.testing.assert_close(fold_batch_norms(model)(inputs), expected)
    assert model.first is model.again
    assert [type(m) for m in model.children()] == [ChannelAffine] * 2 + [nn.BatchNorm1d]


@pytest.mark.parametrize("plain", ["coarse", "float16", "exact"])
def test_a_complex_parameter_is_exact(plain: Any) -> None:
    values = nn.Parameter(torch.randn(5, dtype=torch.complex64).conj())
    found = torch.from_numpy(plain_parameter("w", values, plain).to_dense())
    assert torch.equal(found, values.detach())

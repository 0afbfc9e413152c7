"""What is not in Tucker form, statistics, masks and counters, comes back from a file as it was."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from torch_bridge import (
    attach_quantizers,
    build_model,
    compress_model,
    load_network,
    load_tucker,
    to_network,
)
from torch_bridge.benchmarks.methods import METHODS, Budget
from torch_bridge.compression.plain import plain_parameter
from torch_bridge.models.fold_batch_norm import fold_batch_norms
from tucker_core import from_bytes, save, to_bytes

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class Busy(nn.Module):
    """A module with buffers of every kind beside a layer to compress."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(30, 20)
        self.norm = nn.BatchNorm1d(20)
        self.temperature = nn.Parameter(torch.tensor(2.6593))
        self.register_buffer("order", torch.randperm(300))
        self.register_buffer("large", torch.tensor([2**40, -(2**63), 2**63 - 1]))
        self.register_buffer("seen", torch.tensor([True, False, True]))
        self.register_buffer("mask", torch.triu(torch.full((5, 5), -torch.inf), 1))
        self.register_buffer("least", torch.full((2, 2), torch.finfo(torch.float32).min))
        self.register_buffer("cutouts", torch.tensor([torch.nan, 1e-30, 1e30]))
        self.register_buffer("turns", torch.polar(torch.ones(4), torch.arange(4.0)))
        self.register_buffer("none", torch.zeros(0, 3))
        self.register_buffer("made_anew", torch.zeros(7), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.norm(self.layer(inputs)) * self.temperature
        return result


EXACT = ("order", "large", "seen", "mask", "least", "cutouts", "turns", "norm.num_batches_tracked")


def through_a_file(model: nn.Module, **options: Any) -> Any:
    return from_bytes(to_bytes(to_network(model, "mine", levels=300.0, **options)))


def with_a_dead_channel() -> Any:
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64)).eval()
    with torch.no_grad():
        model[1].running_var.copy_(torch.where(torch.arange(64) % 2 == 0, 20.0, 0.05))
        model[1].running_var[3] = 0
        model[1].running_mean.copy_(torch.randn(64) * torch.logspace(-6, 2, 64))
    return model


@pytest.mark.parametrize("plain", ["coarse", "float16", "exact"])
def test_statistics_of_a_dead_channel_keep_small_variances(plain: Any) -> None:
    model = with_a_dead_channel()
    dense, norm = copy.deepcopy(model), model[1].state_dict()
    compress_model(model, 2_000)
    decoded = load_network(dense, through_a_file(model, plain=plain))[1]  # type: ignore[index]
    error = 0 if plain == "exact" else 2**-11
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(decoded, name), norm[name], rtol=error, atol=0)
    assert decoded.running_var[3] == 0


def test_a_network_of_which_nothing_is_compressed_answers_alike() -> None:
    """One full core stands for a file that leaves a network as it was."""
    model, inputs = with_a_dead_channel(), torch.randn(256, 64)
    model.append(nn.Linear(64, 30)).append(nn.Linear(30, 20))
    dense, expected = copy.deepcopy(model), model(inputs)
    compress_model(model, 560, include=["3"])
    model[3].weight = dense[3].weight.detach()
    decoded: Any = load_network(copy.deepcopy(dense), through_a_file(model))
    decoded[3] = dense[3]
    assert (decoded(inputs).argmax(1) == expected.argmax(1)).float().mean() > 0.99
    torch.testing.assert_close(
        decoded(inputs), expected, rtol=0, atol=0.005 * expected.std().item()
    )


@pytest.mark.parametrize("plain", ["coarse", "float16", "exact"])
def test_buffers_of_every_kind_are_exact(plain: Any) -> None:
    torch.manual_seed(0)
    model = Busy()
    model(torch.randn(9, 30))
    torch.manual_seed(1)
    fresh = Busy()
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    compress_model(model, 400)
    network = through_a_file(model, plain=plain)
    for load in (load_network, load_tucker):
        found = load(copy.deepcopy(fresh), network).state_dict()
        for name in EXACT:
            assert found[name].dtype == kept[name].dtype
            torch.testing.assert_close(found[name], kept[name], rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close(found["temperature"], kept["temperature"], rtol=0.02, atol=0)
    assert not any("made_anew" in p.name or "none" in p.name for p in network.parameters)


@pytest.mark.parametrize("plain", ["float16", "exact"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("spread", [0, 4, 8, 30])
def test_every_entry_keeps_its_precision(plain: Any, dtype: torch.dtype, spread: int) -> None:
    generator = torch.Generator().manual_seed(spread)
    values = torch.randn(500, generator=generator, dtype=torch.float64)
    values = (values * 10 ** (spread * (torch.rand(500, generator=generator) - 0.5))).to(dtype)
    coded = plain_parameter("gain", values, plain)
    dense = torch.from_numpy(coded.to_dense()).double()
    exact = plain == "exact" or dtype == torch.bfloat16
    torch.testing.assert_close(dense, values.double(), rtol=0 if exact else 2**-11, atol=0)
    if spread <= 4 and plain == "float16":
        assert coded.core.size == 2 * 500
    if dtype == torch.bfloat16 and plain == "exact":
        assert coded.core.size == 2 * 500


@pytest.mark.parametrize("scale", [1e-37, 1e-20, 1e-5, 1e5, 1e20, 1e37])
def test_precision_does_not_depend_on_the_size_of_all(scale: float) -> None:
    values = torch.linspace(-1, 1, 41) * scale
    dense = torch.from_numpy(plain_parameter("b", values, "float16").to_dense())
    torch.testing.assert_close(dense, values, rtol=2**-11, atol=0)


def test_files_without_buffers_of_integers_still_load() -> None:
    """As they were written before such buffers were stored."""
    model = with_a_dead_channel()
    dense = copy.deepcopy(model)
    dense[1].num_batches_tracked.fill_(7)
    compress_model(model, 2_000)
    network = through_a_file(model)
    old = [p for p in network.parameters if "num_batches" not in p.name]
    network = type(network)(network.architecture, tuple(old))
    assert load_network(dense, network)[1].num_batches_tracked == 7  # type: ignore[index]
    with pytest.raises(ValueError, match="does not fit Sequential"):
        load_network(dense, type(network)(network.architecture, tuple(old[1:])))


def test_a_wrapped_model_is_stored_under_the_names_of_the_model_itself() -> None:
    model, inputs = with_a_dead_channel(), torch.randn(3, 64)
    dense = copy.deepcopy(model)
    compress_model(model, 2_000)
    network = through_a_file(nn.DataParallel(model))
    assert to_bytes(network) == to_bytes(through_a_file(model))
    expected = load_network(copy.deepcopy(dense), network)(inputs)
    assert torch.equal(load_network(nn.DataParallel(dense), network)(inputs), expected)


def test_what_cannot_be_stored_is_named() -> None:
    model = with_a_dead_channel()
    model[1].register_buffer("thin", torch.eye(3).to_sparse())
    compress_model(model, 2_000)
    with pytest.raises(ValueError, match=r"1.thin is of layout torch.sparse_coo"):
        through_a_file(model)
    model[1].thin = torch.empty(2, device="meta")
    with pytest.raises(ValueError, match=r"1.thin is on the device 'meta'"):
        through_a_file(model)
    del model[1].thin
    with torch.no_grad():
        model[1].weight[2] = torch.nan
    with pytest.raises(ValueError, match=r"1.weight holds nan"):
        through_a_file(model)
    plain: Any = "fine"
    with pytest.raises(ValueError, match="plain is 'fine'; one of"):
        through_a_file(model, plain=plain)


def test_benchmark_files_hold_coarse_gains_under_any_name() -> None:
    """They are trained for them; a change would change every published file."""
    model = fold_batch_norms(with_a_dead_channel())
    METHODS["ada"].put(model, Budget(bits=6_000, each=3.0, ranks_by="balanced"))
    attach_quantizers(model, 3.0)
    network = from_bytes(METHODS["ada"].write(model, "some network"))
    assert [p.name for p in network.parameters] == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_files_of_known_architectures_hold_coarse_parameters(tmp_path: Any) -> None:
    model = build_model("lenet5", seed=0)
    compress_model(model, 2_000, init="scratch")
    with pytest.raises(ValueError, match="files of 'lenet5' hold coarse parameters"):
        to_network(model, "lenet5", 3.0, plain="float16")
    default = to_network(model, "lenet5", 3.0)
    assert to_bytes(default) == to_bytes(to_network(model, "lenet5", 3.0, plain="coarse"))
    network = save(tmp_path / "net.ada", to_network(model, "my lenet", 3.0, plain="exact"))
    state = load_network(build_model("lenet5", seed=1), network).state_dict()
    assert np.array_equal(state["fc2.bias"].numpy(), model.state_dict()["fc2.bias"].numpy())

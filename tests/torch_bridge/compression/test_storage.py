"""Models as files and back: what is rounded, what is left out, what is refused."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.torch_bridge.tiny_runs import all_parts, small_net, stored_parts
from torch_bridge import (
    attach_quantizers,
    build_model,
    compress_model,
    load_network,
    to_network,
)
from torch_bridge.benchmarks.experiment import fix_inner_biases
from torch_bridge.compression.plain import BIAS_LEVELS
from torch_bridge.quantization.qat import step_of
from torch_bridge.weights.tucker_weight import tucker_layers
from tucker_core import (
    ARCHITECTURES,
    CompressedNetwork,
    from_bytes,
    load,
    save,
    scale_of,
    to_bytes,
)
from tucker_core.quantize import nearest_scale_code


def tucker_lenet(name: str = "lenet5", seed: int = 0) -> nn.Module:
    """Make a LeNet in Tucker form, with its biases."""
    model = build_model(name, seed=seed)
    compress_model(model, 2_000, init="scratch", generator=torch.Generator().manual_seed(seed))
    return model


def dense_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Give the reconstructed weights and the biases of a model in Tucker form."""
    weights: dict[str, Any] = {name: layer.weight for name, layer in tucker_layers(model)}
    biases = {name: p for name, p in model.named_parameters() if name.endswith("bias")}
    return {name: tensor.detach() for name, tensor in (weights | biases).items()}


def rounded_dense(model: nn.Module, levels: float) -> dict[str, torch.Tensor]:
    """Round every stored tensor in torch's own arithmetic, and reconstruct the dense weights.

    A file tells the scale of a weight to within 2^(1/64), so each weight is right but for that ratio.
    """
    model = copy.deepcopy(model).double()
    parts = [(part, levels) for parts in all_parts(model).values() for part in parts]
    parts += [(p, BIAS_LEVELS) for name, p in model.named_parameters() if name.endswith("bias")]
    with torch.no_grad():
        for part, fine in parts:
            step = step_of(part, fine)
            if fine == BIAS_LEVELS:  # a bias is rounded on the grid of scales itself
                step = scale_of(nearest_scale_code(step))
            part.copy_(torch.round(part / step) * step)
    return dense_state(model)


def same_but_for_scale(array: Any, expected: Any, layers: int = 1) -> None:
    """Hold a decoded array against the expected one: one ratio for all entries, near 1."""
    array, expected = np.float64(array), np.float64(expected)
    ratio = float(np.vdot(array, expected) / np.vdot(expected, expected)) if expected.any() else 1.0
    assert abs(np.log2(ratio)) <= layers / 64 + 1e-5
    np.testing.assert_allclose(array, ratio * expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def decoded(model: nn.Module, name: str, levels: float | None, folder: Path) -> CompressedNetwork:
    """Write a model to a file and read it back."""
    save(folder / "net.ada", to_network(model, name, levels))
    return load(folder / "net.ada")


@pytest.mark.parametrize("name", ["lenet5", "lenet300"])
@pytest.mark.parametrize("levels", [1.0, 3.0, 15.0])
def test_decoded_file_is_the_network_of_rounded_values(
    name: str, levels: float, tmp_path: Path
) -> None:
    model = tucker_lenet(name)
    dense = decoded(model, name, levels, tmp_path).to_dense()
    expected = rounded_dense(model, levels)
    assert dense.keys() == expected.keys()
    for key, array in dense.items():
        assert array.dtype == np.float32
        same_but_for_scale(array, expected[key].numpy())


def test_finer_levels_cost_bytes_and_bring_accuracy() -> None:
    model = tucker_lenet()
    exact = {name: tensor.numpy() for name, tensor in dense_state(model).items()}
    sizes, errors = [], []
    for levels in (0.5, 1.0, 2.0, 4.0, 8.0, 32.0):
        network = to_network(model, "lenet5", levels)
        sizes.append(len(to_bytes(network)))
        dense = network.to_dense()
        weights = [key for key in dense if key.endswith("weight")]
        errors.append(sum(float(np.square(dense[k] - exact[k]).sum()) for k in weights))
    assert sizes == sorted(set(sizes))
    assert errors == sorted(set(errors), reverse=True)


def test_attached_steps_are_the_default_and_the_file_computes_what_was_trained(
    tmp_path: Path,
) -> None:
    model = tucker_lenet()
    fix_inner_biases(model)
    nn.init.zeros_(model.fc2.bias)  # type: ignore[union-attr, arg-type]
    attach_quantizers(model, 3.0)
    network = decoded(model, "lenet5", None, tmp_path)
    dense = load_network(build_model("lenet5"), network)
    inputs = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    ours, expected = (net(inputs).detach().numpy() for net in (dense, model))
    same_but_for_scale(
        ours, expected, layers=4
    )  # all that lies between inputs and outputs scales along
    assert to_bytes(network) == to_bytes(to_network(model, "lenet5", 3.0))


@pytest.mark.parametrize("attached", [False, True])
def test_no_steps_are_refused_and_levels_override_attached_ones(attached: bool) -> None:
    model = tucker_lenet()
    if attached:
        attach_quantizers(model, 2.0)
        finer, coarser = (len(to_bytes(to_network(model, "lenet5", k))) for k in (9.0, None))
        assert finer > coarser
    else:
        with pytest.raises(ValueError, match=r"conv1.weight has no steps; give levels"):
            to_network(model, "lenet5")


def test_zero_inner_biases_are_left_out_and_come_back() -> None:
    model = tucker_lenet()
    with_biases = to_network(model, "lenet5", 3.0)
    fix_inner_biases(model)
    network = to_network(model, "lenet5", 3.0)
    assert {p.name for p in with_biases.parameters} == set(ARCHITECTURES["lenet5"])
    assert {p.name for p in network.parameters if "bias" in p.name} == {"fc2.bias"}
    dense = load_network(build_model("lenet5"), network).state_dict()
    assert all(not dense[f"{name}.bias"].any() for name in ("conv1", "conv2", "fc1"))
    assert dense["fc2.bias"].any()


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["fc1.weight", "fc1.bias"])
def test_values_that_are_not_finite_are_refused_by_name(name: str, value: float) -> None:
    """The name of the parameter has to be in the message, not only its place in some core."""
    model = tucker_lenet()
    fc1: Any = model.fc1
    tensor = fc1.bias if name == "fc1.bias" else stored_parts(fc1)[0]
    with torch.no_grad():
        tensor.view(-1)[3] = value
    with pytest.raises(ValueError, match=name):
        to_network(model, "lenet5", 3.0)


@pytest.mark.parametrize("levels", [0.0, -1.0, math.nan])
def test_bad_levels_are_refused(levels: float) -> None:
    model = tucker_lenet()
    with pytest.raises(ValueError, match="a positive number of steps"):
        to_network(model, "lenet5", levels)
    with pytest.raises(ValueError, match="a positive number of steps"):
        attach_quantizers(model, levels)


def test_dense_model_is_refused() -> None:
    with pytest.raises(ValueError, match="LeNet5 has no Tucker weight"):
        to_network(build_model("lenet5"), "lenet5", 3.0)
    with pytest.raises(ValueError, match="LeNet5 has no Tucker weight"):
        attach_quantizers(build_model("lenet5"), 3.0)


@pytest.mark.parametrize(("held", "model"), [("lenet5", "lenet300"), ("lenet300", "lenet5")])
def test_network_that_does_not_fit_the_model_is_refused(held: str, model: str) -> None:
    other = build_model(model, seed=0)
    before = {key: tensor.clone() for key, tensor in other.state_dict().items()}
    with pytest.raises(ValueError, match=f"holds a '{held}' network, which does not fit LeNet"):
        load_network(other, to_network(tucker_lenet(held), held, 3.0))
    assert all(torch.equal(before[key], tensor) for key, tensor in other.state_dict().items())


@pytest.mark.parametrize("name", ["mlp", "any other name, même celui-ci"])
@pytest.mark.parametrize("zero_biases", [False, True])
def test_any_model_under_any_name_keeps_names_and_biases(
    name: str, zero_biases: bool, tmp_path: Path
) -> None:
    model = small_net("tucker")
    if zero_biases:
        fix_inner_biases(model)
    save(tmp_path / "net.ada", to_network(model, name, 4.0, plain="coarse"))
    network = load(tmp_path / "net.ada")
    assert network.architecture == name
    assert [p.name for p in network.parameters] == ["1.weight", "1.bias", "3.weight", "3.bias"]
    dense = load_network(small_net(), network)
    expected = rounded_dense(model, 4.0)
    for key, tensor in dense.state_dict().items():
        same_but_for_scale(tensor.numpy(), expected[key].numpy())


def test_a_layer_alone_and_a_plain_parameter(tmp_path: Path) -> None:
    layer = nn.Linear(30, 20)
    compress_model(layer, 200)
    assert list(decoded(layer, "one", 4.0, tmp_path).to_dense()) == ["weight", "bias"]
    model = nn.Sequential(nn.Linear(30, 20), nn.PReLU())
    compress_model(model, 200)
    dense = decoded(model, "two", 4.0, tmp_path).to_dense()
    assert dense["1.weight"] == 0.25


@pytest.mark.parametrize("order", [2, 5, 8])
@pytest.mark.parametrize(("asked", "error"), [({"bits": 16}, 3e-4), ({"levels": 2_000.0}, 1e-3)])
def test_sixteen_bits_and_fine_levels_are_as_fine_at_every_order(
    order: int, asked: dict[str, Any], error: float
) -> None:
    """A scale is told to 1.1 %, and is below 2^-64 at high orders: both once spoilt fine steps."""
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(64, 64))
    compress_model(model, 2_000, criterion="balanced", order=order)
    weight = model[0].weight.detach().as_subclass(torch.Tensor)
    network = from_bytes(to_bytes(to_network(model, "mine", **asked)))
    decoded: Any = load_network(nn.Sequential(nn.Linear(64, 64)), network)
    assert float((decoded[0].weight - weight).norm().detach()) < error * float(weight.norm())


def test_integers_beyond_the_largest_one_make_steps_coarser_and_lose_nothing() -> None:
    model: Any = nn.Sequential(nn.Linear(30, 20))
    compress_model(model, 300)
    weight = model[0].weight.detach().as_subclass(torch.Tensor)
    attach_quantizers(model, 100_000.0)
    for levels in (None, 1e6):
        dense = to_network(model, "mine", levels).to_dense()["0.weight"]
        np.testing.assert_allclose(dense, weight.numpy(), atol=0.02 * float(weight.abs().max()))


def test_a_network_of_more_than_four_million_parameters_is_saved(tmp_path: Path) -> None:
    model = nn.Linear(2_100, 2_050, bias=False)
    compress_model(model, 4_200_000, order=2, init="scratch")
    network = save(tmp_path / "x.ada", to_network(model, "mine", 2.0))
    assert network.n_params > 1 << 22
    assert load(tmp_path / "x.ada").n_params == network.n_params


@pytest.mark.parametrize("levels", [1.0, 8.0, 100.0])
def test_a_dry_run_says_what_the_file_will_take(levels: float) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(8, 32, 3), nn.BatchNorm2d(32), nn.Linear(200, 100))
    report = compress_model(model, 9_000, criterion="balanced", dry_run=True)
    assert f"takes about {report.file_bytes(8.0):,} bytes" in report.table()
    compress_model(model, report.plan)
    taken = len(to_bytes(to_network(model, "mine", levels)))
    assert taken == pytest.approx(report.file_bytes(levels), rel=0.1)

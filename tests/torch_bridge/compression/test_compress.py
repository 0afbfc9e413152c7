"""Models into Tucker form and out again: budgets, counts, starts, and what is refused."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.torch_bridge.tiny_runs import all_parts
from torch_bridge import build_model, compress_model, materialize, to_network
from torch_bridge.compression.survey import compressible_layers
from torch_bridge.weights.count import count_params
from torch_bridge.weights.tucker_weight import tucker_layers
from tucker_core import (
    LayerPlan,
    NetworkPlan,
    ReshapePlan,
    from_bytes,
    hosvd,
    plan_network,
    to_bytes,
)


def mixed_net(seed: int = 0) -> nn.Sequential:
    """Make a net with layers that are compressed and layers that are not."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(32, 20, bias=False)
        )  # fmt: skip


def smallest_budget(model: nn.Module) -> int:
    """Read the smallest possible budget out of the message that refuses a smaller one."""
    with pytest.raises(ValueError, match="need at least") as caught:
        compress_model(model, 1)
    words = str(caught.value).replace(",", " ").split()
    return int(words[words.index("least") + 1])


@pytest.mark.parametrize("budget", [150, 151, 200, 333, 450, 600, 900])
@pytest.mark.parametrize("init", ["hosvd", "scratch"])
def test_never_over_budget_and_counts_are_real(budget: int, init: Any) -> None:
    model = mixed_net()
    report = compress_model(model, budget, init=init)
    stored = sum(part.numel() for parts in all_parts(model).values() for part in parts)
    plain = 8 + 2 * 8  # the bias of the convolution, scale and shift of the norm
    assert stored == report.plan.n_params <= budget
    assert report.params == count_params(model) == stored + plain
    assert report.dense_params == 8 * 27 + 20 * 32 + plain


@pytest.mark.parametrize("name", ["lenet5", "lenet300"])
def test_smallest_budget_that_is_named_works_and_one_less_does_not(name: str) -> None:
    least = smallest_budget(build_model(name))
    assert compress_model(build_model(name), least).plan.n_params <= least
    with pytest.raises(ValueError, match=f"need at least {least}"):
        compress_model(build_model(name), least - 1)


def test_refused_budget_leaves_the_model_as_it_was() -> None:
    model = mixed_net()
    before = list(model.state_dict())
    smallest_budget(model)
    assert list(model.state_dict()) == before


@pytest.mark.parametrize("make", [lambda: nn.Linear(60, 40), lambda: nn.Conv2d(12, 24, 5)])
def test_scratch_start_has_the_standard_deviation_of_he(make: Callable[[], nn.Module]) -> None:
    variances = []
    for seed in range(12):
        layer = make()
        compress_model(layer, 900, init="scratch", generator=torch.Generator().manual_seed(seed))
        weight: Any = layer.weight
        variances.append(float(weight.detach().var()))
    found = math.sqrt(float(np.mean(variances)))
    assert found == pytest.approx(math.sqrt(2 / math.prod(weight.shape[1:])), rel=0.15)


def test_hosvd_start_errs_as_much_as_tucker_core() -> None:
    model = mixed_net()
    before = {name: p.detach().clone().numpy() for name, p in model.named_parameters()}
    plan = compress_model(model, 300).plan
    for name, layer in tucker_layers(model):
        dense = before[name]
        tensor: Any = plan[name].reshape.apply(dense)
        expected = np.linalg.norm(tensor - hosvd(tensor, plan[name].rank).to_tensor())
        weight: Any = layer.weight
        error = np.linalg.norm(dense - weight.detach().numpy())
        assert error == pytest.approx(float(expected), rel=1e-4)
        assert 0 < error < np.linalg.norm(dense)


def scratch_parts(seed: int | None) -> list[torch.Tensor]:
    """Compress a net from scratch; None leaves the generator to `compress_model`."""
    model = mixed_net()
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    compress_model(model, 400, init="scratch", generator=generator)
    return [part for parts in all_parts(model).values() for part in parts]


@pytest.mark.parametrize(
    ("first", "second", "same"), [(3, 3, True), (3, 4, False), (None, 0, True)]
)
def test_scratch_start_follows_its_generator(
    first: int | None, second: int | None, same: bool
) -> None:
    pairs = zip(scratch_parts(first), scratch_parts(second), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs) == same


def test_scratch_start_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    scratch_parts(None)
    assert torch.equal(torch.get_rng_state(), before)


def other_plan(**shapes: tuple[int, ...]) -> NetworkPlan:
    """Plan weights of one layer, whose name stands for "<name>.weight"."""
    return plan_network({f"{name}.weight": s for name, s in shapes.items()}, budget=300)


@pytest.mark.parametrize(
    ("model", "plan", "message"),
    [
        (nn.ReLU(), 100, "ReLU has no dense Linear, Conv or Embedding layer"),
        (nn.Linear(9, 9), other_plan(fc=(9, 9)), r"plan names 'fc.weight'; the model has \['weight'\]"),
        (nn.Sequential(nn.Linear(9, 8)), NetworkPlan(other_plan(a=(9, 8)).layers), "'a.weight'"),
    ],
    ids=["no layer", "plan for another model", "plan for another name"],
)  # fmt: skip
def test_refused(model: nn.Module, plan: NetworkPlan | int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compress_model(model, plan)


def test_plan_for_another_shape_is_refused() -> None:
    plan = plan_network({"weight": (9, 8)}, budget=300)
    with pytest.raises(ValueError, match=r"weight has shape \(8, 9\); the plan is for \(9, 8\)"):
        compress_model(nn.Linear(9, 8), plan)


def test_compressing_twice_is_refused() -> None:
    model = mixed_net()
    compress_model(model, 400)
    with pytest.raises(ValueError, match="has no dense Linear, Conv or Embedding layer"):
        compress_model(model, 400)


def test_unknown_start_is_refused() -> None:
    unknown: Any = "random"
    with pytest.raises(ValueError, match="init is 'random'; 'hosvd' or 'scratch' is needed"):
        compress_model(mixed_net(), 400, init=unknown)


def test_weights_that_are_not_finite_are_refused() -> None:
    model = nn.Linear(20, 10)
    nn.init.constant_(model.weight, math.nan)
    with pytest.raises(ValueError, match="must be finite"):
        compress_model(model, 100)


def test_plan_of_some_layers_leaves_the_others_dense() -> None:
    model = mixed_net()
    compress_model(model, plan_network({"3.weight": (20, 32)}, budget=200))
    assert [name for name, _ in tucker_layers(model)] == ["3.weight"]
    assert [name for name, _ in compressible_layers(model)] == ["0.weight"]


def test_table_shows_plan_and_ratio() -> None:
    report = compress_model(build_model("lenet5"), 3_900)
    table = report.table()
    assert "conv2.weight" in table
    assert f"431,080 -> {report.params:,}" in table


@pytest.mark.parametrize(("name", "params"), [("lenet5", 431_080), ("lenet300", 266_610)])
@pytest.mark.parametrize("init", ["hosvd", "scratch"])
def test_materialize_gives_the_dense_network_of_equal_outputs(
    name: str, params: int, init: Any
) -> None:
    model = build_model(name, seed=0)
    keys = set(model.state_dict())
    compress_model(model, 3_000, init=init)
    inputs = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    before = model(inputs)
    assert materialize(model) is model
    torch.testing.assert_close(model(inputs), before)
    assert count_params(model) == params
    assert set(model.state_dict()) == keys
    assert all(p.requires_grad for p in model.parameters())
    assert compress_model(model, 3_000).dense_params == params


@pytest.mark.parametrize("way", ["in no_grad", "frozen"])
def test_materialized_weights_are_parameters_even_without_gradients(way: str) -> None:
    """torch's `remove_parametrizations` makes a buffer of what needs no gradient."""
    model = mixed_net()
    names = {name for name, _ in model.named_parameters()}
    compress_model(model, 300)
    model.requires_grad_(way != "frozen")
    with torch.set_grad_enabled(way != "in no_grad"):
        materialize(model)
    assert {name for name, _ in model.named_parameters()} == names


def test_materializing_a_copy_leaves_the_original_in_tucker_form() -> None:
    """torch's `remove_parametrizations` takes `weight` off a class that copies share."""
    model = mixed_net()
    compress_model(model, 300)
    model.eval()
    inputs = torch.ones(2, 3, 4, 4)
    before = model(inputs)
    materialize(copy.deepcopy(model))
    torch.testing.assert_close(model(inputs), before)


def test_a_padded_plan_keeps_the_weight_and_passes_through_a_file() -> None:
    layer = nn.Linear(11, 7)
    with torch.no_grad():
        layer.weight.copy_(torch.outer(torch.arange(7.0), torch.arange(11.0)) / 50)
    before = layer.weight.detach().clone()
    plan = ReshapePlan((7, 11), (8, 12), (0, 1), padded=(8, 12))
    compress_model(layer, NetworkPlan((LayerPlan("weight", plan, (1, 2)),)))
    torch.testing.assert_close(layer.weight.detach(), before, rtol=1e-4, atol=1e-5)
    back = from_bytes(to_bytes(to_network(layer, "one", 500.0)))
    np.testing.assert_allclose(back.to_dense()["weight"], before.numpy(), atol=0.02)


def test_a_plan_that_stores_more_than_the_dense_layer_is_refused_by_name() -> None:
    model = nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 30))
    before = list(model.state_dict())
    straight = ReshapePlan((30, 20), (30, 20), (0, 1))
    small = LayerPlan("0.weight", ReshapePlan((20, 30), (20, 30), (0, 1)), (2, 2))
    large = LayerPlan("1.weight", straight, (19, 19))
    with pytest.raises(ValueError, match=r"stores 1,311 parameters for 1\.weight, which has 600"):
        compress_model(model, NetworkPlan((small, large)))
    assert list(model.state_dict()) == before
    dense = LayerPlan("1.weight", straight, (30, 20))  # as large as the layer: rounding alone
    assert compress_model(model, NetworkPlan((small, dense))).plan["1.weight"].n_params == 600


def trained_net() -> Any:
    """Make a net with a matrix of low rank and a convolution of columns and rows."""
    model: Any = nn.Sequential(nn.Conv2d(12, 16, 3), nn.Flatten(), nn.Linear(64, 48))
    rng = np.random.default_rng(0)
    columns, rows = rng.standard_normal((16, 3, 4)), rng.standard_normal((12, 3, 4))
    matrix = rng.standard_normal((48, 6)) @ rng.standard_normal((6, 64))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor(np.einsum("okr,ijr->oikj", columns, rows)))
        model[2].weight.copy_(torch.tensor(matrix))
    return model


def test_trained_weights_are_planned_by_their_energy() -> None:
    model = trained_net()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    plan = compress_model(model, 1_300).plan
    assert plan["2.weight"].reshape.dims == (48, 64)
    assert plan["0.weight"].reshape.dims == (48, 36)
    materialize(model)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name], rtol=1e-4, atol=1e-4)
    assert "svd (48, 64) loses 0.0% of the energy" in plan["2.weight"].reason


def test_weights_with_nothing_to_weigh_are_balanced() -> None:
    balanced = compress_model(trained_net(), 900, criterion="balanced", dry_run=True).plan
    assert compress_model(trained_net(), 900, init="scratch", dry_run=True).plan == balanced
    with torch.device("meta"):
        nothing = nn.Sequential(nn.Conv2d(12, 16, 3), nn.Flatten(), nn.Linear(64, 48))
    assert compress_model(nothing, 900, dry_run=True).plan == balanced
    drawn = nn.Sequential(nn.Conv2d(12, 16, 3), nn.Flatten(), nn.Linear(64, 48))
    assert compress_model(drawn, 900, dry_run=True).plan == balanced
    assert compress_model(trained_net(), 900, dry_run=True).plan != balanced


@pytest.mark.parametrize("evidence", ["balanced", "spectra"])
def test_order_and_reshape_can_be_forced(evidence: Any) -> None:
    def dims(**options: Any) -> list[tuple[int, ...]]:
        report = compress_model(trained_net(), 1_500, criterion=evidence, dry_run=True, **options)
        return [layer.reshape.dims for layer in report.plan.layers]

    assert {len(own) for own in dims(order=4)} == {4}
    assert {len(own) for own in dims(reshape="order 2")} == {2}
    assert dims(reshape="svd") == [(16, 108), (48, 64)]
    assert dims(reshape="split") == [(4, 4, 3, 4, 9), (6, 8, 8, 8)]
    assert dims(reshape="natural")[0] in [(16, 12, 9), (16, 12, 3, 3)]
    with pytest.raises(ValueError, match="reshape is 'cp'; one of 'auto', 'svd'"):
        dims(reshape="cp")


@pytest.mark.parametrize("unit", ["numbers", "parameters", "bytes", "ratio"])
def test_the_smallest_budget_of_trained_weights_is_named(unit: Any) -> None:
    budget = 1e6 if unit == "ratio" else 1
    with pytest.raises(ValueError, match=r"at least") as caught:
        compress_model(trained_net(), budget, unit=unit)
    words = str(caught.value).replace(",", "").replace(":", "").split()
    least = int(words[words.index("least") + 1])
    assert compress_model(trained_net(), least).plan.n_params == least
    with pytest.raises(ValueError, match="at least"):
        compress_model(trained_net(), least - 1)

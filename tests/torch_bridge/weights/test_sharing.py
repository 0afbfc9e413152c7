"""One tensor for several weights: counted once, trained together, stored once; SCADA's shared core."""

from __future__ import annotations

import copy
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from torch_bridge import build_model, compress_model, load_network, materialize, to_network
from torch_bridge.benchmarks.recipes import RECORDS
from torch_bridge.weights.count import count_params
from torch_bridge.weights.sharing import share, share_core
from torch_bridge.weights.tucker_weight import tucker_layers, tucker_parts
from tucker_core import LayerPlan, NetworkPlan, from_bytes, plan_network, plan_reshape, to_bytes

SHAPES = {"fc1.weight": (300, 784), "fc2.weight": (100, 300), "fc3.weight": (10, 100)}


def lenet300() -> nn.Module:
    """A LeNet-300 whose first layers split the 300 units between them alike, at the same ranks."""
    model = build_model("lenet300", seed=0)
    fc1 = LayerPlan("fc1.weight", plan_reshape((300, 784), 4), (4, 4, 5, 5))
    fc2 = LayerPlan("fc2.weight", plan_reshape((100, 300), 4), (3, 3, 4, 4))
    compress_model(model, NetworkPlan((fc1, fc2)), init="scratch")
    return model


def scada(budget: int = 3_000, init: Any = "scratch") -> nn.Module:
    model = build_model("lenet300", seed=0)
    compress_model(model, plan_network(SHAPES, budget=budget, shared_core=True), init=init)
    return model


def test_shared_factor_is_one_parameter_with_one_gradient() -> None:
    model = lenet300()
    before = count_params(model)
    share(model, ("fc1.weight", 0), ("fc2.weight", 2))
    assert before - count_params(model) == 15 * 4
    layers = dict(tucker_layers(model))
    first, second = (tucker_parts(layers[f"fc{k}.weight"])[2] for k in (1, 2))
    shared = cast(Any, first[0])
    assert id(shared) == id(second[2])
    model(torch.ones(1, 1, 28, 28)).sum().backward()
    whole = shared.grad.clone()
    parts = []
    for name in ("fc1", "fc2"):
        model.zero_grad()
        weight: Any = getattr(model, name).weight
        out: Any = torch.autograd.grad(weight.sum(), shared)
        parts.append(out[0])
    torch.testing.assert_close(torch.isfinite(whole).all(), torch.tensor(True))
    assert all(bool(part.any()) for part in (whole, *parts))


def test_shared_factor_is_stored_once_and_comes_back() -> None:
    model = lenet300()
    alone = len(to_bytes(to_network(model, "lenet300", 3.0)))
    share(model, ("fc1.weight", 0), ("fc2.weight", 2))
    network = to_network(model, "lenet300", 3.0)
    content = to_bytes(network)
    assert alone - len(content) > 15
    back = from_bytes(content)
    assert back.parameters[0].factors[0] is back.parameters[2].factors[2]
    dense = load_network(build_model("lenet300"), back)
    assert count_params(dense) == 266_610


@pytest.mark.parametrize(
    ("first", "other", "message"),
    [
        (("fc9.weight", 0), ("fc2.weight", 2), "'fc9.weight' is no weight in Tucker form"),
        (("fc1.weight", 4), ("fc2.weight", 2), "fc1.weight has no factor in mode 4"),
        (("fc1.weight", 0), ("fc2.weight", 3), r"has shape \(20, 4\), .* has \(15, 4\)"),
        (("fc1.weight", -1), ("fc2.weight", -1), "only tensors of one shape"),
    ],
)
def test_what_cannot_be_shared_is_named(first: Any, other: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        share(lenet300(), first, other)


def test_scada_has_one_core_counted_stored_and_trained_once() -> None:
    model = scada()
    plan = plan_network(SHAPES, budget=3_000, shared_core=True)
    sharing = [layer.name for layer in plan.layers if layer.shared_core]
    assert sharing == ["fc1.weight", "fc2.weight"], "the last layer is far smaller"
    layers = dict(tucker_layers(model))
    assert len({id(tucker_parts(layers[name])[1]) for name in sharing}) == 1
    biases = 300 + 100 + 10
    assert count_params(model) == plan.n_params + biases <= 3_000 + biases
    back = from_bytes(to_bytes(to_network(model, "lenet300", 3.0)))
    assert len({id(p.core) for p in back.parameters if p.name in sharing}) == 1
    dense = load_network(build_model("lenet300"), back)
    inputs = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.nn.functional.cosine_similarity(dense(inputs), model(inputs)).min() > 0.8


def test_scada_from_scratch_has_the_right_variance() -> None:
    spreads: dict[str, list[float]] = {}
    for seed in range(4):
        model = build_model("lenet300", seed=seed)
        plan = plan_network(SHAPES, budget=6_000, shared_core=True)
        generator = torch.Generator().manual_seed(seed)
        compress_model(model, plan, init="scratch", generator=generator)
        for name, layer in tucker_layers(model):
            weight: Any = layer.weight
            spreads.setdefault(name, []).append(float(weight.detach().std()))
    for name, found in spreads.items():
        wanted = (2 / SHAPES[name][1]) ** 0.5
        assert 0.5 < float(np.mean(found)) / wanted < 1.6, name


def test_scada_from_a_joint_decomposition_is_nearer_than_from_scratch() -> None:
    dense = {n: p.detach() for n, p in build_model("lenet300", seed=0).named_parameters()}

    def error(init: Any) -> float:
        model = materialize(scada(60_000, init))
        pairs = [(dense[n], p.detach()) for n, p in model.named_parameters() if n in SHAPES]
        return float(sum(((a - b) ** 2).sum() for a, b in pairs))

    norm = float(sum((dense[n] ** 2).sum() for n in SHAPES))
    assert error("hosvd") < norm < error("scratch")


@pytest.mark.parametrize("key", RECORDS)
def test_the_records_recipes_plan_what_they_share(key: tuple[str, str]) -> None:
    recipe = RECORDS[key]
    ranks = {name: (dims, rank) for name, dims, rank in recipe.layers}
    for group in recipe.shared:
        shapes = {(ranks[name][0][mode], ranks[name][1][mode]) for name, mode in group if mode >= 0}
        assert len(shapes) <= 1, group


def test_share_core_needs_equal_cores() -> None:
    with pytest.raises(ValueError, match="only tensors of one shape"):
        share_core(lenet300(), ["fc1.weight", "fc2.weight"])


def staged_net() -> nn.Module:
    """Make a net of two stages: three convolutions of one shape, two of another, one alone."""
    torch.manual_seed(0)
    small = [nn.Conv2d(12, 12, 3, bias=False) for _ in range(3)]
    large = [nn.Conv2d(16, 16, 3, bias=False) for _ in range(2)]
    return nn.Sequential(*small, nn.Conv2d(12, 16, 1, bias=False), *large)


@pytest.mark.parametrize("init", ["hosvd", "scratch"])
def test_groups_of_equal_shape_have_a_core_each(init: Any) -> None:
    model = staged_net()
    report = compress_model(model, 3_000, shared_core="groups", init=init)
    layers = dict(tucker_layers(model))
    cores = {name: id(tucker_parts(layer)[1]) for name, layer in layers.items()}
    assert len({cores[f"{k}.weight"] for k in (0, 1, 2)}) == 1
    assert len({cores[f"{k}.weight"] for k in (4, 5)}) == 1
    assert len(set(cores.values())) == 3
    assert count_params(model) == report.plan.n_params <= 3_000
    assert report.plan.n_params > 0.9 * 3_000
    for layer in report.plan.layers:
        assert all(j <= i for i, j in zip(layer.reshape.dims, layer.rank, strict=True))
        assert layer.reason
    assert "shared core 0.weight" in report.plan.table()
    assert "shared core 4.weight" in report.plan.table()
    back = from_bytes(to_bytes(to_network(model, "staged", 3.0)))
    assert len({id(p.core) for p in back.parameters}) == 3
    assert compress_model(staged_net(), report.plan).n_bytes == 4 * report.plan.n_params


def test_groups_start_near_the_dense_weights() -> None:
    dense = staged_net()
    model = materialize(compressed_in_groups(dense))
    pairs = [(dict(dense.named_parameters())[n], p) for n, p in model.named_parameters()]
    error = sum(float((a - b).detach().square().sum()) for a, b in pairs)
    assert error < 0.8 * sum(float(a.detach().square().sum()) for a, _ in pairs)


def compressed_in_groups(dense: nn.Module) -> nn.Module:
    model = copy.deepcopy(dense)
    compress_model(model, 4_500, shared_core="groups")
    return model


def test_layers_of_a_group_need_one_rank() -> None:
    reshape = plan_reshape((30, 20), 3)
    layers = [
        LayerPlan(name, reshape, (r, 2, 2), True, group="a") for name, r in (("a", 2), ("b", 3))
    ]
    with pytest.raises(ValueError, match=r"a, b share a core, and have ranks \[\(2, 2, 2\), \(3"):
        NetworkPlan(tuple(layers))
    with pytest.raises(ValueError, match=r"shared_core is .groups.; .* give them"):
        plan_network(SHAPES, budget=3_000, shared_core="groups")

"""Who should share a core: what is stored and the energy that is lost, where weights are alike."""

from typing import Any

import torch
from torch import nn

from tools.bench import sharing
from torch_bridge.benchmarks.methods import METHODS, Budget, dense_weights
from torch_bridge.weights.tucker_weight import tucker_layers


def network() -> nn.Module:
    torch.manual_seed(0)
    first = nn.Conv2d(16, 16, 3, bias=False)
    model = nn.Sequential(first, *(nn.Conv2d(16, 16, 3, bias=False) for _ in range(3)))
    for weight in list(model.parameters())[1:]:
        weight.data = 0.9 * first.weight.data + 0.01 * weight.data
    return model


def test_weights_that_are_alike_gain_from_one_core() -> None:
    rows = {row["method"]: row for row in sharing.study("net", network(), (0.3,))}
    budget = 0.3 * 4 * 16 * 16 * 9
    assert all(0 < row["stored"] <= budget for row in rows.values())
    assert rows["scada-groups"]["energy_lost"] < 0.5 * rows["ada"]["energy_lost"]
    assert rows["scada"]["energy_lost"] < 0.5 * rows["ada"]["energy_lost"]


def test_what_is_impossible_says_why() -> None:
    rows = list(sharing.study("net", network(), (1e-3,)))
    assert all("budget" in row["reason"] and "stored" not in row for row in rows)


def test_energy_lost_is_that_of_the_difference() -> None:
    model = network()
    weights = {name: w.detach().clone() for name, w in dense_weights(model).items()}
    METHODS["ada"].put(model, Budget(bits=32 * 2_000, each=32))
    whole = torch.cat([w.flatten() for w in weights.values()])
    layers: list[Any] = [layer for _, layer in tucker_layers(model)]
    found = torch.cat([layer.weight.detach().flatten() for layer in layers])
    lost = (found - whole).square().sum() / whole.square().sum()
    assert abs(sharing.energy_lost(model, weights) - float(lost)) < 1e-5

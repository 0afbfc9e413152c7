"""Ranks by evidence: scans leave the model alone and can go on, and plans heed them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from torch_bridge import compress_model, scan_rate, scan_sensitivity, to_network
from torch_bridge.compression.rank_selection import Evidence, Option
from tucker_core import coded_bits, hosvd, tucker_to_tensor
from tucker_core.cheapest_choice import cheapest_choice

INPUTS = torch.randn(64, 30, generator=torch.Generator().manual_seed(1))
FRACTIONS = (0.6, 0.4, 0.25)


def net() -> Any:
    """Make a net whose first layer is of low rank and whose second is not."""
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(30, 40), nn.Tanh(), nn.Linear(40, 30))
    with torch.no_grad():
        model[0].weight.copy_(torch.randn(40, 1) @ torch.randn(1, 30) / 5)
        model[2].weight.mul_(3)
    return model


EXPECTED = net()(INPUTS).detach()


def distance(model: nn.Module) -> float:
    with torch.no_grad():
        return float((model(INPUTS) - EXPECTED).square().mean())


def scan(model: nn.Module, measure: Any = distance, **options: Any) -> Evidence:
    return scan_sensitivity(model, measure, fractions=FRACTIONS, progress=False, **options)


def test_every_loss_is_that_of_the_one_weight_replaced() -> None:
    model = net()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    evidence = scan(model)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    option = evidence.options["2.weight"][2]
    twin = net()
    reshape: Any = option.reshape
    tensor: Any = reshape.apply(twin[2].weight.detach().numpy())
    dense = reshape.undo(tucker_to_tensor(hosvd(tensor, option.rank)))
    with torch.no_grad():
        twin[2].weight.copy_(torch.from_numpy(np.ascontiguousarray(dense)))
    assert option.loss == pytest.approx(distance(twin), rel=1e-3)
    assert option.loss > 100 * max(o.loss for o in evidence.options["0.weight"])
    for options in evidence.options.values():
        assert options[0].loss == 0  # left dense
        assert list(options) == sorted(options, key=lambda o: -o.numbers)
        assert all(o.n_bytes < 4 * o.numbers for o in options)


def test_the_plan_spends_where_it_matters_and_keeps_the_ceiling() -> None:
    model, budget = net(), 1_600
    evidence = scan(model)
    planned = evidence.plan(budget)
    assert planned.n_params <= budget
    assert planned["2.weight"].n_params > 2 * planned["0.weight"].n_params
    report = compress_model(model, budget, criterion=evidence)
    assert report.plan == planned
    balanced = net()
    compress_model(balanced, budget, criterion="balanced")
    assert distance(model) < 0.5 * distance(balanced)


def test_evidence_of_part_of_a_model() -> None:
    model = net()
    evidence = scan(model)
    assert compress_model(model, 600, criterion=evidence, exclude=["0"]).plan.n_params <= 600
    with pytest.raises(ValueError, match=r"no evidence for \['0.weight'\]"):
        compress_model(net(), 1_600, criterion=scan(net(), include=["2"]))
    with pytest.raises(ValueError, match="a shared core is planned without it"):
        compress_model(net(), 1_600, criterion=evidence, shared_core=True)


def test_an_interrupted_scan_goes_on(tmp_path: Path) -> None:
    calls = 0

    def counted(model: nn.Module) -> float:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return distance(model)

    model, path = net(), tmp_path / "scan.json"
    with pytest.raises(KeyboardInterrupt):
        scan(model, counted, resume=path)
    assert distance(model) == 0  # put back as it was
    evidence = scan(model, counted, resume=path)
    assert evidence == scan(model)
    assert calls == 1 + 2 + sum(len(options) - 1 for options in evidence.options.values())
    scan(model, counted, resume=path)  # the dense model is measured anew: it tells the data
    assert calls == 4 + sum(len(options) - 1 for options in evidence.options.values())


def test_scans_of_other_models_and_broken_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.json"
    scan(net(), resume=path)
    other = net()
    nn.init.normal_(other[0].weight)
    with pytest.raises(ValueError, match="holds the scan of another model"):
        scan(other, resume=path)
    with pytest.raises(
        ValueError, match="holds the scan of other data: the dense model measures 7"
    ):
        scan(net(), lambda model: distance(model) + 7, resume=path)
    path.write_text("{")
    with pytest.raises(ValueError, match="holds no scan"):
        scan(net(), resume=path)


def test_a_loss_that_is_no_number_is_never_chosen() -> None:
    def diverging(model: Any) -> float:
        loss = distance(model)
        return float("nan") if loss > 0.01 else loss

    planned = scan(net(), diverging).plan(2_000, allow_dense=True)
    assert planned["2.weight"].rank == planned["2.weight"].reshape.dims  # left dense
    with pytest.raises(ValueError, match="dense model measures no finite number"):
        scan(net(), lambda _: float("nan"))


def test_rates_need_no_data_and_plan_bytes() -> None:
    evidence = scan_rate(net(), fractions=FRACTIONS, progress=False)
    planned = evidence.plan(900, unit="bytes")
    model = net()
    compress_model(model, planned)
    bits = coded_bits(to_network(model, "scan", 8.0))
    assert sum(bits.values()) / 8 == pytest.approx(900, rel=0.05)
    assert planned["0.weight"].n_params == 70  # of rank one
    assert planned["2.weight"].n_params > planned["0.weight"].n_params


@pytest.mark.parametrize("budget", [600, 700, 1_100, 1_500])
def test_scans_spend_the_whole_budget(budget: int) -> None:
    """Not only what the largest measured options that fit take: these are few."""
    model = nn.Sequential(nn.Linear(30, 40), nn.Tanh(), nn.Linear(40, 30))
    outputs = model(INPUTS).detach()

    def error(twin: nn.Module) -> float:
        return float((twin(INPUTS).detach() - outputs).square().mean())

    scans = scan_rate(model, progress=False), scan(model, error), scan(model, lambda _: 0.0)
    for evidence in scans:
        assert 0.9 * budget <= evidence.plan(budget).n_params <= budget


def test_scans_take_the_dims_that_are_asked_for() -> None:
    evidence = scan_rate(net(), reshape="balanced", order=3, progress=False)
    assert {len(layer.reshape.dims) for layer in evidence.plan(900).layers} == {3}
    with pytest.raises(ValueError, match="give order and reshape to the scan"):
        compress_model(net(), 900, criterion=evidence, order=4)


def test_the_energy_lost_does_not_depend_on_the_size_of_the_weights() -> None:
    model = nn.Linear(30, 20).double()
    losses = []
    for size in (1.0, 2.0**-600):  # its square is no number
        with torch.no_grad():
            model.weight.mul_(size)
        (options,) = scan_rate(model, progress=False).options.values()
        losses.append([option.loss for option in options])
    assert losses[0] == losses[1]
    assert max(losses[0]) < 10


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("budget", [20, 45, 100_000])
def test_the_choice_is_the_best_of_all(seed: int, budget: int) -> None:
    rng = np.random.default_rng(seed)
    scale = max(1, budget // 50)
    costs = [scale * rng.integers(1, 20, 4) for _ in range(4)]
    losses = [rng.random(4) for _ in range(4)]
    budget = max(budget, sum(int(own.min()) for own in costs))
    ways = [
        way
        for way in itertools.product(range(4), repeat=4)
        if sum(int(c[k]) for c, k in zip(costs, way, strict=True)) <= budget
    ]
    chosen = cheapest_choice(costs, losses, budget)
    assert sum(int(c[k]) for c, k in zip(costs, chosen, strict=True)) <= budget
    best = min(sum(loss[k] for loss, k in zip(losses, way, strict=True)) for way in ways)
    assert sum(loss[k] for loss, k in zip(losses, chosen, strict=True)) == pytest.approx(best)


def test_what_cannot_be_planned_is_named() -> None:
    evidence = Evidence({"w": (4, 4)}, {"w": (Option((1, 1), 9, 5, 0.5),)}, "loss")
    with pytest.raises(ValueError, match=r"budget is 8 numbers; the smallest .* at least 9"):
        evidence.plan(8)
    unit: Any = "bits"
    with pytest.raises(ValueError, match="unit is 'bits'"):
        evidence.plan(9, unit=unit)
    assert "0.5" in evidence.table()
    with pytest.raises(ValueError, match=r"fractions are \(2,\)"):
        scan_rate(net(), fractions=(2,))


def blind() -> Any:
    """Make a net that never sees half of its inputs, though its weights for them are large."""
    torch.manual_seed(3)
    model: Any = nn.Sequential(nn.Linear(30, 40), nn.Tanh(), nn.Linear(40, 30))
    with torch.no_grad():
        model[0].weight[:, 15:] = 5 * torch.randn(40, 1) @ torch.randn(1, 15)
        model[0].weight[:, :15] += torch.randn(40, 2) @ torch.randn(2, 15)
    return model


def test_the_choice_by_loss_keeps_what_the_data_show() -> None:
    """Energy goes to inputs that are always zero; a batch, a loader and a function say so alike."""
    inputs = INPUTS.clone()
    inputs[:, 15:] = 0
    labels = torch.zeros(len(inputs))
    losses: dict[str, float] = {}
    expected = blind()(inputs).detach()

    def far(model: nn.Module) -> float:
        with torch.no_grad():
            return float((model(inputs) - expected).square().sum() / expected.square().sum())

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, labels), 32)
    for name, calibration in {"batch": inputs, "loader": loader, "function": far}.items():
        model = blind()
        report = compress_model(model, 700, criterion="loss", calibration=calibration)
        assert 0.9 * 700 <= report.plan.n_params <= 700
        losses[name] = far(model)
    by_energy = blind()
    compress_model(by_energy, 700, criterion="spectra")
    assert losses["batch"] < 0.9 * far(by_energy)
    assert losses["loader"] == pytest.approx(losses["batch"], rel=0.05)
    assert losses["function"] == pytest.approx(losses["batch"], rel=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criterion": "loss"}, "give both criterion='loss' and calibration="),
        ({"calibration": INPUTS}, "give both criterion='loss' and calibration="),
        ({"criterion": "loss", "calibration": []}, "gave no batch"),
        ({"criterion": "loss", "calibration": 3}, "calibration is a int"),
        ({"criterion": "energy"}, "criterion is 'energy'; one of"),
    ],
)
def test_calibration_that_cannot_be_used_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        compress_model(net(), 700, **options)


def test_evidence_is_the_old_name_of_criterion() -> None:
    with pytest.warns(DeprecationWarning, match="evidence= is criterion= now"):
        old = compress_model(net(), 700, evidence="balanced", dry_run=True)
    assert old.plan == compress_model(net(), 700, criterion="balanced", dry_run=True).plan

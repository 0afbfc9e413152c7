"""What `compress_model` refuses by name, and that the model is then exactly as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from tests.torch_bridge.compression.test_any_model import looks
from torch_bridge import compress_model, survey
from torch_bridge.weights.count import count_bytes, count_params
from tucker_core import plan_network


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.LSTM(20, 16), nn.Linear(16, 30))


def poisoned(value: float) -> nn.Module:
    model: Any = net()
    with torch.no_grad():
        model[3].weight[2, 3] = value
    return model  # type: ignore[no-any-return]


def on_meta() -> nn.Module:
    model: Any = net()
    model[3].to("meta")
    return model  # type: ignore[no-any-return]


REFUSED: dict[str, tuple[Callable[[], nn.Module], tuple[Any, ...], dict[str, Any], str]] = {
    "too few numbers": (net, (20,), {}, "budget is 20 parameters; 4 tensors .* need at least"),
    "too few parameters": (net, (300,), {"unit": "parameters"}, "nothing fits beyond [0-9,]+ parameters"),
    "too few bytes": (net, (900,), {"unit": "bytes"}, "nothing fits beyond [0-9,]+ bytes"),
    "too high a ratio": (net, (500.0,), {"unit": "ratio"}, r"nothing fits beyond a ratio of [0-9.]+"),
    "half a number": (net, (900.5,), {"unit": "bytes"}, "a positive integer is needed"),
    "no number": (net, (float("nan"),), {"unit": "ratio"}, "a positive number is needed"),
    "unknown unit": (net, (900,), {"unit": "kB"}, "unit is 'kB'; one of"),
    "unknown criterion": (net, (900,), {"criterion": "magic"}, "criterion is 'magic'"),
    "unknown start": (net, (900,), {"init": "zeros"}, "init is 'zeros'"),
    "pattern of nothing": (net, (900,), {"exclude": ["head.*"]}, r"'head.\*' fits nothing in Sequential"),
    "type of nothing": (net, (900,), {"include": [nn.Conv2d]}, "Conv2d fits nothing in Sequential"),
    "all excluded": (net, (900,), {"exclude": ["*"]}, r"0.weight is excluded by '\*'"),
    "weights on meta": (on_meta, (900,), {}, "3.weight is on the device 'meta'"),
    "meta, from scratch": (on_meta, (900,), {"init": "scratch"}, "3.weight is on the device .meta."),
    "not a number": (lambda: poisoned(float("nan")), (900,), {}, "3.weight holds nan"),
    "infinity": (
        lambda: poisoned(float("-inf")), (900,), {"criterion": "spectra"}, "3.weight holds -inf",
    ),
    "plan of a skipped weight": (
        net, (plan_network({"3.weight": (30, 16)}, budget=200),), {"exclude": ["3"]},
        "plan names '3.weight', which is excluded by '3'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_refused_by_name_and_left_as_it_was(fault: str) -> None:
    make, arguments, options, message = REFUSED[fault]
    model = make()
    before = looks(model)
    with pytest.raises(ValueError, match=message):
        compress_model(model, *arguments, **options)
    assert looks(model) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_halfway_is_undone(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = net()
    before, inputs = looks(model), torch.ones(3, 30)
    flat = [id(w) for w in model[2]._flat_weights]
    expected = model[:3](inputs)[0]
    calls = 0
    register = parametrize.register_parametrization

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:  # the first layer and both weights of the recurrent one are done
            raise error("halfway")
        return register(*arguments, **options)

    monkeypatch.setattr(parametrize, "register_parametrization", failing)
    with pytest.raises(error, match="halfway"):
        compress_model(model, 900)
    assert looks(model) == before
    assert [id(w) for w in model[2]._flat_weights] == flat
    assert torch.equal(model[:3](inputs)[0], expected)


@pytest.mark.parametrize("place", ["whole", "part"])
def test_wrapped_models_are_refused(place: str) -> None:
    class DistributedDataParallel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = net()

    wrapped: nn.Module = DistributedDataParallel()
    model = wrapped if place == "whole" else nn.Sequential(wrapped, nn.ReLU())
    with pytest.raises(ValueError, match="compress it first and wrap it then"):
        compress_model(model, 900)


@pytest.mark.parametrize(
    ("unit", "budget"),
    [("numbers", 700), ("parameters", 900), ("bytes", 4_000), ("ratio", 4.0), ("ratio", 3.3)],
)
@pytest.mark.parametrize("evidence", ["balanced", "spectra"])
def test_every_unit_is_a_hard_ceiling(unit: Any, budget: float, evidence: Any) -> None:
    model = net()
    dense = count_params(model)
    report = compress_model(model, budget, unit=unit, criterion=evidence)
    found = {
        "numbers": report.plan.n_params,
        "parameters": count_params(model),
        "bytes": count_bytes(model),
        "ratio": count_params(model),
    }[unit]
    ceiling = dense / budget if unit == "ratio" else budget
    assert 0.85 * ceiling < found <= ceiling


def test_the_smallest_budget_that_is_named_fits() -> None:
    with pytest.raises(ValueError, match="nothing fits beyond") as caught:
        compress_model(net(), 100, unit="parameters", criterion="spectra")
    least = int(str(caught.value).split("beyond ")[1].split()[0].replace(",", ""))
    with pytest.raises(ValueError, match="nothing fits"):
        compress_model(net(), least - 1, unit="parameters", criterion="spectra")
    assert compress_model(net(), least, unit="parameters", criterion="spectra").params <= least


def test_patterns_choose_by_name_and_by_type() -> None:
    def chosen(**options: Any) -> list[str]:
        return [weight.name for weight in survey(net(), **options).weights]

    both = ["2.weight_ih_l0", "2.weight_hh_l0"]
    assert chosen() == ["0.weight", *both, "3.weight"]
    assert chosen(include=[nn.Linear]) == ["0.weight", "3.weight"]
    assert chosen(include=["2", "0"]) == ["0.weight", *both]
    assert chosen(include=["2"], exclude=["*_hh_*"]) == both[:1]
    assert chosen(exclude=[nn.LSTM, "3.weight"]) == ["0.weight"]


def test_a_parameter_of_an_unknown_module_is_taken_in_by_its_name() -> None:
    from tests.torch_bridge.odd_modules import Positions

    model = Positions()
    assert [weight.name for weight in survey(model, include=["table"]).weights] == ["table"]
    compress_model(model, 200, include=["table"])
    assert model(torch.ones(2, 16, 30)).shape == (2, 16, 20)


def test_a_model_on_meta_can_be_planned() -> None:
    with torch.device("meta"):
        model = net()
    assert compress_model(model, 900, dry_run=True).plan.n_params <= 900

"""A reconstructed weight does not change in place unseen; assigning a new one works, or says why not."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from tests.torch_bridge.odd_modules import Recurrent, Tied
from torch_bridge import attach_quantizers, compress_model, materialize
from torch_bridge.forward.implementation import use_implementation
from torch_bridge.weights.sharing import share
from tucker_core import LayerPlan, NetworkPlan, plan_reshape


def net(full: bool = False) -> Any:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 30))
    plans = (
        LayerPlan(name, reshape, reshape.dims if full else tuple(d // 4 for d in reshape.dims))
        for name, reshape in (("0.weight", plan_reshape((20, 30))), ("1.weight", plan_reshape((30, 20))))
    )  # fmt: skip
    compress_model(model, NetworkPlan(tuple(plans)))
    return model


def merged(layer: Any) -> None:
    """What PEFT's merge_and_unload does to a base layer."""
    layer.weight.data += torch.ones(20, 30)


def augmented(layer: Any) -> None:
    layer.weight += 1


def set_data(layer: Any) -> None:
    layer.weight.data = torch.zeros(20, 30)


CHANGES: dict[str, Callable[[Any], object]] = {
    "mul_": lambda layer: layer.weight.mul_(2),
    "copy_": lambda layer: layer.weight.copy_(torch.zeros(20, 30)),
    "normal_": lambda layer: layer.weight.normal_(),
    "xavier": lambda layer: nn.init.xavier_uniform_(layer.weight),
    "zeros": lambda layer: nn.init.zeros_(layer.weight),
    "data.normal_": lambda layer: layer.weight.data.normal_(),
    "detach().zero_": lambda layer: layer.weight.detach().zero_(),
    "entry": lambda layer: layer.weight.__setitem__(0, 1.0),
    "+=": augmented,
    "data +=": merged,
    "data =": set_data,
}


@pytest.mark.parametrize("implementation", ["reconstructed", "factorized"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_place_is_refused(change: str, training: bool, implementation: str) -> None:
    model = net().train(training)
    use_implementation(model, implementation)
    before = model[0].weight.detach().clone()
    for grads in (torch.no_grad, torch.enable_grad):
        with (
            grads(),
            pytest.raises(RuntimeError, match=r"assign a new one \(layer.weight = tensor\)"),
        ):
            CHANGES[change](model[0])
    assert torch.equal(model[0].weight, before)
    materialize(model)
    with torch.no_grad():
        CHANGES[change](model[0])
    assert not torch.equal(model[0].weight, before)


def test_weights_inside_other_layers_refuse_too() -> None:
    recurrent: Any = Recurrent(nn.LSTM)
    compress_model(recurrent, 400)
    recurrent(torch.ones(1, 2, 20))
    for weight in (recurrent.layer.weight_ih_l0, *recurrent.layer._flat_weights[:2]):
        with torch.no_grad(), pytest.raises(RuntimeError, match="a change of it would be lost"):
            nn.init.orthogonal_(weight)


def test_what_is_computed_or_copied_from_it_is_a_plain_tensor() -> None:
    weight = net()[0].weight
    made = [
        weight + 0,
        weight.T,
        weight[0],
        weight.clone(),
        weight @ weight.T,
        weight.float().half(),
    ]
    assert {type(tensor) for tensor in made} == {Tensor}
    file = io.BytesIO()
    torch.save(weight.detach(), file)
    file.seek(0)
    for copied in (torch.load(file), copy.deepcopy(weight.detach())):
        assert type(copied) is Tensor
        assert torch.equal(copied.mul_(1), weight)
    parameter, buffer = nn.Parameter(weight), nn.Buffer(weight.detach())
    assert (type(parameter), parameter.is_leaf) == (nn.Parameter, True)
    assert isinstance(buffer, nn.Buffer)
    with torch.no_grad():
        assert torch.equal(parameter.mul_(2), buffer.mul_(2))
    layer, before = net()[0], net()[0].weight + 1
    parametrize.remove_parametrizations(layer, "weight")
    layer.weight.data += 1
    torch.testing.assert_close(layer.weight, before)


@pytest.mark.parametrize("quantised", [False, True])
def test_an_assigned_weight_is_what_the_layer_computes_with(quantised: bool) -> None:
    """Of full rank nothing is lost but what rounding takes, whose steps stay as they are."""
    model = net(full=True)
    if quantised:
        attach_quantizers(model, 400.0)
    wanted = model[0].weight.detach() + torch.linspace(0, 0.2, 600).reshape(20, 30)
    model[0].weight = wanted
    error = (model[0].weight - wanted).detach().abs().max()
    assert error < (0.002 if quantised else 1e-5)
    inputs = torch.randn(3, 30)
    expected = inputs @ wanted.T + model[0].bias
    torch.testing.assert_close(model[0](inputs), expected, rtol=0, atol=0.02)


def test_an_assigned_weight_of_tied_layers_is_that_of_both() -> None:
    model = Tied()
    compress_model(model, 600)
    model.head.weight = torch.ones(40, 24)
    torch.testing.assert_close(model.embedding.weight, torch.ones(40, 24))


def test_a_weight_that_shares_its_core_cannot_be_assigned() -> None:
    shared: Any = nn.Sequential(nn.Linear(30, 30), nn.Linear(30, 30))
    compress_model(shared, 400, shared_core=True)
    by_hand = net()
    share(by_hand, ("0.weight", 0), ("1.weight", 1))
    models: tuple[Any, ...] = (shared, by_hand)
    for model in models:
        before = [layer.weight.detach().clone() for layer in model]
        for layer in model:
            with pytest.raises(ValueError, match="shares core or factors with others"):
                layer.weight = torch.zeros_like(layer.weight)
        assert all(torch.equal(layer.weight, w) for layer, w in zip(model, before, strict=True))
    with pytest.raises(ValueError, match=r"weight has shape \(3, 3\); this plan is for \(20, 30\)"):
        net()[0].weight = torch.zeros(3, 3)

"""`compress_model` on modules that nobody prepared: compressed, or skipped with a reason, or refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.torch_bridge.any_models import CASES, Case
from torch_bridge import compress_model, load_network, load_tucker, materialize, to_network
from torch_bridge.weights.count import count_bytes, count_params
from torch_bridge.weights.tucker_weight import tucker_layers
from tucker_core import from_bytes, to_bytes

cases = pytest.mark.parametrize("case", [pytest.param(CASES[name], id=name) for name in CASES])


def made(case: Case) -> tuple[nn.Module, Tensor]:
    """Make a model and an input for it."""
    torch.manual_seed(0)
    model = case.make()
    if case.words:
        return model, torch.randint(case.words, case.inputs)
    return model, torch.randn(case.inputs, dtype=case.dtype)


def looks(model: nn.Module) -> list[object]:
    """Everything about a model that a refused compression must leave alone."""
    modules: Any = [
        (
            name,
            type(m),
            m.training,
            list(vars(m)),
            list(m._parameters.items()),
            list(m._modules.items()),
        )
        for name, m in model.named_modules()
    ]
    return [
        modules,
        [
            (name, id(p), p.requires_grad)
            for name, p in model.named_parameters(remove_duplicate=False)
        ],
    ]


def dense_numbers(model: nn.Module, names: tuple[str, ...]) -> int:
    """Count the entries of the named weights, each once."""
    parameters = {
        name: p for name, p in model.named_parameters(remove_duplicate=False) if name in names
    }
    return sum(p.numel() for p in {id(p): p for p in parameters.values()}.values())


def close(found: Tensor, expected: Tensor) -> None:
    """Hold outputs against each other; half precision rounds to 2^-8 or 2^-11, and sums many terms."""
    coarse = found.dtype in (torch.float16, torch.bfloat16)
    torch.testing.assert_close(
        found, expected, rtol=0.05 if coarse else 1e-4, atol=0.05 if coarse else 1e-5
    )


@cases
def test_a_dry_run_plans_and_touches_nothing(case: Case) -> None:
    model, _ = made(case)
    before = looks(model)
    if not case.compressed:
        with pytest.raises(ValueError, match="no dense Linear") as caught:
            compress_model(model, 10, dry_run=True)
        for name, reason in case.skipped.items():
            assert name in str(caught.value) and reason in str(caught.value)  # noqa: PT018
        assert looks(model) == before
        return
    budget = int(0.7 * dense_numbers(model, case.compressed))
    report = compress_model(model, budget, dry_run=True)
    assert looks(model) == before
    assert {layer.name for layer in report.plan.layers} == set(case.compressed) - {"head.weight"}
    assert {skip.name for skip in report.skipped} == set(case.skipped)
    for skip in report.skipped:
        assert case.skipped[skip.name] in skip.reason
        assert skip.name in str(report)
    done = compress_model(model, budget)
    assert done == report
    assert [name for name, _ in tucker_layers(model)] == list(case.compressed)
    assert (count_params(model), count_bytes(model)) == (report.params, report.n_bytes)
    assert report.plan.n_params <= budget


@cases
@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_the_compressed_model_is_whole(case: Case) -> None:
    """It computes, copies, loads its own state, and becomes the dense model of the same outputs."""
    model, inputs = made(case)
    if not case.compressed:
        return
    with torch.no_grad():
        model(inputs)  # a lazy layer becomes an ordinary one
    plain = copy.deepcopy(model)
    names, training = set(model.state_dict()), model.training
    compress_model(model, int(0.7 * dense_numbers(model, case.compressed)), exclude=[])
    assert all(module.training == training for module in model.modules())
    twin = copy.deepcopy(model)  # in training, what pruning leaves behind cannot be copied
    expected = model(inputs)
    close(twin(inputs), expected)
    for parameter in twin.parameters():
        nn.init.zeros_(parameter)
    twin.load_state_dict(model.state_dict())
    close(twin(inputs), expected)
    if any(p.requires_grad for p in model.parameters()):
        expected.float().square().sum().backward()
        layers: list[Any] = [layer for _, layer in tucker_layers(model)]
        tucker = [p for layer in layers for p in layer.parametrizations.parameters()]
        assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in tucker)
    close(materialize(model)(inputs), expected)
    assert set(model.state_dict()) == names
    assert [type(m) for m in model.modules()] == [type(m) for m in plain.modules()]
    assert count_params(model) == count_params(plain)


@cases
@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_a_file_brings_the_weights_to_a_module_of_the_caller(case: Case) -> None:
    model, inputs = made(case)
    if not case.compressed:
        return
    with torch.no_grad():
        model.eval()(inputs)
    plain = copy.deepcopy(model)
    compress_model(model, int(0.7 * dense_numbers(model, case.compressed)))
    network = from_bytes(to_bytes(to_network(model, "mine", levels=30.0)))
    decoded = load_network(copy.deepcopy(plain), network)
    close(load_tucker(plain, network)(inputs), decoded(inputs))
    scale = float(model(inputs).detach().float().square().mean().sqrt())
    error = float((decoded(inputs) - model(inputs)).detach().float().square().mean().sqrt())
    assert error < 0.2 * scale


def test_a_compiled_model_is_compressed_inside() -> None:
    """Under its own names, so that files and plans fit the plain model, too."""
    plain = nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 30))
    compiled: Any = torch.compile(plain, backend="eager")
    inputs = torch.randn(3, 30)
    before = compiled(inputs).detach()
    report = compress_model(compiled, 2, unit="ratio")
    assert [layer.name for layer in report.plan.layers] == ["0.weight", "1.weight"]
    assert not torch.equal(compiled(inputs), before)
    close(compiled(inputs), plain(inputs))


def test_a_script_module_is_told_what_to_do() -> None:
    model, _ = made(CASES["script module"])
    (skipped,) = compress_model(model, 2, unit="ratio", dry_run=True).skipped
    assert "compress the module that was scripted" in skipped.reason


def test_a_matrix_of_low_rank_comes_out_exact() -> None:
    """512 x 512 of rank 16 is 16,384 numbers, a sixteenth; a quarter may be stored."""
    torch.manual_seed(0)
    model = nn.Linear(512, 512, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.randn(512, 16) @ torch.randn(16, 512) / 16)
    expected = model.weight.detach().clone()
    report = compress_model(model, 4, unit="ratio")
    assert report.params <= 16_384
    assert float((model.weight.detach() - expected).norm() / expected.norm()) < 1e-5

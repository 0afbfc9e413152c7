"""Wrappers, compilers, transforms and modes of torch around a model in Tucker form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.func import functional_call, grad, hessian, jvp, vmap
from torch.nn.parallel import DistributedDataParallel
from torch.utils.flop_counter import FlopCounterMode

from torch_bridge import compress_model, load_network, to_network, use_implementation
from torch_bridge.forward.modes import IMPLEMENTATIONS

INPUTS = torch.linspace(-1, 1, 3 * 64).reshape(3, 64)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32))


def small(implementation: str = "auto") -> nn.Sequential:
    model = net()
    compress_model(model, 2, unit="ratio", criterion="balanced")
    use_implementation(model, implementation)
    return model


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A process group of one."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


def sharded(model: nn.Sequential) -> nn.Module:
    for layer in model:
        if isinstance(layer, nn.Linear):
            fully_shard(layer)
    return fully_shard(model)  # type: ignore[return-value]


def fsdp(use_orig_params: bool) -> Callable[[nn.Sequential], nn.Module]:
    cpu = torch.device("cpu")
    return lambda model: FullyShardedDataParallel(
        model, use_orig_params=use_orig_params, device_id=cpu
    )


WRAPPERS = [DistributedDataParallel, sharded, fsdp(True), fsdp(False)]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("wrap", WRAPPERS, ids=["ddp", "fsdp2", "fsdp1", "fsdp1, flat"])
def test_wrapped_models_train_and_are_saved_whole(
    alone: None, wrap: Callable[[nn.Sequential], nn.Module]
) -> None:
    plain, model = small(), wrap(small())
    for each in (plain, model):
        optimizer = torch.optim.SGD(each.parameters(), 0.1)
        for _ in range(2):
            optimizer.zero_grad()
            each(INPUTS).square().mean().backward()
            optimizer.step()
    with torch.no_grad():
        torch.testing.assert_close(model(INPUTS), plain(INPUTS))
    network = to_network(model, "mine", 1_000.0)
    names = [parameter.dense_name for parameter in network.parameters]
    assert sorted(names) == sorted(net().state_dict())
    decoded = load_network(net(), network)
    torch.testing.assert_close(decoded(INPUTS), plain(INPUTS), rtol=0.01, atol=0.01)
    assert model(INPUTS).requires_grad  # as it was


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("wrap", WRAPPERS, ids=["ddp", "fsdp2", "fsdp1", "fsdp1, flat"])
def test_what_is_wrapped_is_refused_wherever_it_is(alone: None, wrap: Callable[..., Any]) -> None:
    for model in (wrap(net()), nn.Sequential(wrap(net()))):
        with pytest.raises(ValueError, match=r"a part of it, is wrapped in .* compress it first"):
            compress_model(model, 2, unit="ratio")


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_models_without_values_compute_shapes(implementation: str) -> None:
    model = small(implementation)
    with torch.no_grad():
        expected = model(INPUTS)
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            assert model(mode.from_tensor(INPUTS)).shape == expected.shape
        torch.testing.assert_close(model(INPUTS), expected)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        model(mode.from_tensor(INPUTS)).sum().backward()
    model = small(implementation).to("meta")
    model(INPUTS.to("meta")).sum().backward()
    with torch.no_grad():
        assert model(INPUTS.to("meta")).shape == expected.shape


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch itself
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_functions_of_the_parameters(implementation: str) -> None:
    model = small(implementation)
    model(INPUTS).square().mean().backward()
    parts = {name: p.detach() for name, p in model.named_parameters()}

    def loss(parts: dict[str, Tensor], inputs: Tensor) -> Tensor:
        said: Tensor = functional_call(model, parts, (inputs,))
        return said.square().mean()

    with torch.no_grad():
        expected = model(INPUTS)
    found = grad(loss)(parts, INPUTS)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)
    each = vmap(grad(loss), in_dims=(None, 0))(parts, INPUTS)
    torch.testing.assert_close({n: t.mean(0) for n, t in each.items()}, found)
    slope = jvp(lambda parts: loss(parts, INPUTS), (parts,), (parts,))[1]
    inner = sum((found[name] * parts[name]).sum() for name in parts)
    torch.testing.assert_close(slope, inner)
    many = {name: torch.stack([part, 2 * part]) for name, part in parts.items()}
    with torch.no_grad():
        both = vmap(lambda parts: functional_call(model, parts, (INPUTS,)))(many)
        torch.testing.assert_close(both[0], expected)
        torch.testing.assert_close(model(INPUTS), expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_second_derivatives() -> None:
    """By autograd as by `torch.func`: of a layer whose product the kernels compute."""
    layer = nn.Linear(16, 12, bias=False).double()
    compress_model(layer, 60, criterion="balanced", order=2)
    use_implementation(layer, "reconstructed")
    parts = {name: p.detach() for name, p in layer.named_parameters()}
    inputs = torch.linspace(-1, 1, 32, dtype=torch.float64).reshape(2, 16)
    expected = hessian(lambda p: functional_call(layer, p, (inputs,)).square().sum())(parts)
    names, leaves = zip(*layer.named_parameters(), strict=True)
    first = torch.autograd.grad(layer(inputs).square().sum(), leaves, create_graph=True)
    second = torch.autograd.grad(first[0][0, 0], leaves)
    for name, tensor in zip(names, second, strict=True):
        torch.testing.assert_close(tensor, expected[names[0]][name][0, 0])


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_compiled_as_one_graph(implementation: str) -> None:
    torch._dynamo.reset()
    model = small(implementation)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(INPUTS), model(INPUTS))
    outputs = compiled(INPUTS)
    outputs.sum().backward()
    torch.testing.assert_close(outputs, model(INPUTS))


def test_counted_operations_are_those_of_the_implementation() -> None:
    counted = {}
    for implementation in ("reconstructed", "factorized"):
        with FlopCounterMode(display=False) as counter:
            small(implementation)(INPUTS)
        counted[implementation] = counter.get_total_flops()
    with FlopCounterMode(display=False) as counter:
        net()(INPUTS)
    assert counted["factorized"] < counter.get_total_flops() < counted["reconstructed"]

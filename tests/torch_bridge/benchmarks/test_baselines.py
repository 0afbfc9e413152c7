"""What Tucker is compared with: other formats of weights, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorly
import torch
from hypothesis import given
from hypothesis import strategies as st
from tensorly.decomposition import tensor_train as tensorly_train
from torch import Tensor, nn
from torch.nn.utils import parametrize

from course_kit.figures import comparison
from tests.torch_bridge.tiny_benchmark import quick
from tests.torch_bridge.tiny_methods import EACH, lenet300, weights_of
from torch_bridge.benchmarks import Experiment, benchmark_named
from torch_bridge.benchmarks.baselines.low_rank import low_rank_plan
from torch_bridge.benchmarks.baselines.pruning import (
    PrunedWeight,
    largest_entries,
    place_bits,
    read_places,
    write_places,
)
from torch_bridge.benchmarks.baselines.tensor_train import (
    Chain,
    chain_product,
    tensor_train,
    train_ranks,
)
from torch_bridge.benchmarks.baselines.tolerance import finest_plan, rank_within
from torch_bridge.benchmarks.images import load_images
from torch_bridge.benchmarks.methods import METHODS, OURS, Budget, dense_weights
from torch_bridge.benchmarks.runs import run_dense
from torch_bridge.compression.compress import compress_model
from torch_bridge.datasets import DataSet, registry
from torch_bridge.models import build_model
from torch_bridge.state.tensors import load_weights
from tucker_core import NetworkPlan
from tucker_core.codec import Decoder, Encoder


def drawn(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal(shape)


def test_whole_chain_is_the_tensor() -> None:
    tensor = drawn(3, 4, 5, 2)
    cores = tensor_train(tensor, 0.0)
    product = chain_product([torch.from_numpy(core) for core in cores])
    torch.testing.assert_close(product, torch.from_numpy(tensor))


def test_chain_of_given_ranks_is_that_of_tensorly() -> None:
    tensor = drawn(6, 5, 4)
    cores = tensor_train(
        tensor, 1 / 3, lambda values, t: min(len(np.asarray(values)), round(1 / t))
    )
    expected = tensorly.tt_to_tensor(tensorly_train(tensor, [1, 3, 3, 1]))
    np.testing.assert_allclose(chain_product([torch.from_numpy(c) for c in cores]), expected)


@pytest.mark.parametrize("coarseness", [0.05, 0.3, 0.8])
def test_error_of_a_chain_is_bounded_by_its_svds(coarseness: float) -> None:
    tensor = drawn(8, 7, 6)
    cores = tensor_train(tensor, coarseness)
    product = chain_product([torch.from_numpy(core) for core in cores]).numpy()
    assert np.linalg.norm(product - tensor) <= np.sqrt(2) * coarseness * np.linalg.norm(tensor)


@pytest.mark.parametrize("shape", [(10, 12), (6, 4, 3, 3), (7, 5), (8, 6, 1, 1), (4, 3, 5)])
def test_weights_come_back_from_the_dims_of_a_chain(shape: tuple[int, ...]) -> None:
    chain, weight = Chain.of(shape), drawn(*shape)
    tensor = chain.apply(weight)
    assert tensor.shape == chain.dims
    np.testing.assert_array_equal(chain.undo(torch.from_numpy(tensor)), weight)


def test_truncated_svd_is_the_best_matrix_of_its_rank() -> None:
    model = nn.Sequential(nn.Linear(30, 20))
    dense = model.get_parameter("0.weight").detach().clone()
    plan = low_rank_plan(dense_weights(model), 250)
    compress_model(model, plan)
    (rank, _) = plan.layers[0].rank
    left, values, right = torch.linalg.svd(dense)
    best = left[:, :rank] @ torch.diag(values[:rank]) @ right[:rank]
    torch.testing.assert_close(model[0].weight, best, atol=1e-5, rtol=1e-4)
    assert rank == 5 == 250 // (20 + 30)


def test_tucker2_has_factors_for_channels_alone() -> None:
    model = nn.Sequential(nn.Conv2d(16, 24, 3), nn.Linear(30, 20))
    plan = low_rank_plan(dense_weights(model), 1_500, tucker2=True)
    conv, linear = plan.layers
    assert conv.reshape.dims == (24, 16, 9)
    assert conv.rank[2] == 9
    assert linear.rank[1] == 30
    assert plan.n_params <= 1_500


def test_whole_plan_changes_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(5, 6))
    before = [p.detach().clone() for p in (model.get_parameter(f"{k}.weight") for k in (0, 1))]
    compress_model(model, NetworkPlan.whole({n: w.shape for n, w in dense_weights(model).items()}))
    for layer, weight in zip(model, before, strict=True):
        torch.testing.assert_close(layer.weight, weight)


@pytest.mark.parametrize("evidence", ["spectra", "balanced"])
@pytest.mark.parametrize("numbers", [12_000, 60_000])
@pytest.mark.parametrize("tucker2", [False, True])
def test_plans_fill_their_budget(tucker2: bool, numbers: int, evidence: str) -> None:
    model = build_model("resnet20", seed=0)
    plan = low_rank_plan(dense_weights(model), numbers, evidence, tucker2=tucker2)
    found = plan.n_params
    assert 0.5 * numbers < found <= numbers  # a rank more in every layer is a large step


@pytest.mark.parametrize("evidence", ["spectra", "balanced"])
def test_chains_fill_their_budget(evidence: str) -> None:
    chains = train_ranks(dense_weights(lenet300()), 6_000, evidence)
    assert 4_200 < sum(core.size for cores in chains.values() for core in cores) <= 6_000


def test_what_is_too_small_for_rank_one_says_so() -> None:
    with pytest.raises(ValueError, match="budget is 900 parameters; the smallest ranks need 1,594"):
        low_rank_plan(dense_weights(lenet300()), 900)


@pytest.mark.parametrize("exponent", [-1000, -560, 0, 560, 1000])
def test_the_rank_within_a_tolerance_does_not_depend_on_the_size_of_all(exponent: int) -> None:
    values = np.ldexp([4.0, 3.0, 0.5, 0.0], exponent)
    assert [rank_within(values, t) for t in (0.9, 0.7, 0.2, 0.05, 0.0)] == [1, 1, 2, 3, 3]


def test_finest_plan_is_the_largest_that_fits() -> None:
    assert finest_plan(lambda t: int(1 / max(t, 1e-3)), float, 77.5) == 77


@given(st.sets(st.integers(0, 3_000), min_size=1), st.integers(0, 50))
def test_places_come_back(places: set[int], more: int) -> None:
    given_places = np.array(sorted(places))
    encoder = Encoder()
    write_places(encoder, given_places)
    entries = int(given_places[-1]) + 1 + more
    found = read_places(Decoder(encoder.content()), entries)
    np.testing.assert_array_equal(found, given_places)


def test_places_cost_what_is_said_of_them() -> None:
    places = np.flatnonzero(np.random.default_rng(0).random(50_000) < 0.02)
    encoder = Encoder()
    write_places(encoder, places)
    said = place_bits(places)
    assert said <= 8 * len(encoder.content()) <= said + 48
    share = len(places) / 50_000
    entropy = -50_000 * (share * np.log2(share) + (1 - share) * np.log2(1 - share))
    assert said < 1.03 * entropy


def test_the_largest_entries_are_kept() -> None:
    weights = dense_weights(lenet300())
    places = largest_entries(weights, 8_000, EACH)
    everything = torch.cat([weight.detach().abs().flatten() for weight in weights.values()])
    ordered = everything.sort(descending=True).values
    least = float(ordered[sum(map(len, places.values())) - len(weights)])
    for name, weight in weights.items():
        size = weight.detach().abs().flatten()
        beyond = set(torch.nonzero(size > least).flatten().tolist())
        assert len(beyond ^ set(places[name].tolist())) <= len(weights)
    cost = sum(EACH * len(p) + place_bits(p) for p in places.values())
    assert 7_900 < cost <= 8_000


def test_pruned_weight_learns_at_its_places_alone() -> None:
    layer = nn.Linear(6, 4)
    places = np.array([1, 8, 20])
    before = layer.weight.detach().flatten().clone()
    parametrize.register_parametrization(layer, "weight", PrunedWeight(layer.weight.shape, places))
    expected = torch.zeros(24)
    expected[places] = before[places]
    torch.testing.assert_close(layer.weight.detach().flatten(), expected)
    layer(torch.ones(2, 6)).sum().backward()
    owner: Any = layer
    gradient: Tensor = owner.parametrizations.weight.original0.grad
    torch.testing.assert_close(gradient, torch.full((3,), 2.0))


@pytest.mark.parametrize("method", ["tt", "pruning"])
def test_other_methods_begin_with_the_dense_network(method: str) -> None:
    with pytest.raises(ValueError, match="init is 'scratch'"):
        METHODS[method].put(lenet300(), Budget(8 * 4_000, EACH, init="scratch"))


def test_pictures_call_the_methods_what_the_tables_call_them() -> None:
    assert {name: method.title for name, method in METHODS.items()} == comparison.TITLES
    assert comparison.OURS == OURS


def test_digits_are_a_benchmark_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    parts = [
        a for n in (60, 20, 20) for a in (rng.integers(0, 256, (n, 28, 28)), rng.integers(0, 10, n))
    ]
    digits = DataSet("MNIST-tiny", *(part.astype(np.uint8) for part in parts))
    monkeypatch.setattr(registry, "load_mnist", lambda *_, **__: digits)
    images = load_images("mnist", None, torch.device("cpu"))
    recipe = quick(benchmark_named("lenet5").recipe, epochs=1, batch_size=20)
    job = Experiment("lenet5", images, recipe, benchmark="lenet5", out=tmp_path, progress=False)
    row = run_dense(job)
    assert row.params == 431_080
    model = load_weights(next(tmp_path.glob("*.npz")), job.build())
    biases = [p for name, p in model.named_parameters() if name.endswith("bias")]
    assert [bool(bias.any()) for bias in biases] == [False, False, False, True]


def test_a_further_round_takes_away_from_what_the_last_one_left() -> None:
    model = lenet300()
    put = METHODS["pruning"].put
    first = dict(put(model, Budget(8 * 40_000, EACH)))
    before = weights_of(model)
    second = dict(put(model, Budget(8 * 4_000, EACH)))
    after = weights_of(model)
    for name, weight in before.items():
        assert second[f"{name}.weight"] < first[f"{name}.weight"]
        kept = after[name] != 0
        torch.testing.assert_close(after[name][kept], weight[kept])
        assert after[name][kept].abs().min() >= weight[~kept].abs().max()

"""Dims and ranks by the weights themselves: never worse than any one family, and it says why."""

import math
from typing import Any

import numpy as np
import pytest

from tucker_core import LayerPlan, NetworkPlan, hosvd, plan_network
from tucker_core.cheapest_choice import cheapest_choice
from tucker_core.joint_plan import joint_plan, weight_options
from tucker_core.reshape_candidates import FAMILIES, reshape_candidates

RNG = np.random.default_rng(0)


def low_rank(out: int, into: int, rank: int) -> Any:
    return RNG.standard_normal((out, rank)) @ RNG.standard_normal((rank, into))


def separable(out: int, into: int, size: int, rank: int) -> Any:
    """A convolution whose kernels are sums of products of a column and a row."""
    columns = RNG.standard_normal((out, size, rank))
    rows = RNG.standard_normal((into, size, rank))
    return np.einsum("okr,ijr->oikj", columns, rows)


def noisy(weight: Any, noise: float = 0.3) -> Any:
    return weight / weight.std() + noise * RNG.standard_normal(weight.shape)


WEIGHTS = {
    "linear": noisy(low_rank(48, 64, 6)),
    "conv": noisy(separable(16, 12, 3, 5)),
    "flat": np.ascontiguousarray(
        np.broadcast_to(RNG.standard_normal((24, 24, 1, 1)), (24, 24, 3, 3))
    ),
    "noise": RNG.standard_normal((32, 32)),
    "balanced": np.einsum("a,b,c,d->abcd", *map(RNG.standard_normal, (8, 8, 8, 8))).reshape(64, 64)
    + 0.01 * RNG.standard_normal((64, 64)),
}
SHAPES = {name: weight.shape for name, weight in WEIGHTS.items()}
DENSE = sum(weight.size for weight in WEIGHTS.values())


def plan(share: float, **options: Any) -> NetworkPlan:
    return plan_network(SHAPES, budget=int(share * DENSE), weights=WEIGHTS, **options)


def lost(layer: LayerPlan, weight: Any) -> float:
    """Share of the energy that truncation loses."""
    tensor: Any = layer.reshape.apply(weight)
    error = np.linalg.norm(tensor - hosvd(tensor, layer.rank, sequential=False).to_tensor())
    return float(error / np.linalg.norm(weight)) ** 2


def loss(planned: NetworkPlan) -> float:
    return sum(-math.log1p(-min(lost(p, WEIGHTS[p.name]), 1 - 1e-12)) for p in planned.layers)


@pytest.mark.parametrize("share", [0.35, 0.25, 0.15, 0.10])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_joint_choice_is_never_worse_than_a_family(share: float, family: str) -> None:
    joint, single = plan(share), plan(share, reshape=family)
    assert max(joint.n_params, single.n_params) <= share * DENSE
    assert loss(joint) <= 1.001 * loss(single)


def test_each_structure_gets_the_dims_that_show_it() -> None:
    chosen = {p.name: p.reshape.dims for p in plan(0.2).layers}
    assert chosen["linear"] == (48, 64)
    assert chosen["conv"] == (48, 36), "columns go with the outputs, rows with the inputs"
    assert len(chosen["balanced"]) >= 3


def test_a_matrix_of_low_rank_is_found_exactly() -> None:
    matrix = low_rank(512, 512, 16).astype(np.float32)
    planned = plan_network({"w": (512, 512)}, budget=512 * 512 // 4, weights={"w": matrix})
    assert planned.n_params <= 16 * (512 + 512)
    tucker = hosvd(planned["w"].reshape.apply(matrix), planned["w"].rank)
    back = planned["w"].reshape.undo(tucker.to_tensor())
    assert np.linalg.norm(matrix - back) < 1e-5 * np.linalg.norm(matrix)


def test_no_weight_stays_dense_unless_it_may() -> None:
    generous = plan_network(SHAPES, budget=2 * DENSE, weights=WEIGHTS)
    for layer in generous.layers:
        assert layer.n_params < math.prod(layer.reshape.shape)
        assert layer.rank != layer.reshape.dims
    free = plan_network(SHAPES, budget=2 * DENSE, weights=WEIGHTS, allow_dense=True)
    assert free["noise"].rank == SHAPES["noise"]
    assert free["noise"].n_params == 32 * 32
    assert loss(free) < 1e-6
    for search in ("balanced", "exact"):
        shapes = {"a": (30, 20), "b": (12, 18)}
        options: dict[str, Any] = {"budget": 2_000, "search": search}
        for layer in plan_network(shapes, **options).layers:
            assert layer.n_params < math.prod(layer.reshape.shape)
        dense = plan_network(shapes, **options, allow_dense=True)
        assert all(layer.rank == layer.reshape.dims for layer in dense.layers)


def test_no_weight_stores_more_than_its_share() -> None:
    planned = plan_network(SHAPES, budget=DENSE, weights=WEIGHTS, max_fraction=0.4)
    for layer in planned.layers:
        assert layer.n_params <= 0.4 * math.prod(layer.reshape.shape)
    for wrong in (0.0, 1.5):
        with pytest.raises(ValueError, match=f"max_fraction is {wrong}"):
            plan(0.3, max_fraction=wrong)
    with pytest.raises(ValueError, match="below 1 with weights"):
        plan_network(SHAPES, budget=DENSE, max_fraction=0.5)


def test_a_weight_without_a_smaller_format_is_named() -> None:
    shapes = {"fine": (30, 20), "prime": (7,)}
    weights = {name: RNG.standard_normal(shape) for name, shape in shapes.items()}
    with pytest.raises(
        ValueError, match=r"prime of shape \(7,\): every .* at least 7 of its 7 .*dense"
    ):
        plan_network(shapes, budget=400, weights=weights)
    with pytest.raises(ValueError, match=r"prime: dims \(7,\) store at least 7 .* leave it out"):
        plan_network(shapes, budget=400)
    kept = plan_network(shapes, budget=400, weights=weights, allow_dense=True)
    assert kept["prime"].n_params == 7


def test_too_small_a_budget_names_the_smallest() -> None:
    with pytest.raises(
        ValueError, match=r"budget is 100 parameters; 5 weights need at least \d+"
    ) as e:
        plan_network(SHAPES, budget=100, weights=WEIGHTS)
    least = int(str(e.value).split("at least ")[1].split(":")[0])
    assert plan_network(SHAPES, budget=least, weights=WEIGHTS).n_params == least
    with pytest.raises(ValueError, match=f"at least {least}"):
        plan_network(SHAPES, budget=least - 1, weights=WEIGHTS)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_the_whole_budget_is_spent(share: float) -> None:
    noise = {name: RNG.standard_normal(shape) for name, shape in SHAPES.items()}
    planned = plan_network(SHAPES, budget=int(share * DENSE), weights=noise)
    assert 0.99 * share * DENSE <= planned.n_params <= share * DENSE


def test_the_plan_says_why() -> None:
    planned = plan(0.2)
    reason = planned["linear"].reason
    assert reason.startswith("svd (48, 64) loses ")
    assert "; at as many parameters " in reason
    assert "split" in reason
    assert "balanced" in reason
    assert f"linear: {reason}" in planned.explain().splitlines()
    assert planned == plan(0.2), "the same weights get the same plan"


def test_orders_and_families_can_be_forced() -> None:
    assert {len(p.reshape.dims) for p in plan(0.3, order=3).layers} == {3}
    assert {len(p.reshape.dims) for p in plan(0.3, reshape="order 2").layers} == {2}
    assert plan(0.3, reshape="natural")["conv"].reshape.dims in [(16, 12, 9), (16, 12, 3, 3)]
    assert plan(0.3, reshape="split")["flat"].reshape.dims == (4, 6, 4, 6, 9)
    without = plan_network(SHAPES, budget=DENSE // 3, reshape="split")
    assert without["linear"].reshape.dims == (6, 8, 8, 8)
    with pytest.raises(ValueError, match="reshape is 'cp'; one of 'auto', 'svd', 'order 2'"):
        plan(0.3, reshape="cp")


def test_importance_moves_parameters() -> None:
    alike, first = plan(0.1), plan(0.1, importance={"noise": 10.0})
    assert first["noise"].n_params > alike["noise"].n_params
    with pytest.raises(ValueError, match="importance names 'x'; the weights are"):
        plan(0.2, importance={"x": 1.0})
    with pytest.raises(ValueError, match=r"importance\['noise'\] is -1; a factor"):
        plan(0.2, importance={"noise": -1})
    with pytest.raises(ValueError, match="without weights"):
        plan_network(SHAPES, budget=4_000, importance={"noise": 2.0})


def test_weights_are_those_of_the_shapes() -> None:
    few = {name: w for name, w in WEIGHTS.items() if name != "noise"}
    with pytest.raises(ValueError, match="'noise' is missing"):
        plan_network(SHAPES, budget=4_000, weights=few)
    with pytest.raises(ValueError, match=r"weights\['conv'\] has shape \(2, 2\)"):
        plan_network(SHAPES, budget=4_000, weights={**WEIGHTS, "conv": np.ones((2, 2))})
    with pytest.raises(ValueError, match="weights and spectra are given"):
        plan_network({"a": (2, 2)}, budget=9, weights={"a": np.eye(2)}, spectra={"a": [[1], [1]]})
    with pytest.raises(ValueError, match=r"linear.* must be finite"):
        plan_network(SHAPES, budget=4_000, weights={**WEIGHTS, "linear": np.full((48, 64), np.nan)})


def test_a_large_budget_is_shared_out_as_well_as_a_small_one() -> None:
    """Beyond 20,000 parameters the programme works in portions; what they leave over is spent."""
    rng = np.random.default_rng(1)
    costs = [np.unique(rng.integers(1_000, 90_000, 300)) for _ in range(6)]
    losses = [np.sort(rng.random(len(own)))[::-1] for own in costs]
    chosen = cheapest_choice(costs, losses, 250_000)
    spent = sum(int(own[k]) for own, k in zip(costs, chosen, strict=True))
    assert 249_000 < spent <= 250_000


def test_options_of_a_weight_serve_several_budgets() -> None:
    options = [weight_options(name, weight) for name, weight in WEIGHTS.items()]
    assert joint_plan(options, DENSE // 4) == plan_network(
        SHAPES, budget=DENSE // 4, weights=WEIGHTS
    )


def test_vocabularies_and_primes_are_padded() -> None:
    dims = {c.reshape.dims: c.reshape for c in reshape_candidates((997, 64))}
    assert (25, 40, 64) in dims
    assert dims[25, 40, 64].padding == 3 * 64
    weight = RNG.standard_normal((997, 64))
    for reshape in dims.values():
        np.testing.assert_array_equal(reshape.undo(reshape.apply(weight)), weight)


@pytest.mark.parametrize("vocabulary", [30_522, 50_257, 7_919])
def test_neighbouring_vocabularies_get_alike_dims(vocabulary: int) -> None:
    """What a number's divisors happen to be does not decide how balanced its dims are."""
    for size in (vocabulary - 1, vocabulary, vocabulary + 1):
        planned = plan_network({"w": (size, 768)}, budget=9_000)["w"].reshape
        assert max(planned.dims) < 40
        assert planned.padding < 0.01 * size * 768
        balanced = [c.reshape for c in reshape_candidates((size, 768)) if c.family == "balanced"]
        assert all(max(r.dims) < 60 for r in balanced if len(r.dims) == 5)


@pytest.mark.parametrize(
    "shape",
    [(1, 64), (64, 1, 3, 3), (10, 64), (16, 3, 3, 3), (64, 64, 1, 1), (8, 4, 5), (8, 4, 3, 3, 3)],
)
def test_candidates_are_reshapes_of_their_weight(shape: tuple[int, ...]) -> None:
    found = reshape_candidates(shape)
    assert len({c.reshape for c in found}) == len(found) >= 1
    for _, reshape in found:
        assert reshape.shape == shape
        assert min(reshape.dims) > 1
        assert reshape.padding <= 0.05 * math.prod(shape)

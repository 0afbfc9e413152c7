"""Plans of whole networks: under the ceiling, near cubes, where the energy is, and with a shared core."""

import math
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import (
    ARCHITECTURES,
    hosvd,
    multilinear_singular_values,
    plan_network,
    plan_reshape,
)
from tucker_core.core_shapes import energy_losses

LENET5 = {n: s for n, s in ARCHITECTURES["lenet5"].items() if n.endswith("weight")}
SEARCHES: list[Literal["balanced", "exact"]] = ["balanced", "exact"]
SMALL = {"a": (30, 20), "b": (12, 18)}


def test_cores_are_near_cubes() -> None:
    plan = plan_network(LENET5, budget=3_650)
    assert 0.98 * 3_650 <= plan.n_params <= 3_650
    rank = plan["fc1.weight"].rank
    assert max(rank) - min(rank) <= 1


def test_budget_in_bytes() -> None:
    plan = plan_network(LENET5, budget=2_000, unit="bytes", bits=4)
    assert plan.n_params * 4 / 8 <= 2_000
    assert plan == plan_network(LENET5, budget=4_000)


def test_table_and_lookup() -> None:
    plan = plan_network(LENET5, budget=3_650)
    table = plan.table()
    assert f"{plan.n_params:,}" in table.splitlines()[-1]
    assert len(table.splitlines()) == 2 + len(LENET5) + 1
    with pytest.raises(KeyError, match="fc9"):
        plan["fc9"]


@given(st.integers(60, 1_000), st.sampled_from(SEARCHES), st.booleans())
def test_no_plan_exceeds_its_budget(
    budget: int, search: Literal["balanced", "exact"], shared: bool
) -> None:
    shapes = {"a": (6, 20), "b": (7, 9), "c": (5,)}
    plan = plan_network(
        shapes,
        budget=budget,
        search="exact" if shared else search,
        shared_core=shared,
        order=2 if shared else "auto",
        allow_dense=True,
    )
    assert plan.n_params <= budget


def test_exact_search_loses_no_more_than_the_balanced_one() -> None:
    for budget in (2_000, 3_650, 8_000):
        losses = []
        for search in SEARCHES:
            plan = plan_network(LENET5, budget=budget, search=search)
            assert plan.n_params <= budget
            losses.append(
                sum(
                    float(own[j - 1])
                    for layer in plan.layers
                    for own, j in zip(energy_losses(layer.reshape.dims), layer.rank, strict=True)
                )
            )
        assert losses[1] <= losses[0]


def test_spectra_put_the_ranks_where_the_energy_is() -> None:
    rng = np.random.default_rng(0)
    weights = {"a": rng.standard_normal(SMALL["a"]), "b": rng.standard_normal(SMALL["b"])}
    weights["b"] = np.outer(weights["b"][:, 0], weights["b"][0])  # rank 1: one rank holds all
    spectra = {
        name: multilinear_singular_values(plan_reshape(w.shape, 2).apply(w))
        for name, w in weights.items()
    }
    plan = plan_network(SMALL, budget=400, order=2, spectra=spectra)
    assert plan["b"].n_params <= 12 + 18 + 1, "a matrix of rank 1 needs no larger core"
    alike = plan_network(SMALL, budget=400, order=2, search="exact")
    errors = [
        sum(
            float(np.linalg.norm(w - hosvd(w, p[name].rank).to_tensor()) / np.linalg.norm(w)) ** 2
            for name, w in weights.items()
        )
        for p in (plan, alike)
    ]
    assert errors[0] < errors[1]


def test_a_shared_core_is_counted_once() -> None:
    plan = plan_network(LENET5, budget=3_000, shared_core=True)
    shared = [layer for layer in plan.layers if layer.shared_core]
    assert [layer.name for layer in shared] == ["conv2.weight", "fc1.weight"]
    assert len({layer.rank for layer in shared}) == 1
    assert len({len(layer.reshape.dims) for layer in shared}) == 1
    rank = shared[0].rank
    matrices = sum(i * j for layer in shared for i, j in zip(layer.reshape.dims, rank, strict=True))
    own = sum(layer.n_params for layer in plan.layers if layer not in shared)
    assert plan.n_params == math.prod(rank) + matrices + own <= 3_000
    assert plan.n_params > 0.9 * 3_000
    for layer in shared:
        assert all(j <= i for i, j in zip(layer.reshape.dims, rank, strict=True)), "none is wide"
    assert plan.shared_core_params == math.prod(rank)
    assert f"{math.prod(rank):,}" in plan.table().splitlines()[-2]
    assert plan_network(LENET5, budget=3_000).shared_core_params == 0


@pytest.mark.parametrize("order", ["auto", 3])
def test_the_smallest_budget_of_a_shared_core_is_named(order: Literal["auto"] | int) -> None:
    options: dict[str, Any] = {"shared_core": True, "order": order}
    with pytest.raises(
        ValueError, match=r"budget is 10 parameters; .* needs at least \d+"
    ) as caught:
        plan_network(LENET5, budget=10, **options)
    least = int(str(caught.value).split("at least ")[1])
    assert plan_network(LENET5, budget=least, **options).n_params == least


def test_bad_plans_are_named() -> None:
    with pytest.raises(ValueError, match="no weight"):
        plan_network({}, budget=10)
    with pytest.raises(ValueError, match="unit is 'bits'"):
        plan_network(LENET5, budget=10, unit="bits")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="bits is 0"):
        plan_network(LENET5, budget=10, unit="bytes", bits=0)
    with pytest.raises(ValueError, match="need at least 297"):
        plan_network(LENET5, budget=100)
    with pytest.raises(ValueError, match="search is 'fast'; 'balanced' or 'exact'"):
        plan_network(LENET5, budget=3_000, search="fast")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="need search='exact'"):
        plan_network(LENET5, budget=3_000, search="balanced", shared_core=True)
    with pytest.raises(ValueError, match=r"need at least \d+"):
        plan_network(LENET5, budget=100, search="exact")
    with pytest.raises(
        ValueError, match=r"budget is 100 parameters; a shared core .* at least \d+"
    ):
        plan_network(LENET5, budget=100, shared_core=True)
    with pytest.raises(ValueError, match=r"spectra are for \['a'\], weights are \['a', 'b'\]"):
        plan_network(SMALL, budget=300, spectra={"a": [[1.0], [1.0]]})
    with pytest.raises(ValueError, match=r"spectra\['b'\]: 1 lists"):
        plan_network(SMALL, budget=300, order=2, spectra={"a": [[1.0], [1.0]], "b": [[1.0]]})


def test_given_reshapes_are_kept_and_checked() -> None:
    shapes = {"a": (20, 30), "b": (40, 10)}
    reshapes = {name: plan_reshape(shape, 2) for name, shape in shapes.items()}
    plan = plan_network(shapes, budget=300, reshapes=reshapes)
    assert {layer.name: layer.reshape for layer in plan.layers} == reshapes
    assert plan.n_params <= 300
    with pytest.raises(ValueError, match=r"reshapes are for \['a'\], weights are \['a', 'b'\]"):
        plan_network(shapes, budget=300, reshapes={"a": reshapes["a"]})
    with pytest.raises(ValueError, match=r"reshapes\['b'\] is for shape \(20, 30\)"):
        plan_network(shapes, budget=300, reshapes=dict.fromkeys(shapes, reshapes["a"]))


@pytest.mark.parametrize("budget", [0, -5])
@pytest.mark.parametrize("search", SEARCHES)
def test_a_budget_below_one_names_what_is_enough(
    budget: int, search: Literal["balanced", "exact"]
) -> None:
    with pytest.raises(ValueError, match=f"budget is {budget} parameters; .* need at least 18"):
        plan_network({"w": (9, 9)}, budget=budget, search=search)

"""Every argument of planning and counting against a table of wrong values.

What is handed in is either right or refused by a TypeError or ValueError that names the argument:
nothing is rounded, ignored or left to numpy, and no other error comes through.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tucker_core import (
    LayerPlan,
    NetworkPlan,
    ReshapePlan,
    balance_dims,
    dense_params,
    factorizations,
    format_table,
    gradient_flops,
    plan_network,
    plan_reshape,
    reconstruct_flops,
    tucker_params,
    validate_tucker_rank,
)
from tucker_core.architectures import cifar_resnet
from tucker_core.core_shapes import best_core_shapes, best_shared_core, energy_losses, least_params
from tucker_core.counting import dense_flops, shared_core_params
from tucker_core.ranks import ranks_within

WRONG: dict[str, Any] = {
    "None": None,
    "text": "1",
    "bytes": b"1",
    "half": 1.5,
    "two point nought": 2.0,
    "numpy's two point nought": np.float64(2.0),
    "nan": float("nan"),
    "inf": float("inf"),
    "minus inf": -float("inf"),
    "minus one": -1,
    "nought": 0,
    "numpy's minus three": np.int8(-3),
    "true": True,
    "numpy's true": np.True_,
    "complex": 1j,
    "object": object(),
    "huge": 10**30,
    "unspeakable": 10**5000,
    "empty list": [],
    "empty tuple": (),
    "empty dict": {},
    "empty array": np.empty(0, int),
    "0-d float": np.array(1.5),
    "0-d nan": np.array(np.nan),
    "list of halves": [1.5, 2.5],
    "list of nan": [float("nan"), 2],
    "list of texts": ["a", "b"],
    "list of booleans": [True, True],
    "list of huge": [10**30, 10**5000],
    "list of None": [None, None],
    "list of noughts": [0, 0],
    "array of floats": np.array([2.0, 3.0]),
    "2-d array": np.ones((2, 2), int),
    "nested": [[2, 2], [2, 2]],
    "set": {2, 3},
    "dict": {2: 2, 3: 3},
}
NUMBERS = ("half", "two point nought", "numpy's two point nought", "huge", "0-d float")
FLAGS = ("true", "numpy's true")
RESHAPE = plan_reshape((4, 6), 2)
NET = {"w": (4, 6)}

# argument -> how it is called in a message, the call, and which of the values are right there
Case = tuple[str, Callable[[Any], object], tuple[str, ...]]
CASES: dict[str, Case] = {
    "factorizations n": ("n is", lambda v: factorizations(v, 2), ()),
    "factorizations order": ("order is", lambda v: factorizations(12, v), ()),
    "balance_dims n": ("n is", lambda v: balance_dims(v, 2), ()),
    "balance_dims order": ("order is", lambda v: balance_dims(12, v), ()),
    "plan_reshape shape": ("shape", plan_reshape, ()),
    "plan_reshape order": ("order is", lambda v: plan_reshape((4, 6), v), ()),
    "plan_reshape mixed": ("mixed is", lambda v: plan_reshape((4, 6), mixed=v), FLAGS),
    "plan_reshape permute": ("permute is", lambda v: plan_reshape((4, 6), permute=v), FLAGS),
    "plan_reshape pad": ("pad is", lambda v: plan_reshape((4, 6), pad=v), FLAGS),
    "plan_reshape natural": (
        "natural",
        lambda v: plan_reshape((4, 6), natural=v),
        ("None", "empty dict"),
    ),
    "plan_reshape natural parts": ("natural", lambda v: plan_reshape((4, 6), natural={1: v}), ()),
    "ReshapePlan shape": ("shape", lambda v: ReshapePlan(v, (24,), (0, 1)), ()),
    "ReshapePlan dims": ("dims", lambda v: ReshapePlan((4, 6), v, (0, 1)), ()),
    "ReshapePlan permutation": ("permutation", lambda v: ReshapePlan((4, 6), (24,), v), ()),
    "ReshapePlan padded": (
        "padded",
        lambda v: ReshapePlan((4, 6), (24,), (0, 1), padded=v),
        ("empty list", "empty tuple", "empty array"),
    ),
    "ReshapePlan apply": ("weight", RESHAPE.apply, ()),
    "ReshapePlan undo": ("tensor", RESHAPE.undo, ()),
    "validate_tucker_rank shape": ("shape", lambda v: validate_tucker_rank(v, 1), ()),
    "validate_tucker_rank rank": ("rank", lambda v: validate_tucker_rank((4, 6), v), ()),
    "validate_tucker_rank fixed_modes": (
        "mode",
        lambda v: validate_tucker_rank((4, 6), 2, fixed_modes=v),
        ("None", "empty list", "empty tuple", "empty array", "list of noughts"),
    ),
    "ranks_within all_dims": ("all_dims", lambda v: ranks_within(v, 99), ("nested", "2-d array")),
    "ranks_within budget": (
        "budget is",
        lambda v: ranks_within([(4, 6)], v),
        ("huge", "unspeakable"),
    ),
    "plan_network shapes": ("shape|no weight", lambda v: plan_network(v, budget=99), ()),
    "plan_network shape": ("w: shape", lambda v: plan_network({"w": v}, budget=99), ()),
    "plan_network budget": (
        "budget is",
        lambda v: plan_network(NET, budget=v),
        ("huge", "unspeakable"),
    ),
    "plan_network budget in bytes": (
        "budget is",
        lambda v: plan_network(NET, budget=v, unit="bytes"),
        ("huge",),
    ),
    "plan_network exact budget": (
        "budget is",
        lambda v: plan_network(NET, budget=v, search="exact"),
        ("huge", "unspeakable"),
    ),
    "plan_network shared budget": (
        "budget is",
        lambda v: plan_network(NET, budget=v, shared_core=True),
        ("huge", "unspeakable"),
    ),
    "plan_network unit": ("unit is", lambda v: plan_network(NET, budget=99, unit=v), ()),
    "plan_network bits": (
        "bits is",
        lambda v: plan_network(NET, budget=10**40, unit="bytes", bits=v),
        NUMBERS,
    ),
    "plan_network order": ("order is", lambda v: plan_network(NET, budget=99, order=v), ()),
    "plan_network shared_core": (
        "shared_core is",
        lambda v: plan_network(NET, budget=99, shared_core=v),
        FLAGS,
    ),
    "plan_network search": (
        "search is",
        lambda v: plan_network(NET, budget=99, search=v),
        ("None",),
    ),
    "plan_network spectra": (
        "spectra",
        lambda v: plan_network(NET, budget=99, spectra=v),
        ("None",),
    ),
    "plan_network spectrum": (
        r"spectra\['w'\]",
        lambda v: plan_network(NET, budget=99, order=2, spectra={"w": v}),
        ("2-d array", "nested"),
    ),
    "plan_network reshapes": (
        "reshapes",
        lambda v: plan_network(NET, budget=99, reshapes=v),
        ("None",),
    ),
    "plan_network reshape": (
        "reshapes",
        lambda v: plan_network(NET, budget=99, reshapes={"w": v}),
        (),
    ),
    "LayerPlan reshape": ("reshape is", lambda v: LayerPlan("w", v, (2, 2)), ()),
    "LayerPlan rank": ("rank", lambda v: LayerPlan("w", RESHAPE, v), ()),
    "LayerPlan rank of a shared core": (
        "rank",
        lambda v: LayerPlan("w", RESHAPE, v, True).n_params,
        ("list of huge",),
    ),
    "LayerPlan shared_core": (
        "shared_core is",
        lambda v: LayerPlan("w", RESHAPE, (2, 2), v),
        FLAGS,
    ),
    "NetworkPlan layers": (
        "layers",
        lambda v: NetworkPlan(v),
        ("empty list", "empty tuple", "empty array"),
    ),
    "best_core_shapes all_dims": (
        "dims",
        lambda v: best_core_shapes(v, 99),
        ("nested", "2-d array"),
    ),
    "best_shared_core all_dims": (
        "dims",
        lambda v: best_shared_core(v, 99),
        ("nested", "2-d array"),
    ),
    "energy_losses dims": ("dims", energy_losses, ()),
    "energy_losses singular_values": (
        "singular.values",
        lambda v: energy_losses((2, 2), v),
        ("None", "2-d array", "nested"),
    ),
    "energy_losses of a mode": (
        "singular values",
        lambda v: energy_losses((2,), [v]),
        ("list of noughts",),
    ),
    "least_params dims": ("dims", least_params, ("list of huge",)),
    "tucker_params dims": ("dims", lambda v: tucker_params(v, (1, 1)), ("list of huge",)),
    "tucker_params rank": ("rank", lambda v: tucker_params((4, 6), v), ()),
    "shared_core_params dims": (
        "dims",
        lambda v: shared_core_params([v], (1, 1)),
        ("list of huge",),
    ),
    "shared_core_params rank": (
        "rank",
        lambda v: shared_core_params([(4, 6)], v),
        ("list of huge",),
    ),
    "dense_flops shape": ("shape", dense_flops, ("list of huge",)),
    "dense_flops positions": (
        "positions is",
        lambda v: dense_flops((4, 6), v),
        ("huge", "unspeakable"),
    ),
    "reconstruct_flops dims": ("dims", lambda v: reconstruct_flops(v, (1, 1)), ("list of huge",)),
    "reconstruct_flops rank": ("rank", lambda v: reconstruct_flops((4, 6), v), ()),
    "gradient_flops dims": ("dims", lambda v: gradient_flops(v, (1, 1)), ("list of huge",)),
    "gradient_flops rank": ("rank", lambda v: gradient_flops((4, 6), v), ()),
    "dense_params architecture": ("architecture", dense_params, ()),
    "cifar_resnet depth": ("depth is", cifar_resnet, ()),
    "format_table rows": ("row|cell", format_table, ()),
    "format_table row": ("row|cell", lambda v: format_table([v]), ("list of texts",)),
}


@pytest.mark.parametrize("argument", CASES)
def test_wrong_values_are_named(argument: str) -> None:
    name, call, right = CASES[argument]
    for kind, value in WRONG.items():
        if kind in right:
            call(value)
            continue
        with pytest.raises((TypeError, ValueError), match=name) as caught:
            _called(call, value, kind)
        assert type(caught.value) in (TypeError, ValueError), kind
        assert len(str(caught.value)) < 600, kind
        assert "\n" not in str(caught.value), kind


def _called(call: Callable[[Any], object], value: object, kind: str) -> None:
    call(value)
    pytest.fail(f"{kind} was taken")

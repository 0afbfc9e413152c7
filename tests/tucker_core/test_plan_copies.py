"""A used plan in another process, copied, or forked; and what a product saved, moved elsewhere."""

import copy
import multiprocessing
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tucker_core import TuckerPlan, random_tucker
from tucker_core.checks import FloatArray

ROOT = Path(__file__).resolve().parents[2]
SHAPE, RANK = (6, 5, 7), (2, 5, 4)
CORE, _drawn = random_tucker(SHAPE, RANK, np.random.default_rng(0))
FACTORS = [_drawn[0], None, _drawn[2]]


def used_plan() -> TuckerPlan:
    plan = TuckerPlan(SHAPE, RANK, np.float64, [1])
    full, saved = plan.product_and_saved(CORE, FACTORS)
    plan.product(CORE, FACTORS)
    plan.gradient(CORE, FACTORS, full, saved)
    plan.gradient(CORE, FACTORS, full)
    return plan


def product_of(plan: TuckerPlan) -> FloatArray:
    return plan.product(CORE, FACTORS)


def test_a_pickle_holds_the_arguments_and_nothing_else() -> None:
    plan = used_plan()
    same = (plan.shape, plan.rank, plan.dtype, plan.full_modes)
    fresh = TuckerPlan(SHAPE, RANK, np.float64, [1])
    assert pickle.dumps(plan) == pickle.dumps(fresh)
    for other in (pickle.loads(pickle.dumps(plan)), copy.copy(plan), copy.deepcopy(plan)):
        assert type(other) is TuckerPlan
        assert (other.shape, other.rank, other.dtype, other.full_modes) == same
        assert not np.any(other._table[:, 6:])  # addresses
        assert other._workspace is None
        np.testing.assert_array_equal(product_of(other), product_of(plan))


def test_a_used_plan_works_in_a_fresh_process() -> None:
    script = (
        "import pickle, sys\n"
        "plan, core, factors, full, saved = pickle.load(sys.stdin.buffer)\n"
        "grad = plan.gradient(core, factors, full, saved)[1][0]\n"
        "sys.stdout.buffer.write(pickle.dumps((plan.product(core, factors), grad)))\n"
    )
    plan = used_plan()
    full, saved = plan.product_and_saved(CORE, FACTORS)
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps((plan, CORE, FACTORS, full, saved)),
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    found, grad = pickle.loads(done.stdout)
    np.testing.assert_array_equal(found, full)
    np.testing.assert_array_equal(grad, plan.gradient(CORE, FACTORS, full)[1][0])


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_used_plan_works_in_a_pool(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    plan = used_plan()
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.map_async(product_of, [plan] * 2).get(timeout=120)
    for full in found:
        np.testing.assert_array_equal(full, product_of(plan))


@pytest.mark.parametrize("offset", range(0, 64, 8))
def test_what_was_saved_may_move_in_memory(offset: int) -> None:
    plan = TuckerPlan(SHAPE, RANK, np.float64, [1])
    full, saved = plan.product_and_saved(CORE, FACTORS)
    expected = plan.gradient(CORE, FACTORS, full)[1]
    if not plan.is_compiled:
        pytest.skip("without kernels nothing depends on addresses")
    room = np.empty(8 * saved.size + 128, np.uint8)  # type: ignore[union-attr]
    start = -room.ctypes.data % 64 + offset
    moved = room[start : start + 8 * saved.size].view(np.float64)  # type: ignore[union-attr]
    moved[:] = saved
    found = plan.gradient(CORE, FACTORS, full, moved)[1]
    np.testing.assert_array_equal(found[0], expected[0])  # the gradient which needs what was saved


@pytest.mark.parametrize("compiled", [True, False])
def test_what_was_not_saved_by_this_product_is_refused(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr("tucker_core.tucker_plan.can_compile", lambda: False)
    plan = TuckerPlan(SHAPE, RANK, np.float64, [1])
    full, saved = plan.product_and_saved(CORE, FACTORS)
    plan.gradient(CORE, FACTORS, full, saved)
    foreign: list[Any] = [np.zeros(3), [np.zeros((2, 2))], TuckerPlan(SHAPE, RANK, full_modes=[1])]
    foreign[2] = foreign[2].product_and_saved(
        CORE.astype(np.float32), [None if f is None else f.astype(np.float32) for f in FACTORS]
    )[0]
    if compiled and plan.is_compiled:
        foreign += [saved, np.zeros_like(saved), np.full_like(saved, np.nan)]
    for wrong in foreign:
        with pytest.raises(ValueError, match="used up or belongs to another plan: take it from"):
            plan.gradient(CORE, FACTORS, full, wrong)


def test_a_gradient_that_lies_in_what_was_saved_is_refused() -> None:
    plan = TuckerPlan(SHAPE, RANK, np.float64, [1])
    full, saved = plan.product_and_saved(CORE, FACTORS)
    if not plan.is_compiled:
        pytest.skip("numpy keeps what was saved as it is")
    assert isinstance(saved, np.ndarray)
    room = np.zeros(saved.size + full.size)
    room[: saved.size] = saved
    inside = room[saved.size - 1 : saved.size - 1 + full.size].reshape(SHAPE)
    with pytest.raises(ValueError, match="used up or belongs to another plan"):
        plan.gradient(CORE, FACTORS, inside, room[: saved.size])

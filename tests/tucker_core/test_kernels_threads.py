"""Kernels in many threads, from the first call of a process on, and across a fork."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tucker_core import TuckerPlan, random_tucker, tucker_gradient, tucker_to_tensor
from tucker_core.tucker_chain import contract, expand

ROOT = Path(__file__).resolve().parents[2]

# Every thread starts at once with another kernel, precision or layout than its neighbours.
FIRST_CALLS = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from tucker_core import balance_dims, hosvd, mode_dot, random_tucker, tucker_gradient, tucker_to_tensor
from tucker_core.kernels.gram import mode_gram
from tucker_core.tucker_chain import contract, expand

start = threading.Barrier(8)

def near(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())

def work(k):
    dtype, order = (np.float32, np.float64)[k % 2], "CF"[k // 2 % 2]
    core, factors = random_tucker((8, 9, 10), (3, 4, 5), np.random.default_rng(k))
    core = np.asarray(core, dtype, order=order)
    factors = [np.asarray(f, dtype, order=order) for f in factors]
    full, steps = expand(core, factors)
    full = full.reshape(8, 9, 10)
    grad_core, grads = contract(factors, full, steps)
    matrix = np.asarray(factors[1].T, order=order)
    block = full.reshape(8, 9, 10)
    def gradient():
        found, by_mode = tucker_gradient((core, factors), np.asarray(full, order=order))
        near(found, grad_core.reshape(3, 4, 5))
        for one, other in zip(by_mode, grads):
            near(one, other)
    jobs = [
        lambda: near(tucker_to_tensor((core, factors)), full),
        gradient,
        lambda: near(mode_dot(np.asarray(full, order=order), matrix, 1),
                     np.einsum("ji,lir->ljr", matrix, full)),
        lambda: near(mode_gram(block), np.einsum("lir,ljr->ij", block, block)),
        lambda: near(hosvd(full, tol=0.01).to_tensor(), full) if dtype == np.float64 else None,
        lambda: balance_dims(360, 3) == (5, 8, 9) or sys.exit("balance_dims"),
    ]
    start.wait()
    for job in jobs[k % 6:] + jobs[:k % 6]:
        job()
        job()

list(ThreadPoolExecutor(8).map(work, range(8)))
"""

FORK = """
import os, sys, threading, time
import numpy as np
from tucker_core import tucker_to_tensor
from tucker_core.kernels.jit import _LOCK

def work():
    return tucker_to_tensor((np.ones((2, 2, 2)), [np.ones((4, 2))] * 3))[0, 0, 0]

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads) and _LOCK.acquire(blocking=False):
    _LOCK.release()
    time.sleep(0.001)
child = os.fork()
if child == 0:
    os._exit(0 if work() == 8 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def run(script: str, timeout: float, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("attempt", range(3))
def test_the_first_calls_of_a_process_may_come_from_many_threads(attempt: int) -> None:
    run(FIRST_CALLS, timeout=300)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_amid_the_first_calls_leaves_the_child_a_way_to_compile() -> None:
    run(FORK, timeout=120)


def test_what_runs_once_runs_once_for_all_threads() -> None:
    from tucker_core.kernels.jit import once

    runs = list[int]()

    @once
    def compile_slowly(number: int) -> object:
        runs.append(number)
        time.sleep(0.05)
        return object()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(compile_slowly, [1, 2] * 8))
    assert sorted(runs) == [1, 2]
    assert len(set(found)) == 2


@pytest.mark.parametrize("full_modes", [(), (1,)])
def test_one_plan_serves_many_threads(full_modes: tuple[int, ...]) -> None:
    shape, rank = (6, 5, 7), (2, 5, 4)
    plan = TuckerPlan(shape, rank, np.float64, full_modes)

    def work(seed: int) -> None:
        core, drawn = random_tucker(shape, rank, np.random.default_rng(seed))
        factors = [None if n in full_modes else f for n, f in enumerate(drawn)]
        full, steps = expand(core, factors)
        grad_core, grads = contract(factors, full.reshape(shape), steps)
        expected = grad_core.reshape(rank), grads[0]
        for _ in range(200):
            found, saved = plan.product_and_saved(core, factors)
            near(found, full.reshape(shape))
            near(plan.product(np.asfortranarray(core), factors), found)
            near(tucker_to_tensor((core, factors)), found)
            near(plan.gradient(core, factors, found, saved)[1][0], expected[1])
            near(plan.gradient(core, factors, found)[1][0], expected[1])
            near(tucker_gradient((core, factors), found)[0], expected[0])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(interval)


def near(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())

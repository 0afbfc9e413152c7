"""The plan object: what it keeps, what it refuses, and the large and odd shapes of its kernels."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tucker_core import TuckerPlan, random_tucker, tucker_to_tensor
from tucker_core.checks import FloatArray
from tucker_core.memory import aligned_empty
from tucker_core.tucker_chain import contract, expand
from tucker_core.tucker_plan import LARGEST_RANK

# Each reaches another corner of the kernels: several panels, packed and streamed ones, single
# rows and columns, every mode full but one, ranks above dims, orders above four, BLAS.
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = [
    ((40, 30, 50), (13, 5, 20), ()),
    ((1, 3, 1), (2, 2, 3), ()),
    ((7, 1, 1), (3, 1, 1), ()),
    ((30, 2000), (14, 2000), (1,)),
    ((3, 4, 65), (3, 4, 9), (0, 1)),
    ((64, 65536), (3, 4), ()),
    ((5, 4, 3, 6, 2), (2, 3, 2, 2, 2), ()),
    ((2,) * 8, (2, 1) * 4, ()),
    ((100, 120), (LARGEST_RANK + 1, 3), ()),
]


def draw(
    shape: tuple[int, ...], rank: tuple[int, ...], full: tuple[int, ...], dtype: Any
) -> tuple[FloatArray, list[FloatArray | None]]:
    core, factors = random_tucker(shape, rank, np.random.default_rng(len(shape)))
    kept = [None if n in full or f is None else f.astype(dtype) for n, f in enumerate(factors)]
    return core.astype(dtype), kept


def assert_near(found: FloatArray, expected: FloatArray, terms: int) -> None:
    scale = float(np.abs(expected).max()) * float(np.finfo(found.dtype).eps)
    np.testing.assert_allclose(found, expected, rtol=0, atol=4 * terms**0.5 * scale + scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "rank", "full"), SHAPES)
def test_kernels_equal_the_numpy_chain_in_double_precision(
    shape: tuple[int, ...], rank: tuple[int, ...], full: tuple[int, ...], dtype: Any
) -> None:
    core, factors = draw(shape, rank, full, dtype)
    grad = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    plan = TuckerPlan(shape, rank, dtype, full)
    product, saved = plan.product_and_saved(core, factors)
    exact = [None if f is None else f.astype(float) for f in factors]
    expected, steps = expand(core.astype(float), exact)
    assert_near(product, expected.reshape(shape), sum(rank))
    exact_core, exact_factors = contract(exact, grad.astype(float), steps)
    for kept in (saved, None):
        grad_core, grad_factors = plan.gradient(core, factors, grad, kept)
        assert_near(grad_core, exact_core.reshape(rank), product.size)
        for found, wanted in zip(grad_factors, exact_factors, strict=True):
            assert (found is None) == (wanted is None)
            if found is not None and wanted is not None:
                assert_near(found, wanted, product.size)


def test_parts_that_are_not_contiguous_or_not_writable_are_read() -> None:
    core, factors = draw((4, 5), (2, 3), (), np.float64)
    plan = TuckerPlan((4, 5), (2, 3), np.float64)
    expected = plan.product(core, factors)
    turned = [None if f is None else np.asfortranarray(f) for f in factors]
    np.testing.assert_array_equal(plan.product(np.asfortranarray(core), turned), expected)
    core.flags.writeable = False
    np.testing.assert_array_equal(plan.product(core, factors), expected)
    upstream = np.asfortranarray(expected)
    straight = plan.gradient(core, factors, expected)[0]
    np.testing.assert_array_equal(plan.gradient(core, turned, upstream)[0], straight)


def test_a_second_product_leaves_what_the_first_saved() -> None:
    core, factors = draw((4, 5, 6), (2, 3, 2), (), np.float32)
    plan = TuckerPlan((4, 5, 6), (2, 3, 2))
    grad, saved = plan.product_and_saved(core, factors)
    plan.product(2 * core, factors)
    expected = plan.gradient(core, factors, grad)[0]
    np.testing.assert_array_equal(plan.gradient(core, factors, grad, saved)[0], expected)


def test_large_results_are_aligned() -> None:
    for count in (4096, 4097, 100_001):
        array = aligned_empty((count,), np.float64)
        assert array.shape == (count,)
        assert array.ctypes.data % 64 == 0


@pytest.mark.parametrize("depth", [2, 20])
def test_large_results_at_any_address(depth: int) -> None:
    """Streamed past the caches where there is little to compute, made from copied rows where more."""
    core, factors = draw((64, 65536), (depth, 2), (), np.float32)
    expected = tucker_to_tensor((core, factors))
    room = np.zeros(64 * 65536 + 17, np.float32)
    for start in (0, 1, 16):
        out = room[start : start + expected.size].reshape(expected.shape)
        np.testing.assert_array_equal(tucker_to_tensor((core, factors), out=out), expected)
    first, second = (factor for factor in factors if factor is not None)
    exact = first @ core @ second.T
    np.testing.assert_allclose(expected, exact, rtol=0, atol=1e-4 * np.abs(exact).max())


CORE, FACTORS = np.ones((2, 3)), [np.ones((4, 2)), None]


@pytest.mark.parametrize(
    ("core", "factors", "error", "message"),
    [
        (np.ones((3, 2)), FACTORS, ValueError, r"core is float64 of shape \(3, 2\)"),
        (CORE.astype(np.float32), FACTORS, ValueError, "core is float32"),
        (CORE, [np.ones((4, 2)), np.ones((3, 3))], ValueError, r"None exactly for the modes \[1\]"),
        (CORE, [np.ones((2, 4)), None], ValueError, r"needs \(4, 2\) \(is it transposed"),
        (CORE, [None, None], ValueError, r"factors\[0\] has shape None"),
        (CORE, [np.ones((4, 2), np.float32), None], TypeError, r"factors\[0\] is float32"),
        (CORE, FACTORS[:1], ValueError, "one per mode"),
    ],
)
def test_parts_of_another_plan_are_named(
    core: FloatArray, factors: Any, error: type[Exception], message: str
) -> None:
    plan = TuckerPlan((4, 3), (2, 3), np.float64, [1])
    with pytest.raises(error, match=message):
        plan.product(core, factors)
    with pytest.raises(error, match=message):
        plan.gradient(core, factors, np.ones((4, 3)))


@pytest.mark.parametrize(
    ("shape", "rank", "dtype", "full", "error", "message"),
    [
        ((4,), (2, 3), np.float32, (), ValueError, "one entry per mode"),
        ((2,) * 9, (2,) * 9, np.float32, (), ValueError, "1 to 8"),
        ((4, 3), (2, 0), np.float32, (), ValueError, ">= 1"),
        ((4, 3), (2, 2), np.float32, (1,), ValueError, "mode 1 cannot go without a factor"),
        ((4, 3), (2, 2), np.float16, (), TypeError, "float16"),
    ],
)
def test_impossible_plans_are_named(
    shape: Any, rank: Any, dtype: Any, full: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        TuckerPlan(shape, rank, dtype, full)


def test_wrong_out_gradient_and_workspace_are_named() -> None:
    plan = TuckerPlan((4, 3), (2, 3), np.float64, [1])
    with pytest.raises(ValueError, match=r"shape \(4, 3\) is needed"):
        plan.product(CORE, FACTORS, out=np.empty((3, 4)))
    with pytest.raises(ValueError, match="grad is float32"):
        plan.gradient(CORE, FACTORS, np.ones((4, 3), np.float32))
    if plan._compiled:
        with pytest.raises(ValueError, match="another plan"):
            plan.gradient(CORE, FACTORS, np.ones((4, 3)), np.empty(3))


def test_without_a_compiler_numpy_does_the_work() -> None:
    script = (
        "import numpy as np, sys, tucker_core as t\n"
        "assert 'numba' not in sys.modules\n"
        "x = t.random_tucker((4, 5, 6), (2, 3, 2), np.random.default_rng(0))\n"
        "g = t.tucker_gradient(x, x.to_tensor())\n"
        "print(x.to_tensor().sum(), g[0].sum())"
    )
    results = []
    for disabled in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[2],
            env=dict(os.environ, NUMBA_DISABLE_JIT=disabled),
            capture_output=True,
            text=True,
            check=True,
        )
        results.append([float(number) for number in done.stdout.split()])
    assert results[0] == pytest.approx(results[1], rel=1e-12)

"""What steers a decomposition: accepted where its meaning is plain, else named with the way out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tucker_core import hosvd, partial_tucker, shared_core_hosvd, tucker
from tucker_core.checks import FloatArray

TENSOR = np.random.default_rng(0).standard_normal((3, 4, 5))
Call = Callable[[Any], object]


SWEEPS: dict[str, Call] = {
    "tucker": lambda n: tucker(TENSOR, 2, n_iter_max=n),
    "partial_tucker": lambda n: partial_tucker(TENSOR, 2, (0,), n_iter_max=n),
    "shared_core_hosvd": lambda n: shared_core_hosvd([TENSOR], 2, n_iter_max=n),
}
GAINS: dict[str, Call] = {
    "tucker": lambda tol: tucker(TENSOR, 2, tol=tol),
    "partial_tucker": lambda tol: partial_tucker(TENSOR, 2, (0,), tol=tol),
    "shared_core_hosvd": lambda tol: shared_core_hosvd([TENSOR], 2, tol=tol),
}
SEEDS: dict[str, Call] = {
    "hosvd": lambda rng: hosvd(TENSOR, 2, method="randomized", rng=rng).core,
    "tucker": lambda rng: tucker(TENSOR, 2, init="random", rng=rng).core,
    "partial_tucker": lambda rng: partial_tucker(TENSOR, 2, (0, 2), init="random", rng=rng).core,
}


@pytest.mark.parametrize("name", SWEEPS)
@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (0, ValueError, "n_iter_max is 0; at least one sweep is needed"),
        (-3, ValueError, "n_iter_max is -3; at least one sweep is needed"),
        (2.5, TypeError, "n_iter_max is 2.5; an integer is needed"),
        ("3", TypeError, "n_iter_max is '3'; an integer is needed"),
        (True, TypeError, "n_iter_max is True; an integer is needed"),
        (None, TypeError, "n_iter_max is None; an integer is needed"),
    ],
)
def test_sweeps(name: str, bad: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        SWEEPS[name](bad)
    SWEEPS[name](np.int64(2))


@pytest.mark.parametrize("name", GAINS)
@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (float("nan"), ValueError, "tol is nan; the least gain .* a finite number"),
        (float("inf"), ValueError, "tol is inf; the least gain .* a finite number"),
        ("1e-4", TypeError, "tol is '1e-4'; a number is needed"),
        (None, TypeError, "tol is None; a number is needed"),
        ([1e-4], TypeError, r"tol is \[0.0001\]; a number is needed"),
    ],
)
def test_gains(name: str, bad: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        GAINS[name](bad)
    for good in (0, -1, np.float32(1e-3)):
        GAINS[name](good)


@pytest.mark.parametrize("name", SEEDS)
def test_seeds(name: str) -> None:
    np.testing.assert_array_equal(SEEDS[name](3), SEEDS[name](np.random.default_rng(3)))
    np.testing.assert_array_equal(SEEDS[name](3), SEEDS[name](np.uint8(3)))
    for bad in ("0", 1.0, np.random.RandomState(0)):
        with pytest.raises(TypeError, match=r"rng is .*a seed >= 0, or a generator: np.random.def"):
            SEEDS[name](bad)
    with pytest.raises(ValueError, match=r"rng is -1; a seed >= 0, or a generator"):
        SEEDS[name](-1)
    with pytest.raises(ValueError, match="give rng, a seed or a generator"):
        SEEDS[name](None)


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (float("nan"), ValueError, r"tol is nan; a relative error in \[0, 1\) is needed"),
        (-0.1, ValueError, r"tol is -0.1; a relative error in \[0, 1\) is needed"),
        (1, ValueError, r"tol is 1; a relative error in \[0, 1\) is needed"),
        (1.5, ValueError, r"tol is 1.5; a relative error in \[0, 1\) is needed"),
        ("0.1", TypeError, "tol is '0.1'; a number is needed: a relative error"),
        (True, TypeError, "tol is True; a number is needed"),
        ((0.1, 0.1, 0.1), TypeError, r"tol is \(0.1, 0.1, 0.1\); a number is needed"),
    ],
)
def test_tolerances(bad: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        hosvd(TENSOR, tol=bad)


@pytest.mark.parametrize("good", [0, 0.5, np.float32(0.5), np.array(0.5)])
def test_good_tolerances(good: Any) -> None:
    assert hosvd(TENSOR, tol=good).rank == hosvd(TENSOR, tol=float(good)).rank


def test_the_square_of_a_tolerance_does_not_vanish() -> None:
    tensor = np.diag([1.0, 1e-30])
    tol: Any = np.float32(1e-32)
    assert hosvd(tensor, tol=tol).rank == (2, 2)


def test_a_list_is_a_tensor() -> None:
    nested: Any = TENSOR.tolist()
    np.testing.assert_array_equal(hosvd(nested, 2).core, hosvd(TENSOR, 2).core)
    np.testing.assert_array_equal(hosvd(nested, (3, 4, 5)).core, TENSOR)
    np.testing.assert_array_equal(tucker(nested, 2).core, tucker(TENSOR, 2).core)
    expected: FloatArray = partial_tucker(TENSOR, 2, [1]).core
    np.testing.assert_array_equal(partial_tucker(nested, 2, [1]).core, expected)


def test_which_of_rank_tol_and_method() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        hosvd(TENSOR)
    with pytest.raises(ValueError, match="exactly one"):
        hosvd(TENSOR, (1, 1, 1), tol=0.1)
    with pytest.raises(ValueError, match=r"method is 'qr'.*auto"):
        hosvd(TENSOR, 2, method="qr")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"tol is 0.1.*give a rank"):
        hosvd(TENSOR, tol=0.1, method="randomized", rng=0)
    with pytest.raises(ValueError, match=r"rank\[1\] is 5.*1 to 4"):
        hosvd(TENSOR, (3, 5, 2))

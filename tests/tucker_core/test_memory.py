"""What an operation allocates at its peak: at most 2.2 times its input and output together."""

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tucker_core import (
    fold,
    hosvd,
    mode_dot,
    multi_mode_dot,
    multilinear_singular_values,
    partial_tucker,
    random_tucker,
    shared_core_hosvd,
    tucker,
    tucker_gradient,
    tucker_to_tensor,
    unfold,
)
from tucker_core.checks import FloatArray

MOST = 2.2
SHAPE, RANK = (60, 50, 40), (6, 5, 4)
# One mode holds as many numbers as all others together: the hardest shapes to decompose.
NEARLY_SQUARE = [(300, 300), (300, 240), (18, 18, 320)]


def noisy(shape: tuple[int, ...], dtype: Any) -> FloatArray:
    """Rank 4 in every mode and a tenth of noise."""
    rng = np.random.default_rng(0)
    full = random_tucker(shape, [4] * len(shape), rng).to_tensor()
    noise = rng.standard_normal(shape)
    scale = 0.1 * np.linalg.norm(full) / np.linalg.norm(noise)
    return np.asarray(full + scale * noise, dtype)


def bytes_of(result: Any) -> int:
    """Bytes of the arrays in nested tuples and lists."""
    if isinstance(result, np.ndarray):
        return result.nbytes
    return 0 if result is None else sum(bytes_of(part) for part in result)


def share(job: Callable[[], Any], given: Any) -> float:
    """Peak of what a job allocates, its result included, over its input and output."""
    job()  # compiles, and fills what is kept for the next call
    tracemalloc.start()
    try:
        result = job()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return peak / (bytes_of(given) + bytes_of(result))


TENSOR = noisy(SHAPE, np.float32)
PARTS = hosvd(TENSOR, RANK)
MATRICES = [np.ones((r, dim), np.float32) for r, dim in zip(RANK, SHAPE, strict=True)]
JOBS: dict[str, tuple[Callable[[], Any], Any]] = {
    "unfold": (lambda: unfold(TENSOR, 1), TENSOR),
    "fold": (lambda: fold(TENSOR.reshape(60, -1), 0, SHAPE), TENSOR),
    "mode_dot": (lambda: mode_dot(TENSOR, MATRICES[1], 1), TENSOR),
    "mode_dot, not contiguous": (lambda: mode_dot(TENSOR.T, MATRICES[1], 1), TENSOR),
    "multi_mode_dot": (lambda: multi_mode_dot(TENSOR, MATRICES), TENSOR),
    "tucker_to_tensor": (lambda: tucker_to_tensor(PARTS), PARTS),
    "tucker_gradient": (lambda: tucker_gradient(PARTS, TENSOR), (PARTS, TENSOR)),
    "multilinear_singular_values": (lambda: multilinear_singular_values(TENSOR), TENSOR),
    "hosvd": (lambda: hosvd(TENSOR, RANK), TENSOR),
    "hosvd, classic": (lambda: hosvd(TENSOR, RANK, sequential=False), TENSOR),
    "hosvd, tol": (lambda: hosvd(TENSOR, tol=0.2), TENSOR),
    "hosvd, small tol": (lambda: hosvd(TENSOR, tol=1e-5), TENSOR),
    "hosvd, gram": (lambda: hosvd(TENSOR, RANK, method="gram"), TENSOR),
    "hosvd, svd": (lambda: hosvd(TENSOR, RANK, method="svd"), TENSOR),
    "hosvd, randomized": (
        lambda: hosvd(TENSOR, RANK, method="randomized", rng=np.random.default_rng(0)),
        TENSOR,
    ),
    "tucker": (lambda: tucker(TENSOR, RANK, n_iter_max=2), TENSOR),
    "tucker, errors": (lambda: tucker(TENSOR, RANK, n_iter_max=2, return_errors=True)[0], TENSOR),
    "partial_tucker": (lambda: partial_tucker(TENSOR, (5,), (1,), n_iter_max=2), TENSOR),
    "shared_core_hosvd": (
        lambda: shared_core_hosvd([TENSOR] * 2, RANK, n_iter_max=1),
        [TENSOR] * 2,
    ),
}


@pytest.mark.parametrize("name", JOBS)
def test_peak_of_every_operation(name: str) -> None:
    assert share(*JOBS[name]) <= MOST


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", NEARLY_SQUARE)
def test_peak_of_nearly_square_unfoldings(shape: tuple[int, ...], dtype: Any) -> None:
    tensor = noisy(shape, dtype)
    for sequential in (True, False):
        assert share(lambda s=sequential: hosvd(tensor, 4, sequential=s), tensor) <= MOST  # type: ignore[misc]


def test_the_measure_bites() -> None:
    tensor = np.zeros(1 << 16)
    assert math.isclose(share(lambda: tensor + 1, tensor), 0.5, rel_tol=0.01)
    assert share(lambda: np.concatenate([tensor] * 4)[:1].copy(), tensor) > MOST

"""Files with much of everything, such as a forger would write: read within a second and 256 MB."""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from tucker_core import CodedParameter, CompressedNetwork, ReshapePlan, from_bytes, to_bytes
from tucker_core.quantize import Symbols
from tucker_core.symbol_model import fit_model

SECONDS = 4.0  # of a busy machine; an idle one takes a quarter
BYTES = 256 << 20


def plain(name: str, core: Symbols) -> CodedParameter:
    plan = ReshapePlan(core.shape, core.shape, tuple(range(core.ndim)))
    return CodedParameter(name, plan, core, (None,) * core.ndim, 0)


def many_parameters() -> list[CodedParameter]:
    """Thousands, of long names and the highest order, padded, sharing all they have."""
    shape, dims = (1, *(2,) * 7), (2,) * 8
    plan = ReshapePlan(shape, dims, tuple(range(7, -1, -1)), padded=dims)
    core, factor = np.ones(dims, np.int32), np.ones((2, 2), np.int32)
    names = (f"{k:0{1_000}d}" for k in range(4_096))
    return [CodedParameter(name, plan, core, (factor,) * 8, 0) for name in names]


def many_tensors() -> list[CodedParameter]:
    """Thousands, each with a symbol model of its own."""
    rng = np.random.default_rng(0)
    plan = ReshapePlan((2,) * 8, (2,) * 8, tuple(range(8)))
    parameters = []
    for k in range(1_820):
        parts = [rng.integers(-12, 13, (2, 2)).astype(np.int32) for _ in range(8)]
        core = rng.integers(-12, 13, (2,) * 8).astype(np.int32)
        parameters.append(CodedParameter(f"p{k}", plan, core, tuple(parts), 0))
    return parameters


def many_divisors() -> list[CodedParameter]:
    """All the weights that a small file may have, from hardly any numbers."""
    shape = (1 << 8, 1 << 8)
    plan = ReshapePlan(shape, shape, (1, 0))
    core, factor = np.ones((1, 1), np.int32), np.ones((1 << 8, 1), np.int32)
    return [CodedParameter(f"p{k}", plan, core, (factor, factor), 0) for k in range(1 << 12)]


def many_integers() -> list[CodedParameter]:
    rng = np.random.default_rng(0)
    return [plain("w", rng.integers(-32_768, 32_769, 1 << 22).astype(np.int32))]


def many_zeros() -> list[CodedParameter]:
    zeros = np.zeros(1 << 22, np.int32)
    zeros[0] = 32_768
    return [plain("w", zeros)]


def many_tables() -> list[CodedParameter]:
    return [plain(f"w{k}", np.array([32_768, -32_768], np.int32)) for k in range(15)]


LARGEST: list[Callable[[], list[CodedParameter]]] = [
    many_parameters,
    many_tensors,
    many_divisors,
    many_integers,
    many_zeros,
    many_tables,
]


@pytest.mark.parametrize("make", LARGEST)
def test_the_largest_files_take_little_time_and_memory(
    make: Callable[[], list[CodedParameter]],
) -> None:
    content = to_bytes(CompressedNetwork("n", tuple(make())))
    started = time.process_time()
    from_bytes(content)
    seconds = time.process_time() - started
    tracemalloc.start()
    from_bytes(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < SECONDS
    assert peak < BYTES


def test_the_search_for_a_model_takes_little_memory() -> None:
    symbols = np.random.default_rng(0).integers(-32_768, 32_769, 1 << 18).astype(np.int32)
    tracemalloc.start()
    fit_model(symbols)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20

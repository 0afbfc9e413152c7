"""What planning may cost: under a second for every layer, and the plans of known networks stay."""

import itertools
import math
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tucker_core import ARCHITECTURES, balance_dims, factorizations, factorize, plan_reshape
from tucker_core.factorize import imbalance, padded_size
from tucker_core.reshape_ways import MOST_MODES

# What the first release planned: files, results and tables rest on it. LeNets and ResNets for CIFAR-10,
# then layers like those of ResNet-50, AlexNet, BERT, GPT-2, Llama, MobileNet, ViT and a video network.
KNOWN = {
    (10, 64): (10, 64),
    (10, 100): (10, 10, 10),
    (10, 500): (10, 20, 25),
    (16, 3, 3, 3): (16, 27),
    (16, 16, 3, 3): (16, 16, 9),
    (20, 1, 5, 5): (20, 25),
    (32, 16, 3, 3): (32, 16, 9),
    (32, 32, 3, 3): (32, 32, 9),
    (50, 20, 5, 5): (50, 20, 25),
    (64, 32, 3, 3): (64, 32, 9),
    (64, 64, 3, 3): (8, 8, 8, 8, 9),
    (100, 300): (10, 10, 15, 20),
    (300, 784): (15, 20, 28, 28),
    (500, 800): (20, 25, 25, 32),
    (64, 3, 7, 7): (64, 21, 7),
    (128, 64, 3, 3): (8, 16, 64, 9),
    (256, 256, 3, 3): (16, 16, 16, 16, 9),
    (512, 512, 3, 3): (16, 32, 16, 32, 9),
    (512, 256, 1, 1): (16, 32, 16, 16),
    (2048, 512, 1, 1): (8, 16, 16, 16, 32),
    (1000, 512): (25, 40, 16, 32),
    (1000, 2048): (25, 40, 8, 16, 16),
    (64, 3, 11, 11): (64, 33, 11),
    (192, 64, 5, 5): (12, 16, 64, 25),
    (384, 192, 3, 3): (16, 24, 12, 16, 9),
    (256, 384, 3, 3): (16, 16, 16, 24, 9),
    (4096, 9216): (16, 16, 16, 16, 24, 24),
    (4096, 4096): (16, 16, 16, 16, 16, 16),
    (1000, 4096): (25, 40, 16, 16, 16),
    (30522, 768): (6, 5087, 24, 32),
    (768, 768): (24, 32, 24, 32),
    (3072, 768): (12, 16, 16, 24, 32),
    (768, 3072): (24, 32, 12, 16, 16),
    (2304, 768): (12, 12, 16, 24, 32),
    (50257, 768): (29, 1733, 24, 32),
    (32000, 4096): (25, 32, 40, 16, 16, 16),
    (128256, 8192): (24, 32, 167, 16, 16, 32),
    (96, 1, 3, 3): (8, 12, 9),
    (960, 160, 1, 1): (30, 32, 10, 16),
    (768, 3, 16, 16): (24, 32, 48, 16),
    (64, 3, 3, 7, 7): (64, 9, 49),
    (512, 512, 3, 3, 3): (16, 32, 16, 32, 27),
    (101, 103, 7, 7): (101, 103, 49),
}

# The same for a given order, of layers that were published with one.
KNOWN_ORDERS = {
    ((300, 784), 3): (300, 28, 28),
    ((500, 800), 3): (500, 25, 32),
    ((64, 64, 3, 3), 3): (64, 64, 9),
}


def seconds(shape: tuple[int, ...], pad: bool, permute: bool) -> float:
    start = time.process_time()
    plan_reshape(shape, pad=pad, permute=permute)
    return time.process_time() - start


def test_plans_of_known_networks_stay() -> None:
    shapes = {shape for table in ARCHITECTURES.values() for shape in table.values()}
    assert {shape for shape in shapes if len(shape) > 1} <= set(KNOWN)
    assert {shape: plan_reshape(shape).dims for shape in KNOWN} == KNOWN
    for (shape, order), dims in KNOWN_ORDERS.items():
        assert plan_reshape(shape, order).dims == dims
    for shape in KNOWN:
        plan = plan_reshape(shape)
        assert plan.permutation == tuple(range(len(shape)))
        assert plan.padding == 0


HARD = {
    "a prime": (1, 999_983),
    "a prime of 31 bits": (2**31 - 1,),
    "a power of 2": (2**31,),
    "the largest prime": (2**40 - 87,),
    "many divisors": (963_761_198_400,),
    "many divisors and two large primes": (489_279_067_200,),
    "a vocabulary": (151_936, 896),
    "a larger one": (128_256, 8_192),
    "four primes": (997, 991, 983, 977),
    "a kernel in space and time": (512, 512, 3, 3, 3),
    "order 8": (3, 4, 5, 2, 3, 4, 2, 3),
    "order 10": (7, 6, 5, 4, 3, 2, 11, 13, 17, 19),
    "order 40": (2,) * 40,
}


@pytest.mark.parametrize("name", HARD)
def test_no_layer_takes_long(name: str) -> None:
    plan_reshape((6, 5), pad=True)  # compiles
    for pad, permute in itertools.product((False, True), repeat=2):
        assert seconds(HARD[name], pad, permute) < 2, "0.7 s at most on a busy machine"


@given(st.integers(1, 10**6), st.integers(1, 8))
def test_padding_reaches_the_least_sum_there_is(n: int, order: int) -> None:
    """No dims of a smaller sum hold n, by the inequality of means; and no smaller size has this sum."""
    size = padded_size(n, order)
    total = sum(balance_dims(size, order))
    even, more = divmod(total - 1, order)
    assert even ** (order - more) * (even + 1) ** more < n <= size
    for smaller in range(n, min(size, n + 20)):
        assert sum(balance_dims(smaller, order)) > total


def test_padding_ends_where_numbers_do() -> None:
    assert padded_size(2**40 - 87, 8) == 2**40
    assert padded_size(2**40 - 1, 3) == 2**40 - 1, "the next good size is above the limit"


def test_modes_above_the_limit_are_merged_first() -> None:
    shape = (2,) * (MOST_MODES + 2)
    plan = plan_reshape(shape, 3)
    assert math.prod(plan.dims) == 2 ** (MOST_MODES + 2)
    assert plan.dims == (16, 16, 16)
    shape = (5, 1, *(2,) * MOST_MODES, 7)
    assert imbalance(plan_reshape(shape, 4, permute=True).dims) <= imbalance(
        plan_reshape(shape, 4).dims
    )


def test_permuted_plans_of_many_modes_are_no_worse() -> None:
    shape = (3, 17, 5, 2, 13, 7, 2, 3)
    for order in range(1, 9):
        best = plan_reshape(shape, order, permute=True).dims
        assert imbalance(best) <= imbalance(plan_reshape(shape, order).dims)
    assert imbalance(plan_reshape(shape, 3, permute=True).dims) == (63 + 65 + 68, 68)


def test_factorisations_are_counted_before_they_are_kept() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(
            ValueError, match=r"more than 250,000 factorizations of order 5: .*balance_dims"
        ):
            factorizations(963_761_198_400, 5)
        assert len(factorizations(2**40, 8)) == 9_749
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60 * 2**20
    assert left < 2**20, "nothing is remembered"


def test_the_limit_of_factorisations_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = len(factorizations(360, 3))
    monkeypatch.setattr(factorize, "MAX_WAYS", ways)
    assert len(factorizations(360, 3)) == ways
    monkeypatch.setattr(factorize, "MAX_WAYS", ways - 1)
    with pytest.raises(ValueError, match="n is 360; it has more than"):
        factorizations(360, 3)

"""Small networks of integers for the tests of quantiser, coder and file."""

import numpy as np

from tucker_core import CodedParameter, CompressedNetwork, plan_reshape, quantize


def parameter(
    name: str, shape: tuple[int, ...], rank: tuple[int, ...], seed: int
) -> CodedParameter:
    rng = np.random.default_rng(seed)
    plan = plan_reshape(shape, len(rank))
    factors = tuple(
        None if i == j else quantize(rng.standard_normal((i, j)), 0.3)
        for i, j in zip(plan.dims, rank, strict=True)
    )
    return CodedParameter(name, plan, quantize(rng.standard_normal(rank), 0.2), factors, seed - 60)


def small_lenet300() -> CompressedNetwork:
    return CompressedNetwork(
        "lenet300",
        (
            parameter("fc1.weight", (300, 784), (3, 3, 4, 4), 0),
            parameter("fc2.weight", (100, 300), (3, 3, 3, 3), 1),
            parameter("fc3.weight", (10, 100), (10, 2, 2), 2),
            parameter("fc3.bias", (10,), (10,), 3),
        ),
    )


def same(a: CompressedNetwork, b: CompressedNetwork) -> bool:
    left, right = a.to_dense(), b.to_dense()
    return left.keys() == right.keys() and all(np.array_equal(left[k], right[k]) for k in left)

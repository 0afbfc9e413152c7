"""Random weights are told from trained ones."""

from typing import Any

import numpy as np
import pytest

from tucker_core.noise import looks_random

SHAPES = [(6, 25), (10, 64), (64, 64), (300, 784), (16, 3, 3, 3), (64, 32, 3, 3), (1000, 30)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["normal", "uniform", "signs", "float32", "tiny"])
def test_what_was_drawn_looks_random(shape: tuple[int, ...], kind: str) -> None:
    rng = np.random.default_rng(0)
    weight: Any = rng.standard_normal(shape)
    if kind == "uniform":
        weight = rng.uniform(-1, 1, shape)
    elif kind == "signs":
        weight = np.sign(weight)
    elif kind == "float32":
        weight = weight.astype(np.float32)
    elif kind == "tiny":
        weight *= 2.0**-600
    assert looks_random(weight)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_holds_more_does_not(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    rows, columns = rng.standard_normal(shape[0]), rng.standard_normal(shape[1:])
    weight = rng.standard_normal(shape) + 4 * np.multiply.outer(rows, columns)
    assert not looks_random(weight)


def test_orthogonal_weights_and_zeros_look_random() -> None:
    rng = np.random.default_rng(0)
    assert looks_random(np.linalg.qr(rng.standard_normal((64, 32))).Q)
    assert looks_random(np.zeros((4, 5)))

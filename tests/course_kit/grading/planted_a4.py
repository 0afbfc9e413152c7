"""Wrong answers to assignment 4, and right ones in another style."""

from pathlib import Path
from typing import Any

import numpy as np

from course_kit.notebook.numpy_net import logits
from course_kit.notebook.paths import model_path
from tests.course_kit.grading.assignment_runs import Planted, Wrong
from tucker_core import (
    ARCHITECTURES,
    CompressedNetwork,
    NetworkPlan,
    from_bytes,
    load,
    plan_network,
    to_bytes,
)

Array = Any  # students write no types

GOOD = model_path("lenet300_small.ada").read_bytes()
BLANK = to_bytes(CompressedNetwork("lenet300", ()))  # every weight is zero
SHAPES = {k: v for k, v in ARCHITECTURES["lenet300"].items() if k.endswith("weight")}


def plan_bits_as_bytes(n_bytes: int, bits: float) -> NetworkPlan:
    return plan_network(SHAPES, budget=int(n_bytes * 8))


def plan_too_little(n_bytes: int, bits: float) -> NetworkPlan:
    return plan_network(SHAPES, budget=int(n_bytes * 4 / bits))


def plan_one_layer(n_bytes: int, bits: float) -> NetworkPlan:
    return plan_network({"fc1.weight": (300, 784)}, budget=int(n_bytes * 8 / bits))


def plan_ranks(n_bytes: int, bits: float) -> dict[str, tuple[int, ...]]:
    return {layer.name: layer.rank for layer in plan_by_hand(n_bytes, bits).layers}


def plan_by_hand(n_bytes: int, bits: float) -> NetworkPlan:
    return plan_network(SHAPES, budget=int(n_bytes * 8 / bits))


def plan_exact(n_bytes: int, bits: float) -> NetworkPlan:
    numbers = int(n_bytes * 8 // bits)
    return plan_network(SHAPES, budget=numbers, search="exact" if numbers < 5_000 else None)


def error_share(path: str, images: Array, labels: Array) -> float:
    return error_numpy(path, images, labels) / 100


def error_right(path: str, images: Array, labels: Array) -> float:
    return 100 - error_numpy(path, images, labels)


def error_count(path: str, images: Array, labels: Array) -> float:
    return error_numpy(path, images, labels) * len(labels) / 100


def error_of_a_guess(path: str, images: Array, labels: Array) -> float:
    return 1.5


def error_numpy(path: str, images: Array, labels: Array) -> float:
    found = logits("lenet300", load(path).to_dense(), images).argmax(axis=1)
    return float(100 * np.mean(found != labels))


def error_loops(path: str, images: Array, labels: Array) -> float:
    weights = from_bytes(Path(path).read_bytes()).to_dense()
    wrong = 0
    for start in range(0, len(images), 100):
        part = logits("lenet300", weights, images[start : start + 100])
        for scores, label in zip(part, labels[start : start + 100], strict=True):
            wrong += int(scores.tolist().index(max(scores.tolist())) != label)
    return 100 * wrong / len(labels)


FUNCTIONS = {
    "test-plan": Planted(
        "my_plan",
        [
            Wrong(plan_bits_as_bytes, "allowed are"),
            Wrong(plan_too_little, "use at least nine tenths"),
            Wrong(plan_one_layer, "the plan is for"),
            Wrong(plan_ranks, "expected a NetworkPlan, got dict"),
        ],
        [plan_by_hand, plan_exact],
    ),
    "test-error": Planted(
        "my_error",
        [
            Wrong(error_share, "a share, not percent"),
            Wrong(error_right, "percent right, not percent wrong"),
            Wrong(error_count, "how many, not percent"),
            Wrong(error_of_a_guess, "got 1.5"),
        ],
        [error_numpy, error_loops],
    ),
}

LARGE = model_path("lenet300_lossless.ada").read_bytes()
BLIND = [Wrong(BLANK, "misreads 9"), Wrong(LARGE, "the budget is")]
SAME_NETWORK = [GOOD, to_bytes(from_bytes(GOOD))]

FILES = {
    "test-file": Planted(
        "PATH",
        [
            Wrong(LARGE, "has 2,186 bytes, the budget is"),
            Wrong(model_path("lenet5_small.ada").read_bytes(), "holds a 'lenet5' network"),
            Wrong(GOOD[:-1], "is no whole .ada file"),
            Wrong(GOOD[:500] + b"?" + GOOD[501:], "is no whole .ada file"),
            Wrong(None, "cannot be read"),
        ],
        SAME_NETWORK,
    ),
    "test-twelve": Planted("PATH", BLIND, SAME_NETWORK),
    "test-nine": Planted("PATH", BLIND, SAME_NETWORK),
    "test-seven": Planted("PATH", BLIND, SAME_NETWORK),
}

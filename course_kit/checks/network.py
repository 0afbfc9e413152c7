"""Checks of assignment 4: a LeNet-300 in a file of few bytes, judged by what is decoded from the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from course_kit.checks.variants import Variant
from course_kit.checks.verdict import CheckFailed, Suspects, call, same_number
from course_kit.notebook.numpy_net import logits
from course_kit.notebook.paths import bundled_digits
from tucker_core import ARCHITECTURES, CompressedNetwork, FileFormatError, NetworkPlan, load

ARCHITECTURE = "lenet300"
LEAST_BYTES, MOST_BYTES = 1_550, 1_650  # below the smallest LeNet-300 that comes with the course
WEIGHTS = {k: v for k, v in ARCHITECTURES[ARCHITECTURE].items() if k.endswith("weight")}


def byte_budget(me: Variant) -> int:
    """Draw how many bytes a student's file may have, at most.

    Examples
    --------
    >>> from course_kit.checks.variants import variant
    >>> LEAST_BYTES <= byte_budget(variant("anna", 0)) <= MOST_BYTES
    True
    """
    return me.number("a4 budget", LEAST_BYTES, MOST_BYTES)


def compression_plan(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_plan(n_bytes, bits)`: a plan for all weights that fits, at so many bits a number.

    Raises
    ------
    CheckFailed
        With the bytes of the plan and those allowed.
    """
    cases = [(byte_budget(me), 4.0)]
    if hard:
        cases = [(1_200, 3.0), (2_000, 4.0), (10_000, 8.0), (40_000, 32.0)]
    for n_bytes, bits in cases:
        what, plan = call(function, n_bytes, bits)
        if not isinstance(plan, NetworkPlan):
            raise CheckFailed(f"{what}: expected a NetworkPlan, got {type(plan).__name__}")
        shapes = {layer.name: layer.reshape.shape for layer in plan.layers}
        if shapes != WEIGHTS:
            raise CheckFailed(f"{what}: the plan is for {shapes}, the weights are {WEIGHTS}")
        planned = plan.n_params * bits / 8
        if planned > n_bytes:
            raise CheckFailed(
                f"{what}: {plan.n_params:,} numbers take {planned:,.0f} bytes, allowed are {n_bytes:,}"
            )
        if planned < 0.9 * n_bytes:
            raise CheckFailed(
                f"{what}: {plan.n_params:,} numbers take {planned:,.0f} bytes of {n_bytes:,}: use "
                "at least nine tenths of them (8 bits are a byte)"
            )


def file_fits(path: str | Path, me: Variant) -> None:
    """Check that the file is a whole LeNet-300 within the byte budget.

    Raises
    ------
    CheckFailed
        If it is missing, damaged, another network, or too large.
    """
    network, size = _read(path)
    budget = byte_budget(me)
    if size > budget:
        raise CheckFailed(
            f"{path} has {size:,} bytes, the budget is {budget:,}: store fewer numbers, or let the bits "
            "cost more while you round"
        )
    if network.architecture != ARCHITECTURE:
        raise CheckFailed(f"{path} holds a {network.architecture!r} network, not {ARCHITECTURE!r}")
    shapes = {name: array.shape for name, array in network.to_dense().items()}
    if shapes != dict(ARCHITECTURES[ARCHITECTURE]):
        raise CheckFailed(f"{path} holds weights of shapes {shapes}, which are not LeNet-300's")


def error_of(path: str | Path) -> float:
    """Error in percent, on the 1,000 held-out digits of MNIST-5k, of the network decoded from a file.

    Raises
    ------
    CheckFailed
        If the file is missing, damaged, or holds another network.
    """
    images, labels = bundled_digits()
    return _error(_read(path)[0], images, labels)


def error_at_most(path: str | Path, me: Variant, percent: float) -> None:
    """Check the error of the network decoded from a file that keeps the byte budget.

    Raises
    ------
    CheckFailed
        If the file does not keep the budget, or with the error and how much is allowed.
    """
    file_fits(path, me)
    error = error_of(path)
    if error > percent:
        raise CheckFailed(
            f"{path} misreads {error:.1f} % of the digits; these points are for {percent:g} %"
        )


def file_error(function: Callable[..., Any], path: str | Path, me: Variant) -> None:
    """Check `my_error(path, images, labels)` against the error that numpy alone measures.

    Raises
    ------
    CheckFailed
        With both numbers and the likely cause.
    """
    images, labels = bundled_digits()
    network, _ = _read(path)
    rng = me.rng("a4 digits", anew=True)
    for count in (1_000, 300):
        chosen = np.sort(rng.permutation(len(labels))[:count])
        error = _error(network, images[chosen], labels[chosen])
        what, got = call(function, str(path), images[chosen], labels[chosen])
        mistakes: Suspects = [
            ("a share, not percent", error / 100),
            ("percent right, not percent wrong", 100 - error),
            ("how many, not percent", error * count / 100),
        ]
        same_number(what, got, error, mistakes)


def leaderboard_line(path: str | Path, me: Variant) -> str:
    """Say how good a file is, for graders to collect: `LEADERBOARD name error=... bytes=...`."""
    file_fits(path, me)
    _, size = _read(path)
    return f"LEADERBOARD {me.student_id} error={error_of(path):.2f} bytes={size}"


def _error(
    network: CompressedNetwork, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]
) -> float:
    found = logits(ARCHITECTURE, network.to_dense(), images).argmax(1)
    return 100 * float((found != labels).mean())


def _read(path: str | Path) -> tuple[CompressedNetwork, int]:
    """Decode a file; give the network and the size."""
    if not isinstance(path, str | Path):
        raise CheckFailed(f"path is {type(path).__name__}; the name of a file is needed")
    try:
        network, size = load(path), Path(path).stat().st_size
    except OSError as error:
        raise CheckFailed(f"{path} cannot be read: {error.strerror or error}") from error
    except FileFormatError as error:
        raise CheckFailed(f"{path} is no whole .ada file: {error}") from error
    return network, size

"""HOSVD, ST-HOSVD, HOOI and the two searches, by us and by the peers."""

import math
from collections.abc import Iterator

import numpy as np
import pyttb
from tensorly.decomposition import tucker as tensorly_tucker
from tensorly.decomposition._tucker import initialize_tucker

from tools.bench.products import Parts
from tucker_core import factorizations, hosvd, tucker
from tucker_core.checks import FloatArray
from tucker_core.core_shapes import best_core_shapes, energy_losses, plain_core_shapes
from tucker_core.timing import Job

SEARCHED, SEARCH_BUDGET = (20, 20, 25, 40), 3000
FACTORED = (37_748_736, 4)


def noisy(parts: Parts) -> FloatArray:
    """The full tensor, which has the rank that is asked for, with a tenth of noise.

    Without the gap behind that rank, in mere noise, our decompositions take up to 2.5 times as long: they
    look for few eigenvectors first, and then for all. The peers' time does not depend on the data.
    """
    noise = np.random.default_rng(1).standard_normal(parts.shape)
    scale = 0.1 * np.linalg.norm(parts.full) / np.linalg.norm(noise)
    return np.asarray(parts.full + (scale * noise).astype(parts.full.dtype), parts.full.dtype)


def st_hosvd(parts: Parts) -> dict[str, Job]:
    """Sequentially truncated HOSVD, against pyttb's."""
    tensor, rank = noisy(parts), parts.rank
    kept, ranks = pyttb.tensor(tensor), list(rank)
    return {
        "ours": lambda: hosvd(tensor, rank),
        "pyttb": lambda: pyttb.hosvd(kept, 0.0, verbosity=0, ranks=ranks, sequential=True),
    }


def classic_hosvd(parts: Parts) -> dict[str, Job]:
    """HOSVD against what TensorLy starts its HOOI from."""
    tensor, rank, modes = noisy(parts), parts.rank, list(range(len(parts.shape)))
    return {
        "ours": lambda: hosvd(tensor, rank, sequential=False),
        "tensorly": lambda: initialize_tucker(tensor, rank, modes, random_state=0, init="svd"),
    }


def hooi(parts: Parts) -> dict[str, Job]:
    """Five sweeps of HOOI, by everybody: ours would stop where rounding alone is left, at tol=0."""
    tensor, rank = noisy(parts), parts.rank
    kept = pyttb.tensor(tensor)
    return {
        "ours": lambda: tucker(tensor, rank, n_iter_max=5, tol=-1),
        "tensorly": lambda: tensorly_tucker(tensor, rank, n_iter_max=5, tol=0),
        "pyttb": lambda: pyttb.tucker_als(kept, list(rank), stoptol=0, maxiters=5, printitn=0),
    }


def all_factorizations() -> dict[str, Job]:
    """All ways to write a number as a product, against plain Python."""
    search = getattr(factorizations, "__wrapped__", factorizations)  # not what a cache remembers
    return {
        "ours": lambda: search(*FACTORED),
        "plain Python": lambda: list(_plain_factorizations(*FACTORED)),
    }


def core_shapes() -> dict[str, Job]:
    """The core shape of least loss within a budget, against trying all of them."""
    losses = energy_losses(SEARCHED)
    return {
        "ours": lambda: best_core_shapes([SEARCHED], SEARCH_BUDGET, [losses]),
        "plain Python": lambda: min(plain_core_shapes(SEARCHED, SEARCH_BUDGET, losses)),
    }


def _plain_factorizations(n: int, order: int, least: int = 1) -> Iterator[tuple[int, ...]]:
    if order == 1:
        if n >= least:
            yield (n,)
        return
    for first in range(least, int(math.isqrt(n) if order == 2 else round(n ** (1 / order))) + 2):
        if n % first == 0 and first**order <= n:
            for rest in _plain_factorizations(n // first, order - 1, first):
                yield (first, *rest)

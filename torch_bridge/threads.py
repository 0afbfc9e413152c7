"""Two thread pools in one process, numpy's and torch's, and how they keep out of each other's way.

Both keep their workers spinning for a while after each task. On two cores the one then waits for the
other: a training step of the Tucker LeNet-5 took 121 ms with both pools at work and 41 ms with
numpy's matrix products on one thread (dense: 40 ms). And with another program on the machine, torch's
default spinning made a dense step 12 times slower (485 ms instead of 40), a short spin 2.4 times
(95 ms), at no cost when alone.

This module is imported before torch, because torch's OpenMP runtime reads its settings as it loads.
"""

import os
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def one_numpy_thread() -> AbstractContextManager[Any]:
    """Keep numpy's matrix products on the calling thread, while the context lasts.

    Examples
    --------
    >>> import numpy as np
    >>> with one_numpy_thread():
    ...     (np.eye(2) @ np.eye(2)).trace().item()
    2.0
    """
    return _numpy_blas().limit(limits=1)  # type: ignore[no-any-return]


@cache
def _numpy_blas() -> ThreadpoolController:
    """Find numpy's BLAS once; looking through the loaded libraries takes a millisecond."""
    return ThreadpoolController().select(internal_api="openblas")

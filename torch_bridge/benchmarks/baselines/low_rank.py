"""Two older ways that are Tucker formats of a special kind, so that a Tucker weight can hold them.

- Truncated SVD: a matrix (out, everything else) with a factor in its first mode alone, so that the core
  is the second factor (Jaderberg et al., arXiv 1405.3866, and many others).
- Tucker-2: a convolution (out, in, k k) with factors for its channels alone; matrices by SVD (Kim et al.,
  arXiv 1511.06530).
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from torch_bridge.benchmarks.baselines.tolerance import RANKS, RankOf, finest_plan
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, unfold

Weights = Mapping[str, Tensor]


def low_rank_plan(
    weights: Weights, params: float, ranks_by: str = "spectra", *, tucker2: bool = False
) -> NetworkPlan:
    """Ranks of truncated SVDs of all weights within so many parameters, as `tolerance` explains.

    Parameters
    ----------
    weights : dense
    params : what all factors together may store, at most
    ranks_by : "spectra" or "balanced"
    tucker2 : for convolutions Tucker-2 instead

    Raises
    ------
    ValueError
        If rank 1 everywhere takes more than the budget.
    """
    reshapes, spectra = {}, {}
    for name, weight in weights.items():
        shape = tuple(weight.shape)
        dims: tuple[int, ...] = (shape[0], math.prod(shape[1:]))
        if tucker2 and math.prod(shape[2:]) > 1:
            dims = (*shape[:2], math.prod(shape[2:]))
        reshapes[name] = ReshapePlan.straight(shape, dims, "baseline")
        array = reshapes[name].apply(weight.detach().cpu().double().numpy())
        modes = (0, 1) if len(dims) == 3 else (0,)
        spectra[name] = [np.linalg.svd(unfold(array, m), compute_uv=False) for m in modes]
    within = partial(_within, reshapes, spectra, RANKS[ranks_by])
    return finest_plan(within, lambda plan: plan.n_params, params)


def _within(
    reshapes: Mapping[str, ReshapePlan],
    spectra: Mapping[str, list[npt.NDArray[Any]]],
    rank_of: RankOf,
    coarseness: float,
) -> NetworkPlan:
    """The ranks of a coarseness; where factors would take more than the weight itself, the weight."""
    layers = []
    for name, reshape in reshapes.items():
        ranks = [rank_of(values, coarseness) for values in spectra[name]]
        layer = LayerPlan(name, reshape, (*ranks, *reshape.dims[len(ranks) :]))
        whole = LayerPlan(name, reshape, reshape.dims)
        layers.append(layer if layer.n_params < whole.n_params else whole)
    return NetworkPlan(tuple(layers))

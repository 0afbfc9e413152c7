"""Tensor train: a weight as a chain of small tensors, each of order three.

    W(j_1, ..., j_N) = G_1[j_1] G_2[j_2] ... G_N[j_N],   G_n[j_n] a matrix (r_{n-1}, r_n), r_0 = r_N = 1

(Oseledets, SIAM J. Sci. Comput. 33, 2011). As is usual for networks (Novikov et al., arXiv 1509.06569;
Garipov et al., arXiv 1611.03214) outputs and inputs are split into equally many dims, and each mode
of the chain is a pair of one of either; the k k positions of a kernel are a mode of their own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from torch_bridge.benchmarks.baselines.tolerance import RANKS, RankOf, finest_plan, rank_within
from torch_bridge.weights.parametrization import StoredWeight
from tucker_core import balance_dims

Array = npt.NDArray[np.float64]
_PAIRS_OF_A_MATRIX = 3
_PAIRS_OF_A_KERNEL = 2


@dataclass(frozen=True)
class Chain:
    """How a weight of a shape (out, in, ...) becomes a tensor that a chain can be made of.

    Attributes
    ----------
    shape : of the weight
    outs, ins : what the outputs and the inputs are split into, equally many dims each

    Examples
    --------
    >>> Chain.of((50, 20, 5, 5)).dims, Chain.of((500, 800)).dims
    ((25, 20, 50), (40, 100, 100))
    """

    shape: tuple[int, ...]
    outs: tuple[int, ...]
    ins: tuple[int, ...]

    @classmethod
    def of(cls, shape: Sequence[int]) -> "Chain":
        """The chain of a weight of that shape."""
        pairs = _PAIRS_OF_A_MATRIX if math.prod(shape[2:]) == 1 else _PAIRS_OF_A_KERNEL
        return cls(tuple(shape), *(tuple(balance_dims(dim, pairs)) for dim in shape[:2]))

    @property
    def dims(self) -> tuple[int, ...]:
        """Of the tensor: positions of a kernel, if there are several, then one for every pair."""
        kernel = math.prod(self.shape[2:])
        pairs = tuple(out * into for out, into in zip(self.outs, self.ins, strict=True))
        return pairs if kernel == 1 else (kernel, *pairs)

    @property
    def _between(self) -> tuple[tuple[int, ...], list[int]]:
        """Shape with all dims apart, and the order that brings those of a pair together."""
        n = len(self.outs)
        apart = (*self.outs, *self.ins, math.prod(self.shape[2:]))
        return apart, [
            2 * n,
            *(k for pair in zip(range(n), range(n, 2 * n), strict=True) for k in pair),
        ]

    def apply(self, weight: Array) -> Array:
        """The weight (out, in, ...) as a tensor of `dims`."""
        apart, order = self._between
        return weight.reshape(apart).transpose(order).reshape(self.dims)

    def undo(self, tensor: Tensor) -> Tensor:
        """The tensor of `dims` as a weight (out, in, ...)."""
        apart, order = self._between
        back = [order.index(k) for k in range(len(order))]
        return tensor.reshape([apart[k] for k in order]).permute(back).reshape(self.shape)


def tensor_train(tensor: Array, coarseness: float, rank_of: RankOf = rank_within) -> list[Array]:
    """Decompose a tensor into a chain by one SVD after the other (TT-SVD, Oseledets 2011, algorithm 1).

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N)
    coarseness : relative error of each SVD at most; of the whole at most sqrt(N - 1) times as much
    rank_of : what else the coarseness may mean

    Returns
    -------
    N arrays of shape (r_{n-1}, I_n, r_n)

    Examples
    --------
    >>> [core.shape for core in tensor_train(np.ones((2, 3, 4)), 0.1)]
    [(1, 2, 1), (1, 3, 1), (1, 4, 1)]
    """
    dims = tensor.shape
    cores, rank, rest = [], 1, tensor
    for dim in dims[:-1]:
        left, values, right = np.linalg.svd(rest.reshape(rank * dim, -1), full_matrices=False)
        kept = rank_of(values, coarseness)
        cores.append(left[:, :kept].reshape(rank, dim, kept))
        rank, rest = kept, values[:kept, None] * right[:kept]
    return [*cores, rest.reshape(rank, dims[-1], 1)]


def train_ranks(
    weights: Mapping[str, Tensor], params: float, ranks_by: str = "spectra"
) -> dict[str, list[Array]]:
    """The chains of all weights within so many parameters, as `tolerance` explains.

    Raises
    ------
    ValueError
        If rank 1 everywhere takes more than the budget.
    """
    tensors = {
        name: Chain.of(weight.shape).apply(weight.detach().cpu().double().numpy())
        for name, weight in weights.items()
    }

    def plan(coarseness: float) -> dict[str, list[Array]]:
        return {n: tensor_train(t, coarseness, RANKS[ranks_by]) for n, t in tensors.items()}

    def size(chains: dict[str, list[Array]]) -> float:
        return sum(core.size for cores in chains.values() for core in cores)

    return finest_plan(plan, size, params)


def chain_product(cores: Sequence[Tensor]) -> Tensor:
    """Multiply a chain out: tensors (r_{n-1}, I_n, r_n) -> tensor (I_1, ..., I_N).

    Examples
    --------
    >>> chain_product([torch.ones(1, 2, 3), torch.ones(3, 4, 1)])[0]
    tensor([3., 3., 3., 3.])
    """
    product = cores[0].flatten(0, 1)
    for core in cores[1:]:
        product = product.reshape(-1, core.shape[0]) @ core.flatten(1)
    return product.reshape([core.shape[1] for core in cores])


class TrainWeight(StoredWeight):
    """Parametrization of a weight by its tensor train.

    Parameters
    ----------
    chain : between the weight's shape and the dims
    start : the chain to begin with
    """

    def __init__(self, chain: Chain, start: Sequence[Array]) -> None:
        super().__init__()
        self.chain, self._start = chain, start

    @property
    def layout(self) -> Chain:
        """The chain."""
        return self.chain

    def forward(self, *cores: Tensor) -> Tensor:
        """Reconstruct the weight."""
        with torch.autocast(cores[0].device.type, enabled=False):
            return self.chain.undo(chain_product(self.as_seen(cores)))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, ...]:
        """The chain to begin with."""
        return tuple(torch.tensor(core, dtype=weight.dtype) for core in self._start)

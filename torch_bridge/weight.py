"""The Tucker weight: a parametrization that rebuilds a layer's weight from core and factors.

`torch.nn.utils.parametrize` replaces `layer.weight` by the output of a module. Ours stores a small
core and transformation matrices and computes

    W = undo_reshape(C x_1 M_1 x_2 M_2 ... x_N M_N)

so Linear, Conv1d/2d/3d, Embedding and every other layer with a weight are served by one mechanism.
On the CPU, forward and backward are tucker_core's product and gradient on the tensors' own memory,
where its kernels are faster; else the same chain of matrix products is left to torch and its autograd.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from torch_bridge.stored import StoredWeight
from tucker_core import LayerPlan, TuckerPlan, TuckerTensor, hosvd
from tucker_core.checks import FloatArray
from tucker_core.tucker_plan import plan_for

_Views: TypeAlias = tuple[FloatArray, list[FloatArray | None]]  # a core and its factors

_BLAS_FROM = 100_000  # entries; below, there is little to gain
_KERNELS_UP_TO = 24  # rank, for larger tensors of three modes or two


class TuckerWeight(StoredWeight):
    """Parametrization of a weight by its Tucker format.

    Parameters
    ----------
    plan : dims (I_1, ..., I_N) and rank (J_1, ..., J_N) of the weight
    start : core and factors to begin with; by default the HOSVD of the weight that is replaced

    Attributes
    ----------
    form : how a layer that can choose computes: "rebuilt", "factorised" or "auto" (`switching`)
    shares : whether core or factors are those of another weight, too
    quantizers : of core and factors in that order, once `attach_quantizers` made them

    Examples
    --------
    >>> from torch import nn
    >>> from torch.nn.utils import parametrize
    >>> from tucker_core import plan_network
    >>> layer = nn.Linear(800, 500)
    >>> plan = plan_network({"weight": (500, 800)}, budget=2_000)
    >>> _ = parametrize.register_parametrization(layer, "weight", TuckerWeight(plan["weight"]))
    >>> layer.weight.shape, sum(p.numel() for p in layer.parametrizations.weight.parameters())
    (torch.Size([500, 800]), 1908)
    """

    def __init__(self, plan: LayerPlan, start: Sequence[Tensor] | None = None) -> None:
        super().__init__()
        self.plan = plan
        self.form = "rebuilt"
        self.shares = plan.shared_core
        self._start, self._is_made = start, False
        self.full = tuple(
            r == dim and not plan.shared_core
            for r, dim in zip(plan.rank, plan.reshape.dims, strict=True)
        )  # modes without a factor

    @property
    def layout(self) -> object:
        """The reshape between the tensor and the weight."""
        return self.plan.reshape

    def forward(self, core: Tensor, *factors: Tensor) -> Tensor:
        """Rebuild the weight from core (J_1, ..., J_N) and the factors (I_n, J_n) of modes not full."""
        reshape = self.plan.reshape
        tensor = tucker_product(*self.rounded(core, *factors))
        whole = reshape.padded or reshape.shape
        permuted = [whole[mode] for mode in reshape.permutation]
        back = [reshape.permutation.index(mode) for mode in range(len(permuted))]
        weight = tensor.reshape(permuted).permute(back)
        return weight[tuple(map(slice, reshape.shape))] if reshape.padding else weight

    def rounded(self, core: Tensor, *factors: Tensor) -> tuple[Tensor, list[Tensor | None]]:
        """Core and one factor (or None) per mode as the network sees them, rounded if it rounds."""
        seen, *others = self.as_seen([core, *factors])
        return seen, self.with_gaps(others)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, ...]:
        """Decompose a dense weight by HOSVD; (core, factors...) become the layer's parameters.

        The first time, the start is taken instead if there is one. With a shared core the parts are
        zeros: one weight alone can't be decomposed (see `starts`). From then on it is what an assignment
        of `layer.weight` stores.

        Raises
        ------
        ValueError
            If the weight is assigned but shares core or factors with another, or has another shape.
        """
        assigned, self._is_made = self._is_made, True
        if self._start is not None:
            start, self._start = self._start, None
            return tuple(start)
        if assigned and self.shares:
            raise ValueError(
                "this weight shares core or factors with others, which would change with it; "
                "materialize the model, change it, and compress it again"
            )
        if self.plan.shared_core:
            return tuple(self.empty_parts(weight))
        parts = self.parts(hosvd(dense_tensor(weight, self.plan), self.plan.rank))
        quantizers: list[Any] = list(self.quantizers)
        units = [quantizer.unit for quantizer in quantizers] or [1.0] * len(parts)
        return tuple(
            (part / unit).to(weight.device, weight.dtype)
            for part, unit in zip(parts, units, strict=True)
        )

    def empty_parts(self, weight: Tensor) -> list[Tensor]:
        """Zeros in the shapes of core and existing factors, of a weight's dtype and device."""
        pairs = zip(self.plan.reshape.dims, self.plan.rank, self.full, strict=True)
        shapes = [self.plan.rank, *((dim, rank) for dim, rank, full in pairs if not full)]
        return [weight.new_zeros(shape) for shape in shapes]

    def parts(self, tucker: TuckerTensor) -> list[Tensor]:
        """Core and existing factors of a numpy Tucker tensor, as torch tensors of their own memory."""
        arrays = [tucker.core, *(factor for factor in tucker.factors if factor is not None)]
        return [torch.tensor(array) for array in arrays]

    def with_gaps(self, factors: Sequence[Any]) -> list[Any]:
        """One entry per mode: its factor, or None where the mode is full."""
        rest = iter(factors)
        return [None if full else next(rest) for full in self.full]


def dense_tensor(weight: Tensor, plan: LayerPlan) -> FloatArray:
    """A dense weight reshaped as its plan says, float64 as it is and all else in float32."""
    precise = torch.float64 if weight.dtype == torch.float64 else torch.float32
    array = weight.detach().to("cpu", precise).numpy()
    return np.ascontiguousarray(plan.reshape.apply(array))


def tucker_product(core: Tensor, factors: Sequence[Tensor | None]) -> Tensor:
    """Rebuild a tensor from its Tucker format, differentiable by core and factors.

    Parameters
    ----------
    core : tensor of shape (J_1, ..., J_N)
    factors : per mode a tensor (I_n, J_n), or None for the identity

    Returns
    -------
    tensor of shape (I_1, ..., I_N)

    Examples
    --------
    >>> core = torch.ones(2, 3, requires_grad=True)
    >>> tucker_product(core, [torch.ones(4, 2), None]).sum().backward()
    >>> core.grad[0]
    tensor([4., 4., 4.])
    """
    on_cpu = core.device.type == "cpu" and core.dtype in (torch.float32, torch.float64)
    if on_cpu and not torch.compiler.is_compiling():  # a compiler reads torch, not kernels
        views = _views(core, factors)
        plan = plan_for(*views)
        if kernels_are_faster(plan):
            result: Tensor = _CoreProduct.apply(plan, views, core, *factors)  # type: ignore[no-untyped-call]
            return result
    with torch.autocast(core.device.type, enabled=False):
        return _torch_product(core, factors)


def kernels_are_faster(plan: TuckerPlan) -> bool:
    """Whether tucker_core's kernels rebuild a tensor faster than a chain of torch's matrix products.

    Few modes of high rank mean few and large products, the work of a BLAS, which can also use several
    threads. Measured by `python -m tools.bench_rebuild`, see `results/bench_rebuild.json`; close to the
    rule's bounds either way takes about as long.

    Examples
    --------
    >>> kernels_are_faster(TuckerPlan((512, 512, 9), (60, 60, 8)))
    False
    """
    few_and_large = len(plan.shape) <= 3 and math.prod(plan.shape) >= _BLAS_FROM
    return plan.is_compiled and not (few_and_large and max(plan.rank) > _KERNELS_UP_TO)


def _torch_product(core: Tensor, factors: Sequence[Tensor | None]) -> Tensor:
    """The chain of tucker_core's `tucker_to_tensor` in torch: the last mode is expanded first."""
    if all(factor is None for factor in factors):
        return core * 1.0  # a view would let the gradients of two weights share memory
    shape = [r if f is None else f.shape[0] for r, f in zip(core.shape, factors, strict=True)]
    tensor = core
    for rank, factor in zip(reversed(core.shape), reversed(factors), strict=True):
        before = tensor.reshape(-1, rank)  # (everything else, J_n)
        tensor = before.T if factor is None else factor @ before.T
    return tensor.reshape(shape)


def _views(core: Tensor, factors: Sequence[Tensor | None]) -> _Views:
    """Core and factors as numpy sees them in torch's own memory."""
    return core.detach().numpy(), [None if f is None else f.detach().numpy() for f in factors]


class _CoreProduct(torch.autograd.Function):
    """tucker_core's product and gradient on views of torch's memory: no copy in either direction."""

    @staticmethod
    def forward(
        ctx: Any, plan: TuckerPlan, views: _Views, core: Tensor, *factors: Tensor | None
    ) -> Tensor:
        ctx.plan, ctx.gaps = plan, [factor is None for factor in factors]
        ctx.save_for_backward(core, *(factor for factor in factors if factor is not None))
        full, ctx.between = plan.product_and_saved(*views)
        return torch.from_numpy(full)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        core, *stored = ctx.saved_tensors
        rest = iter(stored)
        views = _views(core, [None if gap else next(rest) for gap in ctx.gaps])
        upstream = grads[0].detach().contiguous().numpy()
        between, ctx.between = ctx.between, None  # used up; a second backward computes it anew
        grad_core, grad_factors = ctx.plan.gradient(*views, upstream, between)
        return (
            None,
            None,
            torch.from_numpy(grad_core),
            *(None if g is None else torch.from_numpy(g) for g in grad_factors),
        )

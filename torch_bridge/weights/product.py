"""The Tucker product as torch sees it: forward and backward, and which code computes them."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor

from torch_bridge.weights.resting import is_plain, is_transformed
from tucker_core import TuckerPlan
from tucker_core.checks import FloatArray
from tucker_core.tucker_plan import plan_for

_Views: TypeAlias = tuple[FloatArray, list[FloatArray | None]]  # a core and its factors


_BLAS_FROM = 100_000  # entries; below, there is little to gain


_KERNELS_UP_TO = 24  # rank, for larger tensors of three modes or two


def tucker_product(core: Tensor, factors: Sequence[Tensor | None]) -> Tensor:
    """Reconstruct a tensor from its Tucker format, differentiable by core and factors.

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
    if (
        on_cpu
        and not is_transformed()
        and all(is_plain(part) for part in (core, *factors) if part is not None)
    ):
        views = _views(core, factors)
        plan = plan_for(*views)
        if kernels_are_faster(plan):
            result: Tensor = _CoreProduct.apply(plan, views, core, *factors)  # type: ignore[no-untyped-call]
            return result
    if not torch.amp.is_autocast_available(core.device.type):
        return _torch_product(core, factors)
    with torch.autocast(core.device.type, enabled=False):
        return _torch_product(core, factors)


def kernels_are_faster(plan: TuckerPlan) -> bool:
    """Whether tucker_core's kernels reconstruct a tensor faster than a chain of torch's matrix products.

    Few modes of high rank mean few and large products, the work of a BLAS, which can also use several
    threads. Measured by `python -m tools.bench.reconstruct`, see `results/bench_rebuild.json`;
    close to the rule's bounds either way takes about as long.

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
    return _view(core), [None if f is None else _view(f) for f in factors]


def _view(part: Tensor) -> FloatArray:
    """A tensor as an array. What `numpy()` has seen is never resized again, as FSDP does with shards."""
    sharded = torch.distributed.is_available() and torch.distributed.is_initialized()
    array: Any = np.from_dlpack(part.detach()) if sharded else part.detach().numpy()
    return cast(FloatArray, array)


def _torch_gradient(
    core: Tensor, factors: Sequence[Tensor | None], upstream: Tensor
) -> list[Tensor | None]:
    """The gradients with a graph of their own, in torch's own operations."""
    parts = [core, *factors]
    wanted = [part for part in parts if part is not None and part.requires_grad]
    found = iter(
        torch.autograd.grad(_torch_product(core, factors), wanted, upstream, create_graph=True)
    )
    return [next(found) if part is not None and part.requires_grad else None for part in parts]


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
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        core, *stored = ctx.saved_tensors
        rest = iter(stored)
        factors = [None if gap else next(rest) for gap in ctx.gaps]
        if torch.is_grad_enabled():  # the gradient itself is to be differentiated
            return None, None, *_torch_gradient(core, factors, grads[0])
        views = _views(core, factors)
        upstream = grads[0].detach().contiguous().numpy()
        between, ctx.between = ctx.between, None  # used up; a second backward computes it anew
        grad_core, grad_factors = ctx.plan.gradient(*views, upstream, between)
        return (
            None,
            None,
            torch.from_numpy(grad_core),
            *(None if g is None else torch.from_numpy(g) for g in grad_factors),
        )

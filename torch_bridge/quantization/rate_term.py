"""The rate term as torch sees it: the levels of all tensors as one vector, one pass over it.

On a CPU the pass is tucker_core's kernel, which gives bits and slopes at once. Elsewhere it is a dozen
of torch's operations on the whole vector, for which each tensor's step and spread are gathered by index.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from tucker_core.rate_term import LEAST_SPREAD, NARROW, Lengths, rate_and_gradient


def flat_bits(
    levels: Tensor, lengths: Lengths, params: Tensor, owner: Callable[[], Tensor]
) -> Tensor:
    """Expected bits of the integers of several tensors, a differentiable number.

    Parameters
    ----------
    levels : entries of all T tensors, one tensor behind the other; shape (n,)
    lengths : how many entries each has
    params : log step, log spread and logit of the narrow fraction of each; shape (3, T)
    owner : gives for each entry the number of its tensor, (n,), where it is needed

    Examples
    --------
    >>> levels, lengths = torch.tensor([0.0, 3.0]), torch.tensor([1, 1]).numpy()
    >>> flat_bits(levels, lengths, torch.zeros(3, 2), lambda: torch.tensor([0, 1]))
    tensor(6.8773)
    """
    if levels.dtype not in (torch.float32, torch.float64):
        levels = levels.float()
    if levels.device.type == "cpu" and not torch.compiler.is_compiling():
        bits: Tensor = _FlatRate.apply(levels, params, lengths)  # type: ignore[no-untyped-call]
        return bits
    return bits_of(levels, *params.to(levels.dtype).index_select(1, owner())).sum()


def bits_of(levels: Tensor, log_step: Tensor, log_spread: Tensor, zeros: Tensor) -> Tensor:
    """Expected bits of each integer; the others are of the levels' shape, or one number for all.

    Examples
    --------
    >>> bits_of(torch.tensor([0.0, 3.0]), *torch.zeros(3))
    tensor([0.6089, 6.2684])
    """
    size = (levels / log_step.exp()).abs()
    wide = _log_mass(size, log_spread.exp().clamp_min(LEAST_SPREAD))
    narrow = _log_mass(size, torch.full_like(log_spread, NARROW))
    log_fraction, log_rest = F.logsigmoid(zeros), F.logsigmoid(-zeros)
    return -torch.logaddexp(log_rest + wide, log_fraction + narrow) / math.log(2)


def _log_mass(size: Tensor, spread: Tensor) -> Tensor:
    """Log of m(u; b), as tucker_core's rate term defines it."""
    half = 0.5 / spread
    near = size.clamp_max(0.5) / spread
    # 1 - exp(-h) cosh(n), written so that nothing is lost where both are small
    mass = -torch.expm1(-half) - 2 * torch.exp(-half) * torch.sinh(near / 2).square()
    return torch.where(size < 0.5, torch.log(mass), torch.log(half.sinh()) - size / spread)


class _FlatRate(torch.autograd.Function):
    """tucker_core's rate term on views of torch's memory; the gradient comes with the value."""

    @staticmethod
    def forward(ctx: Any, levels: Tensor, params: Tensor, lengths: Lengths) -> Tensor:
        bits, by_levels, by_params = rate_and_gradient(
            levels.detach().numpy(), lengths, params.detach().double().numpy()
        )
        slopes = torch.from_numpy(by_levels), torch.from_numpy(by_params).to(params.dtype)
        ctx.save_for_backward(*slopes)
        return levels.new_tensor(bits)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        by_levels, by_params = ctx.saved_tensors
        return grads[0] * by_levels, (grads[0] * by_params).to(by_params.dtype), None

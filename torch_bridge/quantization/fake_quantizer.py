"""One tensor's rounding while it is trained: a step that is learned, and what its integers will cost.

A tensor is kept in units of its first step: the parameter holds levels l, and the network sees

    unit * s * round(l / s)

with the step s = exp(log_step) learned along (LSQ: Esser et al., arXiv 1902.08153). The integers
round(l / s) are what the file stores. How many bits they will take is estimated, smoothly, by a
mixture of two Laplace laws, a narrow one for the zeros and one of learned spread for the rest: the
bits of its mass between l / s - 1/2 and l / s + 1/2. Adding that to the loss trades error for bytes,
with one factor (Oktay et al., arXiv 1906.06624, train weights under an entropy model in the same
spirit). With the wide law alone, files came out larger: it overrates zeros by up to a fifth.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAST_SPREAD = 0.05  # below this a law is a single spike, and sinh(1 / 2b) would overflow
_NARROW = 0.2  # spread of the law of the zeros


class Quantizer(nn.Module):
    """Rounds a tensor of levels and prices its integers.

    Parameters
    ----------
    unit : size of one level before training

    Attributes
    ----------
    log_step : learned; log of the step in levels
    log_spread : learned; log of the mean magnitude that the price expects of the wide law's integers
    zeros : learned; logit of the narrow law's share

    Examples
    --------
    >>> quantizer = Quantizer(unit=0.5)
    >>> quantizer(torch.tensor([0.2, 3.1]))
    tensor([0.0000, 1.5000], grad_fn=<MulBackward0>)
    """

    def __init__(self, unit: float) -> None:
        super().__init__()
        self.unit = unit
        self.log_step = nn.Parameter(torch.zeros(()))
        self.log_spread = nn.Parameter(torch.zeros(()))
        self.zeros = nn.Parameter(torch.tensor(-2.0))

    def get_extra_state(self) -> Tensor:
        """The unit, in double precision whatever the model's is: it belongs to the state dict."""
        return torch.tensor(self.unit, dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Take a state dict's unit."""
        self.unit = float(state)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if f"{prefix}log_step" in state_dict and f"{prefix}_extra_state" not in state_dict:
            *_, errors = rest
            errors.append(
                f"{prefix}_extra_state, the unit of the levels, is missing, as in state dicts of earlier "
                "versions: load it with the version that made it, and write a .ada file"
            )

    def forward(self, levels: Tensor) -> Tensor:
        """The rounded tensor, of the same shape."""
        step = self.log_step.exp()
        return round_through(levels / step) * (self.unit * step)

    @torch.no_grad()
    def symbols(self, levels: Tensor) -> Tensor:
        """The integers that stand for the tensor, same shape."""
        return torch.round(levels / self.log_step.exp())

    @torch.no_grad()
    def entropy(self, levels: Tensor) -> float:
        """Bits of all integers of the tensor for a coder that knows how often each of them occurs.

        Examples
        --------
        >>> Quantizer(unit=0.5).entropy(torch.tensor([0.0, 0.1, 1.0, 0.9]))
        4.0
        """
        counts = torch.unique(self.symbols(levels), return_counts=True)[1].double()
        return float((counts * (counts.sum().log2() - counts.log2())).sum())

    def step(self) -> float:
        """Size of one integer step in the network's own units."""
        return self.unit * math.exp(float(self.log_step.detach()))

    def bits(self, levels: Tensor) -> Tensor:
        """Expected bits of all integers of the tensor, a differentiable number."""
        size = (levels / self.log_step.exp()).abs()
        wide = _log_mass(size, self.log_spread.exp().clamp_min(_LEAST_SPREAD))
        narrow = _log_mass(size, torch.full_like(self.log_spread, _NARROW))
        log_share, log_rest = F.logsigmoid(self.zeros), F.logsigmoid(-self.zeros)
        return -torch.logaddexp(log_rest + wide, log_share + narrow).sum() / math.log(2)


def _log_mass(size: Tensor, spread: Tensor) -> Tensor:
    """Log of the Laplace law's mass from u - 1/2 to u + 1/2, with mean magnitude b; u >= 0.

    The mass is 1 - exp(-1/2b) cosh(u/b) for u < 1/2, and exp(-u/b) sinh(1/2b) beyond.
    """
    half = 0.5 / spread
    near = size.clamp_max(0.5) / spread
    inside = torch.log1p(-torch.exp(-half) * torch.cosh(near))
    return torch.where(size < 0.5, inside, torch.log(half.sinh()) - size / spread)


def round_through(tensor: Tensor) -> Tensor:
    """Round to whole numbers; the gradient passes unchanged.

    Examples
    --------
    >>> x = torch.tensor([0.2, 0.9], requires_grad=True)
    >>> y = round_through(x)
    >>> y.sum().backward()
    >>> y.tolist(), x.grad.tolist()
    ([0.0, 1.0], [1.0, 1.0])
    """
    return tensor + (torch.round(tensor) - tensor).detach()

"""One tensor's rounding while it is trained: a step that is learned, and what its integers will cost.

A tensor is kept in units of its first step: the parameter holds levels l, and the network sees

    unit * s * round(l / s)

with the step s = exp(log_step) learned along (LSQ: Esser et al., arXiv 1902.08153). The integers
round(l / s) are what the file stores. How many bits they will take is estimated, smoothly, by a
mixture of two Laplace distributions, a narrow one for the zeros and one of learned spread for the
rest: the bits of its mass between l / s - 1/2 and l / s + 1/2. Adding that to the loss trades error
for bytes, with one factor, the rate weight lambda (Oktay et al., arXiv 1906.06624, train weights under
an entropy model in the same spirit). With the wide distribution alone, files came out larger: it
overrates zeros by up to a fifth.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from torch_bridge.quantization.rate_term import bits_of


class Quantizer(nn.Module):
    """Rounds a tensor of levels and says what its integers will cost.

    Parameters
    ----------
    unit : size of one level before training

    Attributes
    ----------
    ready : levels that were rounded ahead, with those of other tensors, and what came out; if any
    log_step : learned; log of the step in levels
    log_spread : learned; log of the mean magnitude of the wide distribution
    zeros : learned; logit of the narrow distribution's fraction

    Examples
    --------
    >>> quantizer = Quantizer(unit=0.5)
    >>> quantizer(torch.tensor([0.2, 3.1]))
    tensor([0.0000, 1.5000], grad_fn=<MulBackward0>)
    """

    ready: tuple[Tensor, Tensor] | None = None

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
        if not torch.compiler.is_compiling() and self.ready is not None and self.ready[0] is levels:
            return self.ready[1]
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
        return bits_of(levels, self.log_step, self.log_spread, self.zeros).sum()


def round_through(tensor: Tensor) -> Tensor:
    """Round to integers; the gradient passes unchanged.

    Examples
    --------
    >>> x = torch.tensor([0.2, 0.9], requires_grad=True)
    >>> y = round_through(x)
    >>> y.sum().backward()
    >>> y.tolist(), x.grad.tolist()
    ([0.0, 1.0], [1.0, 1.0])
    """
    return tensor + (torch.round(tensor) - tensor).detach()

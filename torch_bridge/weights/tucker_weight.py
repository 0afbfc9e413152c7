"""The Tucker weight: a parametrization that reconstructs a layer's weight from core and factors.

`torch.nn.utils.parametrize` replaces `layer.weight` by the output of a module. Ours stores a small
core and transformation matrices and computes

    W = undo_reshape(C x_1 M_1 x_2 M_2 ... x_N M_N)

so Linear, Conv1d/2d/3d, Embedding and every other layer with a weight are served by one mechanism.
On the CPU, forward and backward are tucker_core's product and gradient on the tensors' own memory,
where its kernels are faster; else the same chain of matrix products is left to torch and its autograd.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_bridge.weights.parametrization import StoredWeight, stored_layers, stored_parts
from torch_bridge.weights.product import tucker_product
from tucker_core import LayerPlan, TuckerTensor, hosvd
from tucker_core.checks import FloatArray


class TuckerWeight(StoredWeight):
    """Parametrization of a weight by its Tucker format.

    Parameters
    ----------
    plan : dims (I_1, ..., I_N) and rank (J_1, ..., J_N) of the weight
    start : core and factors to begin with; by default the HOSVD of the weight that is replaced

    Attributes
    ----------
    implementation : how a layer that can choose computes: "reconstructed", "factorized", "auto"
    choices : what "auto" took for inputs of some shape, device and dtype
    memory_format : how the reconstructed weight lies in memory: as the weight that it replaces
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
        self.implementation = "auto"
        self.choices: dict[Any, str] = {}
        self.memory_format = torch.contiguous_format
        self.shares = plan.shared_core
        self._start, self._is_made = start, False

    @property
    def layout(self) -> object:
        """The reshape between the tensor and the weight."""
        return self.plan.reshape

    def forward(self, core: Tensor, *factors: Tensor) -> Tensor:
        """Reconstruct the weight from core (J_1, ..., J_N) and the factors (I_n, J_n) of other modes."""
        reshape = self.plan.reshape
        tensor = tucker_product(*self.rounded(core, *factors))
        whole = reshape.padded or reshape.shape
        permuted = [whole[mode] for mode in reshape.permutation]
        back = [reshape.permutation.index(mode) for mode in range(len(permuted))]
        weight = tensor.reshape(permuted).permute(back)
        weight = weight[tuple(map(slice, reshape.shape))] if reshape.padding else weight
        if self.memory_format == torch.contiguous_format:
            return weight  # whatever a permutation left
        return weight.to(memory_format=self.memory_format)

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
        self.memory_format = memory_format_of(weight)
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
        pairs = zip(self.plan.reshape.dims, self.plan.rank, self.plan.full_modes, strict=True)
        shapes = [self.plan.rank, *((dim, rank) for dim, rank, full in pairs if not full)]
        return [weight.new_zeros(shape) for shape in shapes]

    def parts(self, tucker: TuckerTensor) -> list[Tensor]:
        """Core and existing factors of a numpy Tucker tensor, as torch tensors of their own memory."""
        arrays = [tucker.core, *(factor for factor in tucker.factors if factor is not None)]
        return [torch.tensor(array) for array in arrays]

    def with_gaps(self, factors: Sequence[Any]) -> list[Any]:
        """One entry per mode: its factor, or None where the mode is full."""
        rest = iter(factors)
        return [None if full else next(rest) for full in self.plan.full_modes]


def memory_format_of(weight: Tensor) -> torch.memory_format:
    """Whether a convolution's weight has its channels last in memory, by its strides.

    `is_contiguous` cannot tell where there is one channel or one place, but layers look at strides.

    Examples
    --------
    >>> weight = torch.zeros(8, 4, 3, 3)
    >>> memory_format_of(weight.to(memory_format=torch.channels_last))
    torch.channels_last
    """
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(weight.dim())
    if last is None or weight.stride() == torch.empty(weight.shape, device="meta").stride():
        return torch.contiguous_format
    strides = torch.empty(weight.shape, device="meta", memory_format=last).stride()
    return last if weight.stride() == strides else torch.contiguous_format


def dense_tensor(weight: Tensor, plan: LayerPlan) -> FloatArray:
    """A dense weight reshaped as its plan says, float64 as it is and all else in float32."""
    return np.ascontiguousarray(plan.reshape.apply(dense_array(weight)))


def dense_array(weight: Tensor) -> FloatArray:
    """A dense weight as an array, float64 as it is and all else in float32; a view where it can be."""
    precise = torch.float64 if weight.dtype == torch.float64 else torch.float32
    array: FloatArray = weight.detach().to("cpu", precise).numpy()
    return array


def tucker_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every weight in Tucker form."""
    return stored_layers(model, TuckerWeight)


def tucker_parts(
    layer: nn.Module, name: str = "weight"
) -> tuple[TuckerWeight, Tensor, list[Tensor | None]]:
    """The parametrization of a layer's weight with its core and one factor (or None) per mode."""
    weight, (core, *factors) = stored_parts(layer, name)
    assert isinstance(weight, TuckerWeight)
    return weight, core, weight.with_gaps(factors)

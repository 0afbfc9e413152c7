"""What all compressed weights have in common: they are rebuilt from tensors that may be rounded."""

from collections.abc import Sequence

from torch import Tensor, nn

from torch_bridge.guarded import guarded


class StoredWeight(nn.Module):
    """Parametrization that rebuilds a weight from tensors; these are all that a file has to hold.

    A subclass gives `forward`, from the stored tensors to the weight, which is linear in each of them;
    `right_inverse`, from a weight to a tuple of them; and `layout`.

    Attributes
    ----------
    quantizers : one for each stored tensor, once `attach_quantizers` made them
    """

    def __init__(self) -> None:
        super().__init__()
        self.quantizers = nn.ModuleList()

    def __call__(self, *parts: Tensor) -> Tensor:
        """Rebuild the weight; it refuses to be changed in place."""
        return guarded(super().__call__(*parts))

    @property
    def layout(self) -> object:
        """What tells this weight from another that is rebuilt from the same tensors."""
        raise NotImplementedError

    def as_seen(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """The stored tensors as the network computes with them: rounded, once there are quantizers."""
        if not self.quantizers:
            return list(parts)
        return [quantizer(part) for quantizer, part in zip(self.quantizers, parts, strict=True)]

"""Magnitude pruning: the largest entries of a weight, and where they stand.

As in Deep Compression (Han et al., arXiv 1510.00149) a place is told by its distance from the one
before. Distances are written in Rice's code, with the parameter that takes the fewest bits: for
places drawn at random it is within a few hundredths of a bit of the best there is, and needs no table.
Entries are taken away in rounds with training in between, as there: far fewer suffice than at once.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from torch_bridge.weights.parametrization import StoredWeight
from tucker_core.codec import Decoder, Encoder

Places = npt.NDArray[np.int64]
_PARAMETERS = 16


class PrunedWeight(StoredWeight):
    """Parametrization of a weight by its few entries that are not zero.

    Parameters
    ----------
    shape : of the weight
    places : where they stand in the flattened weight, rising
    """

    where: Tensor

    def __init__(self, shape: torch.Size, places: Places) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.register_buffer("where", torch.from_numpy(places))

    @property
    def layout(self) -> tuple[int, ...]:
        """The shape of the weight."""
        return self.shape

    def forward(self, entries: Tensor) -> Tensor:
        """Put the entries where they belong."""
        return scattered(self.as_seen([entries])[0], self.where, self.shape)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, ...]:
        """The entries of a dense weight at these places."""
        return (weight.flatten()[self.where],)


def scattered(entries: Tensor, where: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor of that shape that is zero but for the entries at their places in the flattened one.

    Examples
    --------
    >>> scattered(torch.tensor([5.0, 6.0]), torch.tensor([1, 2]), (2, 2)).tolist()
    [[0.0, 5.0], [6.0, 0.0]]
    """
    return entries.new_zeros(math.prod(shape)).scatter(0, where, entries).reshape(shape)


def largest_entries(weights: Mapping[str, Tensor], budget: float, bits: float) -> dict[str, Places]:
    """Places of the largest entries of all weights together, as many as the budget allows.

    Parameters
    ----------
    weights : dense
    budget : bits for places and entries
    bits : that an entry takes, without its place

    Returns
    -------
    name -> rising places in the flattened weight, at least one
    """
    sizes = {
        name: weight.detach().abs().flatten().cpu().numpy() for name, weight in weights.items()
    }
    together = np.sort(np.concatenate(list(sizes.values())))[::-1]
    fewest, most = 1, len(together)
    while most - fewest > 1:  # the most entries that fit, by halving
        middle = (fewest + most) // 2
        places = _above(sizes, together[middle - 1])
        cost = sum(bits * len(found) + place_bits(found) for found in places.values())
        fewest, most = (middle, most) if cost <= budget else (fewest, middle)
    return _above(sizes, together[fewest - 1])


def place_bits(places: Places) -> int:
    """Bits that rising places take in Rice's code, without their number.

    Examples
    --------
    >>> place_bits(np.array([0, 1, 2, 3]))
    4
    >>> place_bits(np.array([100, 200, 300])) < 3 * 8.5
    True
    """
    return min(_rice_bits(_gaps(places), k) for k in range(_PARAMETERS))


def write_places(encoder: Encoder, places: Places) -> None:
    """Write how many there are, and the distance of each from the one before."""
    gaps = _gaps(places)
    k = min(range(_PARAMETERS), key=lambda k: _rice_bits(gaps, k))
    encoder.integer(len(gaps))
    encoder.choice(k, _PARAMETERS)
    ends = np.cumsum((gaps >> k) + 1) - 1
    unary = np.ones(ends[-1] + 1, np.int32)
    unary[ends] = 0
    encoder.choices(unary, 2)
    encoder.choices((gaps & ((1 << k) - 1)).astype(np.int32), 1 << k)


def read_places(decoder: Decoder, entries: int) -> Places:
    """Read places back; there are that many entries in all.

    Raises
    ------
    ValueError
        If there are more places than entries, or one lies beyond the last entry.
    """
    count, k = decoder.integer(entries), decoder.choice(_PARAMETERS)
    unary = decoder.choices(count, 2)
    while (missing := count - int((unary == 0).sum())) > 0:
        if len(unary) > count + entries:
            raise ValueError(f"the places go beyond the last of {entries:,} entries")
        unary = np.concatenate([unary, decoder.choices(missing, 2)])
    high = np.diff(np.flatnonzero(unary == 0), prepend=-1) - 1
    places = np.cumsum((high << k) + decoder.choices(count, 1 << k) + 1) - 1
    if count and places[-1] >= entries:
        raise ValueError(f"a place of {places[-1]:,} among {entries:,} entries")
    return places.astype(np.int64)


def _above(sizes: Mapping[str, npt.NDArray[np.float32]], least: float) -> dict[str, Places]:
    """Places of what is at least so large; of every weight the largest entry."""
    return {name: np.flatnonzero(size >= min(least, size.max())) for name, size in sizes.items()}


def _gaps(places: Places) -> Places:
    return np.diff(places, prepend=-1) - 1


def _rice_bits(gaps: Places, k: int) -> int:
    return int((gaps >> k).sum()) + len(gaps) * (k + 1)

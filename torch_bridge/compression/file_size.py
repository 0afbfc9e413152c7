"""How many bytes a file will take, before anything is trained or rounded."""

import itertools
import math
from collections.abc import Collection

from torch import Tensor, nn

from torch_bridge.weights.count import is_lazy

_RECORD = 16  # bytes of a parameter's record and of its symbol models, about
_FLOAT16 = 2  # bytes of an entry that is not in Tucker form


def bits_of_integer(levels: float) -> float:
    """Bits of one integer of a normally distributed tensor in so many steps per root mean square.

    Training with a rate term spends less, tensors with few large entries take less, too.

    Examples
    --------
    >>> round(bits_of_integer(8.0), 2), round(bits_of_integer(1.0), 2)
    (5.05, 2.1)
    """
    if levels >= 2.0:  # the entropy of a density, to within a thousandth of a bit
        return math.log2(levels) + math.log2(2 * math.pi * math.e) / 2
    edges = [math.erf((k + 0.5) / levels / math.sqrt(2)) for k in range(40)]
    chances = [
        edges[0],
        *((b - a) / 2 for a, b in itertools.pairwise(edges) for _ in "+-"),
    ]
    return -sum(chance * math.log2(chance) for chance in chances if chance > 0)


def plain_bytes(model: nn.Module, compressed: Collection[int]) -> int:
    """Bytes that a file takes for all of a model but the weights of these ids, names included.

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> plain_bytes(layer, [id(layer.weight)])  # two biases, their name, a record
    24
    """
    kept = {id(tensor) for tensor in model.state_dict(keep_vars=True).values()}
    named = [*model.named_parameters(), *model.named_buffers()]
    return sum(
        len(name) + _RECORD + _bytes(tensor)
        for name, tensor in named
        if id(tensor) in kept - set(compressed) and not is_lazy(tensor)
    )


def _bytes(tensor: Tensor) -> int:
    each = _FLOAT16 if tensor.is_floating_point() else tensor.element_size()
    return tensor.numel() * each


def stored_bytes(n_params: int, names: Collection[str], levels: float) -> int:
    """Bytes that a file takes for cores and factors of so many parameters, names included.

    Examples
    --------
    >>> stored_bytes(10_000, ["weight"], 8.0)
    6331
    """
    coded = math.ceil(n_params * bits_of_integer(levels) / 8)
    return coded + sum(len(name) + _RECORD for name in names)

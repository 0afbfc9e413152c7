"""What may be asked of `plan_network`: each argument, and which go together."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tucker_core.checks import check_real, shown
from tucker_core.counting import check_bits
from tucker_core.factorize import check_size
from tucker_core.ranks import check_budget
from tucker_core.reshape import ReshapePlan

Dims = tuple[int, ...]
Shapes = Mapping[str, Dims]
Spectra = Mapping[str, Sequence[npt.ArrayLike]]


def check_shapes(shapes: Mapping[str, Sequence[int]]) -> dict[str, Dims]:
    """Return the shapes of all weights as tuples.

    Raises
    ------
    TypeError, ValueError
        If it is no mapping, empty, or a shape is none of a weight.

    Examples
    --------
    >>> check_shapes({"fc": [2, 3]})
    {'fc': (2, 3)}
    """
    check_mapping(shapes, "shapes")
    if not shapes:
        raise ValueError("there is no weight to plan; give at least one name and shape")
    return {name: check_size(shape, f"{name}: shape") for name, shape in shapes.items()}


def numbers_of(budget: int, unit: str, bits: float) -> int:
    """Return the budget in numbers.

    Examples
    --------
    >>> numbers_of(1_000, "bytes", 4)
    2000
    """
    if not isinstance(unit, str) or unit not in ("numbers", "bytes"):
        raise ValueError(f"unit is {shown(unit)}; 'numbers' or 'bytes' is needed")
    per_number, total = check_bits(bits), check_budget(budget)
    try:
        return total if unit == "numbers" else int(total * 8 / per_number)
    except OverflowError:
        raise ValueError(
            f"budget is {shown(budget)} bytes and bits is {bits}; fewer parameters can be counted"
        ) from None


def search_of(search: str | None, *, energies: bool, shared_core: bool) -> str:
    """Return the search that is asked for; exact by default where only it will do.

    Examples
    --------
    >>> search_of(None, energies=True, shared_core=False)
    'exact'
    """
    if search is None:
        return "exact" if energies or shared_core else "balanced"
    if not isinstance(search, str) or search not in ("balanced", "exact"):
        raise ValueError(f"search is {shown(search)}; 'balanced' or 'exact' is needed")
    if search == "balanced" and (energies or shared_core):
        raise ValueError(
            "search is 'balanced'; weights, spectra and a shared core need search='exact'"
        )
    return search


def check_mapping(given: object, name: str) -> None:
    """Refuse what is no mapping from names of weights."""
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{name} is {shown(given)}; a mapping with the name of each weight is needed"
        )


def check_plan_weights(
    weights: Mapping[str, npt.ArrayLike] | None,
    shapes: Shapes,
    spectra: Spectra | None,
    importance: Mapping[str, float] | None,
) -> None:
    """Refuse weights that are not those of the shapes, and what does not go with them."""
    if weights is None:
        if importance is not None:
            raise ValueError("importance is given without weights, which it weighs; give them, too")
        return
    check_mapping(weights, "weights")
    if spectra is not None:
        raise ValueError("weights and spectra are given; the weights alone say where the energy is")
    for name, shape in shapes.items():
        if name not in weights:
            raise ValueError(f"weights are of {list(weights)}; {name!r} is missing")
        if np.shape(weights[name]) != shape:
            raise ValueError(f"weights[{name!r}] has shape {np.shape(weights[name])}, not {shape}")


def check_max_fraction(share: float, *, weighed: bool) -> float:
    """Return the share of its entries that a weight may store."""
    checked = check_real(share, "max_fraction", "a fraction in (0, 1] is needed")
    if not 0 < checked <= 1 or (checked < 1 and not weighed):
        raise ValueError(
            f"max_fraction is {share}; a fraction in (0, 1] is needed, below 1 with weights"
        )
    return checked


def check_reshapes(
    reshapes: Mapping[str, ReshapePlan], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Refuse reshapes that are not those of the shapes."""
    check_mapping(reshapes, "reshapes")
    if list(reshapes) != list(shapes):
        raise ValueError(f"reshapes are for {list(reshapes)}, weights are {list(shapes)}")
    for name, reshape in reshapes.items():
        if not isinstance(reshape, ReshapePlan):
            raise TypeError(f"reshapes[{name!r}] is {shown(reshape)}; a ReshapePlan is needed")
        if reshape.shape != shapes[name]:
            raise ValueError(
                f"reshapes[{name!r}] is for shape {reshape.shape}; the weight has {shapes[name]}"
            )

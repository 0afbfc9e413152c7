"""One plan for a whole network: dims and core shape of every layer under one budget.

Each weight is reshaped by `plan_reshape`; then the ranks of all layers are chosen together: by
`ranks_within`, so that every core is as close to a hypercube as the budget allows, or by exact search
(`core_shapes`), which puts the ranks where given singular values say that the energy is. With a shared
core (SCADA-Tucker) all weights get one order and one core, stored once, and keep their own matrices.
The budget is a hard ceiling and counts the numbers of cores and factors; biases are not part of it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tucker_core.checks import check_flag, check_rank, check_sequence, shown
from tucker_core.core_shapes import best_core_shapes, best_shared_core, energy_losses
from tucker_core.counting import BYTES_PER_FLOAT32, check_bits, shared_core_params, tucker_params
from tucker_core.factorize import check_size
from tucker_core.ranks import check_budget, ranks_within
from tucker_core.reshape import ReshapePlan, check_order, plan_reshape
from tucker_core.text_table import format_table

Spectra = Mapping[str, Sequence[npt.ArrayLike]]


@dataclass(frozen=True)
class LayerPlan:
    """Dims and rank of one weight.

    Attributes
    ----------
    name : name of the weight, e.g. "fc1.weight"
    reshape : how the weight becomes a tensor of dims (I_1, ..., I_N)
    rank : (J_1, ..., J_N), the shape of the core
    shared_core : whether the core is that of all layers; then every mode keeps its matrix (I_n, J_n),
        a square or wide one too
    """

    name: str
    reshape: ReshapePlan
    rank: tuple[int, ...]
    shared_core: bool = False

    def __post_init__(self) -> None:
        """Refuse ranks that are none of these dims."""
        if not isinstance(self.reshape, ReshapePlan):
            raise TypeError(f"reshape is {shown(self.reshape)}; a ReshapePlan is needed")
        dims = self.reshape.dims
        if check_flag(self.shared_core, "shared_core"):
            shared_core_params([dims], self.rank)
        else:
            check_rank(dims, self.rank)
        object.__setattr__(self, "rank", tuple(int(r) for r in self.rank))

    @property
    def full_modes(self) -> tuple[bool, ...]:
        """Of each mode, whether it has no factor: its rank is its dim, and no core is shared."""
        pairs = zip(self.rank, self.reshape.dims, strict=True)
        return tuple(r == dim and not self.shared_core for r, dim in pairs)

    @property
    def n_params(self) -> int:
        """Parameters stored for this weight alone: core and factors, or only the factors if it shares."""
        if self.shared_core:
            return shared_core_params([self.reshape.dims], self.rank) - math.prod(self.rank)
        return tucker_params(self.reshape.dims, self.rank)


@dataclass(frozen=True)
class NetworkPlan:
    """The plans of all layers; `plan["fc1.weight"]` finds one of them.

    Attributes
    ----------
    layers : one LayerPlan per weight, in the order of the network
    """

    layers: tuple[LayerPlan, ...]

    def __post_init__(self) -> None:
        """Refuse what is no plan of a layer."""
        layers = check_sequence(self.layers, "layers", "one LayerPlan per weight")
        for k, layer in enumerate(layers):
            if not isinstance(layer, LayerPlan):
                raise TypeError(f"layers[{k}] is {shown(layer)}; a LayerPlan is needed")
        object.__setattr__(self, "layers", layers)

    @property
    def shared_core_params(self) -> int:
        """Numbers of the core that the layers share; 0 if each has its own."""
        return next((math.prod(layer.rank) for layer in self.layers if layer.shared_core), 0)

    @property
    def n_params(self) -> int:
        """Numbers stored by all cores and factors together; a shared core counts once."""
        return self.shared_core_params + sum(layer.n_params for layer in self.layers)

    def __getitem__(self, name: str) -> LayerPlan:
        """Find the plan of one weight by its name."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(
            f"no layer {name!r} in this plan; it has {[layer.name for layer in self.layers]}"
        )

    def table(self) -> str:
        """Format the plan as a text table: layer, shape, dims, core, numbers, share of the dense ones."""
        rows: list[tuple[str, ...]] = [("layer", "shape", "dims", "core", "numbers", "of dense")]
        rows += [_row(layer) for layer in self.layers]
        if self.shared_core_params:
            rows.append(("shared core", "", "", "", f"{self.shared_core_params:,}", ""))
        dense = sum(math.prod(layer.reshape.shape) for layer in self.layers)
        rows.append(
            ("total", "", "", "", f"{self.n_params:,}", f"{self.n_params / max(dense, 1):.1%}")
        )
        return format_table(rows)


def plan_network(
    shapes: Mapping[str, Sequence[int]],
    *,
    budget: int,
    unit: Literal["numbers", "bytes"] = "numbers",
    bits: float = 8 * BYTES_PER_FLOAT32,
    order: int | Literal["auto"] = "auto",
    shared_core: bool = False,
    spectra: Spectra | None = None,
    search: Literal["balanced", "exact"] | None = None,
    reshapes: Mapping[str, ReshapePlan] | None = None,
) -> NetworkPlan:
    """Choose dims and core shapes of all weights together under a hard ceiling.

    Parameters
    ----------
    shapes : name -> shape of each weight to compress
    budget : numbers (or bytes) that all cores and factors together may take, at most
    unit : whether the budget is in "numbers" or in "bytes"
    bits : bits per number, to turn bytes into numbers
    order : number of modes of every reshaped tensor, or "auto" for a proper one for each (with a shared
        core: for the largest, and the same for all)
    shared_core : give all weights one core, which is stored and counted once
    spectra : name -> singular values per mode of the reshaped weight, as `multilinear_singular_values`
        gives them for `plan_reshape(shape, order).apply(weight)`; ranks then go where the energy is.
        Without, all weights are taken to be alike.
    search : "balanced", cores near cubes, for budgets of any size; or "exact", the core shapes that keep
        most energy. By default exact if there are spectra or a shared core, else balanced.
    reshapes : name -> reshape of each weight, in place of `plan_reshape(shape, order)`

    Returns
    -------
    NetworkPlan with `n_params` <= budget

    Raises
    ------
    TypeError
        If the budget, the order or a dimension is no integer, bits no number, or shapes, spectra or
        reshapes no mapping.
    ValueError
        If there is no weight to plan, the budget is too small for any plan (the smallest possible
        budget is named), or spectra or reshapes are not those of the weights.

    Examples
    --------
    >>> plan = plan_network({"fc1": (500, 800), "fc2": (10, 500)}, budget=2_000)
    >>> plan.n_params <= 2_000
    True
    >>> plan["fc1"].reshape.dims
    (20, 25, 25, 32)
    """
    shapes = _check_shapes(shapes)
    numbers = _check_budget(budget, unit, bits)
    found_by = _check_search(search, spectra is not None, check_flag(shared_core, "shared_core"))
    check_order(order)
    if reshapes is None:
        if shared_core and order == "auto":
            largest = max(shapes.values(), key=math.prod)
            order = len(plan_reshape(largest).dims)
        reshapes = {name: plan_reshape(shape, order) for name, shape in shapes.items()}
    _check_reshapes(reshapes, shapes)
    all_dims = [reshape.dims for reshape in reshapes.values()]
    if found_by == "balanced":
        ranks = ranks_within(all_dims, numbers)
    elif shared_core:
        losses = _losses(reshapes, spectra)
        ranks = [best_shared_core(all_dims, numbers, losses)] * len(all_dims)
    else:
        ranks = best_core_shapes(all_dims, numbers, _losses(reshapes, spectra))
    pairs = zip(reshapes.items(), ranks, strict=True)
    return NetworkPlan(
        tuple(LayerPlan(name, reshape, rank, shared_core) for (name, reshape), rank in pairs)
    )


def _check_shapes(shapes: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    _check_mapping(shapes, "shapes")
    if not shapes:
        raise ValueError("there is no weight to plan; give at least one name and shape")
    return {name: check_size(shape, f"{name}: shape") for name, shape in shapes.items()}


def _check_budget(budget: int, unit: str, bits: float) -> int:
    """The budget in numbers."""
    if not isinstance(unit, str) or unit not in ("numbers", "bytes"):
        raise ValueError(f"unit is {shown(unit)}; 'numbers' or 'bytes' is needed")
    per_number, total = check_bits(bits), check_budget(budget)
    try:
        return total if unit == "numbers" else int(total * 8 / per_number)
    except OverflowError:
        raise ValueError(
            f"budget is {shown(budget)} bytes and bits is {bits}; fewer numbers can be counted"
        ) from None


def _check_search(search: str | None, spectra: bool, shared_core: bool) -> str:
    """The search that is asked for; exact by default where only it will do."""
    if search is None:
        return "exact" if spectra or shared_core else "balanced"
    if not isinstance(search, str) or search not in ("balanced", "exact"):
        raise ValueError(f"search is {shown(search)}; 'balanced' or 'exact' is needed")
    if search == "balanced" and (spectra or shared_core):
        raise ValueError("search is 'balanced'; spectra and a shared core need search='exact'")
    return search


def _check_mapping(given: object, name: str) -> None:
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{name} is {shown(given)}; a mapping with the name of each weight is needed"
        )


def _check_reshapes(
    reshapes: Mapping[str, ReshapePlan], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    _check_mapping(reshapes, "reshapes")
    if list(reshapes) != list(shapes):
        raise ValueError(f"reshapes are for {list(reshapes)}, weights are {list(shapes)}")
    for name, reshape in reshapes.items():
        if not isinstance(reshape, ReshapePlan):
            raise TypeError(f"reshapes[{name!r}] is {shown(reshape)}; a ReshapePlan is needed")
        if reshape.shape != shapes[name]:
            raise ValueError(
                f"reshapes[{name!r}] is for shape {reshape.shape}; the weight has {shapes[name]}"
            )


def _losses(
    reshapes: Mapping[str, ReshapePlan], spectra: Spectra | None
) -> list[list[npt.NDArray[np.float64]]]:
    if spectra is None:
        return [energy_losses(reshape.dims) for reshape in reshapes.values()]
    _check_mapping(spectra, "spectra")
    if set(spectra) != set(reshapes):
        raise ValueError(
            f"spectra are for {sorted(spectra)}, weights are {sorted(reshapes)}; give one entry for each"
        )
    losses = []
    for name, reshape in reshapes.items():
        if spectra[name] is None:
            raise TypeError(
                f"spectra[{name!r}] is None; one list of singular values per mode is needed"
            )
        try:
            losses.append(energy_losses(reshape.dims, spectra[name]))
        except (TypeError, ValueError) as error:
            raise type(error)(f"spectra[{name!r}]: {error}") from error
    return losses


def _row(layer: LayerPlan) -> tuple[str, ...]:
    share = layer.n_params / math.prod(layer.reshape.shape)
    sizes = (_by(layer.reshape.shape), _by(layer.reshape.dims), _by(layer.rank))
    return (layer.name, *sizes, f"{layer.n_params:,}", f"{share:.1%}")


def _by(dims: Sequence[int]) -> str:
    return "x".join(str(dim) for dim in dims)

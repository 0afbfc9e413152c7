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

from tucker_core.core_shapes import best_core_shapes, best_shared_core, energy_losses
from tucker_core.counting import BYTES_PER_FLOAT32, shared_core_params, tucker_params
from tucker_core.ranks import ranks_within
from tucker_core.reshape import ReshapePlan, plan_reshape

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

    @property
    def n_params(self) -> int:
        """Numbers stored for this weight alone: core and factors, or only the factors if it shares."""
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
        rows.append(("total", "", "", "", f"{self.n_params:,}", f"{self.n_params / dense:.1%}"))
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
    numbers = _check_options(shapes, budget, unit, bits)
    search = search or ("exact" if spectra is not None or shared_core else "balanced")
    if search not in ("balanced", "exact"):
        raise ValueError(f"search is {search!r}; 'balanced' or 'exact' is needed")
    if search == "balanced" and (spectra is not None or shared_core):
        raise ValueError("search is 'balanced'; spectra and a shared core need search='exact'")
    if reshapes is None:
        if shared_core and order == "auto":
            largest = max(shapes.values(), key=math.prod)
            order = len(plan_reshape(largest).dims)
        reshapes = {name: plan_reshape(shape, order) for name, shape in shapes.items()}
    _check_reshapes(reshapes, shapes)
    all_dims = [reshape.dims for reshape in reshapes.values()]
    if search == "balanced":
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


def _check_options(shapes: Mapping[str, Sequence[int]], budget: int, unit: str, bits: float) -> int:
    """The budget in numbers."""
    if not shapes:
        raise ValueError("there is no weight to plan; give at least one name and shape")
    if unit not in ("numbers", "bytes"):
        raise ValueError(f"unit is {unit!r}; 'numbers' or 'bytes' is needed")
    if not bits > 0:
        raise ValueError(f"bits is {bits}; a positive number of bits per number is needed")
    return budget if unit == "numbers" else int(budget * 8 / bits)


def _check_reshapes(
    reshapes: Mapping[str, ReshapePlan], shapes: Mapping[str, Sequence[int]]
) -> None:
    if list(reshapes) != list(shapes):
        raise ValueError(f"reshapes are for {list(reshapes)}, weights are {list(shapes)}")
    for name, reshape in reshapes.items():
        if reshape.shape != tuple(shapes[name]):
            raise ValueError(
                f"reshapes[{name!r}] is for shape {reshape.shape}; the weight has {tuple(shapes[name])}"
            )


def _losses(
    reshapes: Mapping[str, ReshapePlan], spectra: Spectra | None
) -> list[list[npt.NDArray[np.float64]]]:
    if spectra is None:
        return [energy_losses(reshape.dims) for reshape in reshapes.values()]
    if set(spectra) != set(reshapes):
        raise ValueError(
            f"spectra are for {sorted(spectra)}, weights are {sorted(reshapes)}; give one entry for each"
        )
    losses = []
    for name, reshape in reshapes.items():
        try:
            losses.append(energy_losses(reshape.dims, spectra[name]))
        except ValueError as error:
            raise ValueError(f"spectra[{name!r}]: {error}") from error
    return losses


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of text in columns, first column left, the others right, a rule under the head.

    Examples
    --------
    >>> print(format_table([("layer", "numbers"), ("fc1", "1,960")]))
    layer  numbers
    -----  -------
    fc1      1,960
    """
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _row(layer: LayerPlan) -> tuple[str, ...]:
    share = layer.n_params / math.prod(layer.reshape.shape)
    sizes = (_by(layer.reshape.shape), _by(layer.reshape.dims), _by(layer.rank))
    return (layer.name, *sizes, f"{layer.n_params:,}", f"{share:.1%}")


def _by(dims: Sequence[int]) -> str:
    return "x".join(str(dim) for dim in dims)

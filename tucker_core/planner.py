"""One plan for a whole network: dims and core shape of every layer under one budget.

Each weight is reshaped by `plan_reshape`; then the ranks of all layers are chosen together by
`ranks_within`, so that every core is as close to a hypercube as the budget allows. The budget is a
hard ceiling and counts the numbers of cores and factors; biases are not part of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tucker_core.counting import BYTES_PER_FLOAT32, tucker_params
from tucker_core.ranks import ranks_within
from tucker_core.reshape import ReshapePlan, plan_reshape


@dataclass(frozen=True)
class LayerPlan:
    """Dims and rank of one weight.

    Attributes
    ----------
    name : name of the weight, e.g. "fc1.weight"
    reshape : how the weight becomes a tensor of dims (I_1, ..., I_N)
    rank : (J_1, ..., J_N), the shape of the core
    """

    name: str
    reshape: ReshapePlan
    rank: tuple[int, ...]

    @property
    def n_params(self) -> int:
        """Numbers stored for this weight."""
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
    def n_params(self) -> int:
        """Numbers stored by all cores and factors together."""
        return sum(layer.n_params for layer in self.layers)

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
        rows = [("layer", "shape", "dims", "core", "numbers", "of dense")]
        for layer in self.layers:
            dense = _product(layer.reshape.shape)
            rows.append(
                (
                    layer.name,
                    _by(layer.reshape.shape),
                    _by(layer.reshape.dims),
                    _by(layer.rank),
                    f"{layer.n_params:,}",
                    f"{layer.n_params / dense:.1%}",
                )
            )
        dense = sum(_product(layer.reshape.shape) for layer in self.layers)
        rows.append(("total", "", "", "", f"{self.n_params:,}", f"{self.n_params / dense:.1%}"))
        return format_table(rows)


def plan_network(
    shapes: Mapping[str, Sequence[int]],
    *,
    budget: int,
    unit: Literal["numbers", "bytes"] = "numbers",
    bits: float = 8 * BYTES_PER_FLOAT32,
    order: int | Literal["auto"] = "auto",
) -> NetworkPlan:
    """Choose dims and core shapes of all weights together under a hard ceiling.

    Parameters
    ----------
    shapes : name -> shape of each weight to compress
    budget : numbers (or bytes) that all cores and factors together may take, at most
    unit : whether the budget is in "numbers" or in "bytes"
    bits : bits per number, to turn bytes into numbers
    order : number of modes of every reshaped tensor, or "auto" for a proper one for each

    Returns
    -------
    NetworkPlan with `n_params` <= budget

    Raises
    ------
    ValueError
        If there is no weight to plan, or the budget is too small for any plan (the smallest possible
        budget is named).

    Examples
    --------
    >>> plan = plan_network({"fc1": (500, 800), "fc2": (10, 500)}, budget=2_000)
    >>> plan.n_params <= 2_000
    True
    >>> plan["fc1"].reshape.dims
    (20, 25, 25, 32)
    """
    if not shapes:
        raise ValueError("there is no weight to plan; give at least one name and shape")
    if unit not in ("numbers", "bytes"):
        raise ValueError(f"unit is {unit!r}; 'numbers' or 'bytes' is needed")
    if bits <= 0:
        raise ValueError(f"bits is {bits}; a positive number of bits per number is needed")
    numbers = budget if unit == "numbers" else int(budget * 8 / bits)
    reshapes = {name: plan_reshape(shape, order) for name, shape in shapes.items()}
    ranks = ranks_within([reshape.dims for reshape in reshapes.values()], numbers)
    return NetworkPlan(
        tuple(
            LayerPlan(name, reshape, rank)
            for (name, reshape), rank in zip(reshapes.items(), ranks, strict=True)
        )
    )


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


def _by(dims: Sequence[int]) -> str:
    return "x".join(str(dim) for dim in dims)


def _product(dims: Sequence[int]) -> int:
    total = 1
    for dim in dims:
        total *= dim
    return total

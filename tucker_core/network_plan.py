"""Dims and core shape of every weight of a network: what a planner decides and a layer is built by."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tucker_core.checks import check_flag, check_rank, check_sequence, shown
from tucker_core.counting import shared_core_params, tucker_params
from tucker_core.reshape import ReshapePlan
from tucker_core.text_table import format_table


@dataclass(frozen=True)
class LayerPlan:
    """Dims and rank of one weight.

    Attributes
    ----------
    name : name of the weight, e.g. "fc1.weight"
    reshape : how the weight becomes a tensor of dims (I_1, ..., I_N)
    rank : (J_1, ..., J_N), the shape of the core
    shared_core : whether the core is that of several layers; then every mode keeps its matrix (I_n, J_n),
        a square or wide one too
    reason : one line on why these dims and this rank; plans are equal whatever their reasons
    group : the layers of one group share one core
    lost : share of the weight's energy that a truncated HOSVD of these ranks loses, where it is known
    """

    name: str
    reshape: ReshapePlan
    rank: tuple[int, ...]
    shared_core: bool = False
    reason: str = field(default="", compare=False)
    group: str = ""
    lost: float | None = field(default=None, compare=False)

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
        for group in self.shared_groups.values():
            if len({layer.rank for layer in group}) > 1:
                raise ValueError(
                    f"{', '.join(layer.name for layer in group)} share a core, and have ranks "
                    f"{[layer.rank for layer in group]}; one rank for all is needed"
                )

    @classmethod
    def whole(cls, shapes: Mapping[str, Sequence[int]]) -> "NetworkPlan":
        """The plan that leaves every weight as it is: a core without factors, to be rounded alone.

        Examples
        --------
        >>> NetworkPlan.whole({"fc": (30, 20)}).n_params
        600
        """
        return cls(
            tuple(LayerPlan(n, ReshapePlan.straight(s), tuple(s)) for n, s in shapes.items())
        )

    @property
    def shared_groups(self) -> dict[str, list[LayerPlan]]:
        """The layers that share a core with others, by group."""
        groups: dict[str, list[LayerPlan]] = {}
        for layer in self.layers:
            if layer.shared_core:
                groups.setdefault(layer.group, []).append(layer)
        return groups

    @property
    def shared_core_params(self) -> int:
        """Parameters of the cores that layers share; 0 if each has its own."""
        return sum(math.prod(group[0].rank) for group in self.shared_groups.values())

    @property
    def n_params(self) -> int:
        """Parameters stored by all cores and factors together; a shared core counts once."""
        return self.shared_core_params + sum(layer.n_params for layer in self.layers)

    def __getitem__(self, name: str) -> LayerPlan:
        """Find the plan of one weight by its name."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(
            f"no layer {name!r} in this plan; it has {[layer.name for layer in self.layers]}"
        )

    def explain(self) -> str:
        """Say of every layer why it got its dims and rank."""
        return "\n".join(
            f"{layer.name}: {layer.reason or layer.reshape.explain().splitlines()[0]}"
            for layer in self.layers
        )

    def table(self) -> str:
        """Format the plan as a text table: layer, shape, dims, core, parameters, fraction of dense."""
        rows: list[tuple[str, ...]] = [("layer", "shape", "dims", "core", "parameters", "of dense")]
        rows += [_row(layer) for layer in self.layers]
        for name, group in self.shared_groups.items():
            label, size = f"shared core {name}".strip(), math.prod(group[0].rank)
            rows.append((label, "", "", _by(group[0].rank), f"{size:,}", ""))
        dense = sum(math.prod(layer.reshape.shape) for layer in self.layers)
        rows.append(
            ("total", "", "", "", f"{self.n_params:,}", f"{self.n_params / max(dense, 1):.1%}")
        )
        return format_table(rows)


def _row(layer: LayerPlan) -> tuple[str, ...]:
    share = layer.n_params / math.prod(layer.reshape.shape)
    sizes = (_by(layer.reshape.shape), _by(layer.reshape.dims), _by(layer.rank))
    return (layer.name, *sizes, f"{layer.n_params:,}", f"{share:.1%}")


def _by(dims: Sequence[int]) -> str:
    return "x".join(str(dim) for dim in dims)

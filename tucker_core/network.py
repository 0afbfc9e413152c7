"""A compressed network: which tensors of integers make up which parameter.

Each parameter is a Tucker product of integers (`Symbols`) times one scale, reshaped to the parameter's
shape, and nothing else. A plain parameter, such as a bias, is the same thing without factors.
Parameters may share a core or a factor by pointing to the same array; it is stored once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tucker_core.architectures import ARCHITECTURES
from tucker_core.checks import shown
from tucker_core.counting import BYTES_PER_FLOAT32
from tucker_core.names import printable
from tucker_core.quantize import Symbols, scale_of
from tucker_core.reshape import ReshapePlan
from tucker_core.text_table import format_table
from tucker_core.tucker_tensor import TuckerTensor, tucker_to_tensor
from tucker_core.words import check_words, from_words, split_name


@dataclass(frozen=True, eq=False)
class CodedParameter:
    """One weight or bias of a network in coded Tucker format.

    Attributes
    ----------
    name : e.g. "fc1.weight"; "bn.running_var@float16" says that the core holds bytes (see `words`)
    reshape : between the parameter's shape and the dims (I_1, ..., I_N)
    core : integers of shape (J_1, ..., J_N)
    factors : per mode integers (I_n, J_n), or None where the mode is full
    scale_code : c of the scale 2^(c / 32) that the product of the integers is multiplied by
    """

    name: str
    reshape: ReshapePlan
    core: Symbols
    factors: tuple[Symbols | None, ...]
    scale_code: int

    def __post_init__(self) -> None:
        """Refuse parts that do not make up a tensor of the planned dims."""
        scale_of(self.scale_code)
        if not isinstance(self.name, str):
            raise TypeError(f"the name of a parameter is {shown(self.name)}; a text is needed")
        for part in self.tensors:
            if not isinstance(part, np.ndarray):
                raise TypeError(
                    f"{printable(self.name)} has the core or factor {shown(part)}; numpy arrays of "
                    "integers are needed"
                )
        kind = split_name(self.name)[1]
        if kind:
            check_words(self.core, kind, math.prod(self.reshape.shape))
        rank = self.core.shape
        dims, name = self.reshape.dims, printable(self.name)
        if not len(rank) == len(self.factors) == len(dims):
            raise ValueError(f"{name}: core {rank} and {len(self.factors)} factors for {dims}")
        for dim, r, factor in zip(dims, rank, self.factors, strict=True):
            if (dim, r) != ((r, r) if factor is None else factor.shape):
                raise ValueError(f"{name}: core {rank} does not reach dims {dims}")

    @property
    def tensors(self) -> tuple[Symbols, ...]:
        """Core and factors, as stored."""
        return (self.core, *(factor for factor in self.factors if factor is not None))

    @property
    def n_params(self) -> int:
        """Parameters in core and factors."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def has_full_rank(self) -> bool:
        """Whether the core has the dims of the whole tensor: then Tucker saved nothing here."""
        return self.core.shape == self.reshape.dims

    @property
    def scale(self) -> float:
        """What the product of the integers is multiplied by."""
        return scale_of(self.scale_code)

    def to_tucker(self) -> TuckerTensor:
        """The integers in Tucker format, as float64; its tensor times `scale` is the weight's."""
        factors = (None if part is None else part.astype(np.float64) for part in self.factors)
        return TuckerTensor(self.core.astype(np.float64), tuple(factors))

    @property
    def dense_name(self) -> str:
        """The name of what it stands for: its own, without a dtype behind it."""
        return split_name(self.name)[0]

    def to_dense(self) -> npt.NDArray[Any]:
        """Rebuild the parameter in its own shape: float32, or in the dtype in which bytes were stored.

        The product of small integers is computed in float64, where it is exact as long as no sum
        reaches 2^53, in whatever order it is added up: every machine gets the same numbers.
        """
        kind = split_name(self.name)[1]
        if kind:
            values = from_words(self.core, kind)
            values = values.astype(np.float32) if kind == "float16" else values
            return (values * self.scale if self.scale_code else values).reshape(self.reshape.shape)
        tensor = tucker_to_tensor(self.to_tucker()) * self.scale
        return np.ascontiguousarray(self.reshape.undo(tensor), np.float32)


@dataclass(frozen=True, eq=False)
class CompressedNetwork:
    """All coded parameters of a network and the name of its architecture.

    Attributes
    ----------
    architecture : a name in `ARCHITECTURES`, or any other name
    parameters : the coded parameters in order; those that a known architecture has beside them are 0
    n_bytes : size of the file that it was read from or written to; None before
    """

    architecture: str
    parameters: tuple[CodedParameter, ...]
    n_bytes: int | None = field(default=None)

    @property
    def tensors(self) -> tuple[Symbols, ...]:
        """The stored tensors, each once, in order of first use."""
        unique = {id(tensor): tensor for p in self.parameters for tensor in p.tensors}
        return tuple(unique.values())

    @property
    def n_params(self) -> int:
        """Parameters stored; what is shared counts once."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def dense_bytes(self) -> int:
        """Bytes of the dense network: 4 per weight and bias, zero ones included."""
        shapes = {p.name: p.reshape.shape for p in self.parameters}
        shapes |= ARCHITECTURES.get(self.architecture, {})
        return BYTES_PER_FLOAT32 * sum(math.prod(shape) for shape in shapes.values())

    def to_dense(self) -> dict[str, npt.NDArray[Any]]:
        """Rebuild every parameter: name -> array of its own shape, float32 unless stored otherwise."""
        dense: dict[str, npt.NDArray[Any]] = {
            name: np.zeros(shape, np.float32)
            for name, shape in ARCHITECTURES.get(self.architecture, {}).items()
        }
        return dense | {p.dense_name: p.to_dense() for p in self.parameters}

    def table(self, bits: Mapping[str, float] | None = None) -> str:
        """Format the layers as a text table; with `bits` (name -> bits coded) also their bytes.

        "Tucker" says how many times fewer parameters are stored than in the dense tensor, "rounding" how
        many times fewer bits each of them takes than a float32.
        """
        head = ["parameter", "shape", "dims", "core", "parameters", "Tucker"]
        coded = [] if bits is None else ["bits each", "rounding", "bytes"]
        rows = [
            (*_stored_cells(p), *([] if bits is None else _coded_cells(p, bits)))
            for p in self.parameters
        ]
        return format_table([(*head, *coded), *rows])


def _stored_cells(p: CodedParameter) -> tuple[str, ...]:
    shapes = (p.reshape.shape, p.reshape.dims, p.core.shape)
    fewer = "dense" if p.has_full_rank else f"{math.prod(p.reshape.shape) / p.n_params:,.1f}x"
    return (printable(p.name), *("x".join(map(str, s)) for s in shapes), f"{p.n_params:,}", fewer)


def _coded_cells(p: CodedParameter, bits: Mapping[str, float]) -> tuple[str, ...]:
    spent = bits[p.name]
    each = spent / p.n_params
    fewer = f"{8 * BYTES_PER_FLOAT32 / each:,.1f}x" if each else "-"
    return f"{each:.2f}", fewer, f"{spent / 8:,.0f}"

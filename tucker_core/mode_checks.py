"""Which matrices and vectors fit which modes of a tensor."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tucker_core.checks import FloatArray, check_mode, check_sequence


def check_matrix(
    matrix: FloatArray,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    mode: int,
    transpose: bool = False,
) -> FloatArray:
    """Return a factor (J, I_mode) of an n-mode product if it fits the tensor, a vector as its one row.

    Raises
    ------
    TypeError
        If it has another dtype than the tensor.
    ValueError
        If it is neither a matrix nor a vector, or its length is not that of the mode.

    Examples
    --------
    >>> check_matrix(np.ones(3), (2, 3), np.dtype(float), 1).shape
    (1, 3)
    """
    if matrix.ndim > 2:
        raise ValueError(
            f"matrix has shape {matrix.shape}; an n-mode product needs a matrix (J, I_n) or a vector "
            "(I_n,)"
        )
    if matrix.dtype != dtype:
        raise TypeError(
            f"tensor is {dtype} and matrix is {matrix.dtype}; convert one of them: nothing is "
            "converted silently"
        )
    is_vector = matrix.ndim == 1
    factor = matrix[None] if is_vector else matrix.T if transpose else matrix
    if factor.shape[1] != shape[mode]:
        counted = "entries" if is_vector else "rows" if transpose else "columns"
        raise ValueError(
            f"{'vector' if is_vector else 'matrix'} has {factor.shape[1]} {counted}; mode {mode} of "
            f"shape {shape} needs {shape[mode]}{'' if is_vector else ' (is the matrix transposed?)'}"
        )
    return factor


def check_modes(modes: Sequence[int] | None, order: int, count: int) -> list[int]:
    """Return one mode for each of so many matrices, all of them by default, or say why not.

    Raises
    ------
    TypeError
        If a mode is no integer.
    ValueError
        If one is no mode of that order, comes twice, or there is not one for each matrix.

    Examples
    --------
    >>> check_modes(None, 3, 3)
    [0, 1, 2]
    """
    if modes is None:
        wanted = list(range(order))
    else:
        wanted = [
            check_mode(m, order) for m in check_sequence(modes, "modes", "one mode per matrix")
        ]
    if count != len(wanted):
        raise ValueError(f"{count} matrices for {len(wanted)} modes {wanted}; give one per mode")
    if len(set(wanted)) != len(wanted):
        raise ValueError(f"modes {wanted} name a mode twice; multiply the two matrices first")
    return wanted

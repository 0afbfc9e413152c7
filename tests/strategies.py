"""Hypothesis strategies: whole tensors in every layout that a user may hand over."""

import numpy as np
from hypothesis import strategies as st

from tucker_core.checks import FloatArray

dtypes = st.sampled_from([np.float32, np.float64])


@st.composite
def tensors(
    draw: st.DrawFn, max_order: int = 6, max_dim: int = 7, min_order: int = 1
) -> FloatArray:
    """Draw a standard normal tensor, C or Fortran order, or with permuted strides, or a strided view."""
    shape = draw(st.lists(st.integers(1, max_dim), min_size=min_order, max_size=max_order))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tensor = rng.standard_normal(shape).astype(draw(dtypes))
    layout = draw(st.sampled_from(["C", "F", "permuted", "strided"]))
    if layout == "F":
        return np.asfortranarray(tensor)
    if layout == "permuted":
        order = draw(st.permutations(range(len(shape))))
        return np.ascontiguousarray(tensor.transpose(order)).transpose(np.argsort(order))
    if layout == "strided":
        view = np.zeros((*shape[:-1], 2 * shape[-1]), tensor.dtype)[..., ::2]
        view[...] = tensor
        return view
    return tensor


def tolerance(tensor: FloatArray, terms: int) -> float:
    """Absolute error allowed to a sum of so many products of standard normal numbers."""
    return float(50 * np.finfo(tensor.dtype).eps * max(terms, 1))

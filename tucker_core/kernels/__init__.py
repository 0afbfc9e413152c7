"""The engine room: compiled counterparts of the plain numpy formulas, for tensors where those are slow.

Nothing here is needed to understand the method; a student may skip the room. BLAS is built for large
square matrices and leaves half to four fifths of the processor idle on the thin ones that a small
multilinear rank makes. These kernels are built for the thin ones.

- `simd`: tiles of vector instructions, C = A B and C += A B^T on a few rows and columns
- `matmul`: whole matrix products cut into such tiles
- `product`: Tucker product, its gradient and the n-mode product as chains of matrix products
- `gram`: the Gram matrix of an unfolding, by tiles or by BLAS; `gram_tiles`: its compiled half
- `rate_term`: bits that integers will take and their gradient, in one pass over many tensors
- `search`: factorizations, core shapes and budgets, found by walking trees of integers

The tiles work on raw addresses. So the functions that take arrays (`product`, `gram_tiles`) compare
every shape with what they are about to read and write before the first address is taken. Each has
its readable reference in plain numpy, and one test over both; where numba cannot run
(`NUMBA_DISABLE_JIT=1`) the reference does the work.
"""

from functools import cache


@cache
def can_compile() -> bool:
    """Whether numba may compile here; asking loads numba, which importing tucker_core does not.

    Examples
    --------
    >>> can_compile() in (True, False)
    True
    """
    import numba

    return not numba.config.DISABLE_JIT

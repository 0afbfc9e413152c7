"""Wrong answers to assignment 1, and right ones in another style."""

import math
from typing import Any

import numpy as np

import tucker_core
from tests.course_kit.grading.assignment_runs import Planted, Wrong

Array = Any  # students write no types


def unfold_fortran(tensor: Array, mode: int) -> Array:
    return np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1, order="F")


def unfold_swapped(tensor: Array, mode: int) -> Array:
    return np.swapaxes(tensor, 0, mode).reshape(tensor.shape[mode], -1)


def fold_swapped(matrix: Array, mode: int, shape: tuple[int, ...]) -> Array:
    moved = list(shape)
    moved[0], moved[mode] = moved[mode], moved[0]
    return np.swapaxes(matrix.reshape(moved), 0, mode)


def unfold_unmoved(tensor: Array, mode: int) -> Array:
    return tensor.reshape(tensor.shape[mode], -1)


def unfold_one_too_far(tensor: Array, mode: int) -> Array:
    return unfold_loops(tensor, min(mode + 1, tensor.ndim - 1))


def unfold_transposed(tensor: Array, mode: int) -> Array:
    return unfold_loops(tensor, mode).T


def unfold_order_three_only(tensor: Array, mode: int) -> Array:
    first, second = (n for n in range(3) if n != mode)
    return tensor.transpose(mode, first, second).reshape(tensor.shape[mode], -1)


def unfold_by_the_library(tensor: Array, mode: int) -> Array:
    return tucker_core.unfold(tensor, mode)


def unfold_loops(tensor: Array, mode: int) -> Array:
    return np.stack([np.take(tensor, i, axis=mode).ravel() for i in range(tensor.shape[mode])])


def unfold_einsum(tensor: Array, mode: int) -> Array:
    letters = "abcdefgh"[: tensor.ndim]
    front = letters[mode] + letters.replace(letters[mode], "")
    return np.einsum(f"{letters}->{front}", tensor).reshape(tensor.shape[mode], -1)


def fold_fortran(matrix: Array, mode: int, shape: tuple[int, ...]) -> Array:
    moved = (shape[mode], *shape[:mode], *shape[mode + 1 :])
    return np.moveaxis(matrix.reshape(moved, order="F"), 0, mode)


def fold_unmoved(matrix: Array, mode: int, shape: tuple[int, ...]) -> Array:
    return matrix.reshape(shape)


def fold_left_in_front(matrix: Array, mode: int, shape: tuple[int, ...]) -> Array:
    return matrix.reshape(shape[mode], *shape[:mode], *shape[mode + 1 :])


def fold_loops(matrix: Array, mode: int, shape: tuple[int, ...]) -> list[Any]:
    tensor = np.zeros(shape)
    for index in np.ndindex(*shape):
        tensor[index] = matrix[index[mode], column_ravel(index, mode, shape)]
    return tensor.tolist()  # type: ignore[no-any-return]


def fold_transpose(matrix: Array, mode: int, shape: tuple[int, ...]) -> Array:
    order = [mode, *(n for n in range(len(shape)) if n != mode)]
    return matrix.reshape([shape[n] for n in order]).transpose(np.argsort(order))


def column_fortran(index: tuple[int, ...], mode: int, shape: tuple[int, ...]) -> int:
    rest, others = index[:mode] + index[mode + 1 :], shape[:mode] + shape[mode + 1 :]
    return int(np.ravel_multi_index(rest, others, order="F"))


def column_from_one(index: tuple[int, ...], mode: int, shape: tuple[int, ...]) -> int:
    return column_ravel(index, mode, shape) + 1


def column_with_the_mode(index: tuple[int, ...], mode: int, shape: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(index, shape))


def column_ravel(index: tuple[int, ...], mode: int, shape: tuple[int, ...]) -> int:
    rest, others = index[:mode] + index[mode + 1 :], shape[:mode] + shape[mode + 1 :]
    return int(np.ravel_multi_index(rest, others)) if others else 0


def column_strides(index: tuple[int, ...], mode: int, shape: tuple[int, ...]) -> float:
    behind = [
        math.prod(d for k, d in enumerate(shape) if k > n and k != mode) for n in range(len(shape))
    ]
    return float(
        sum(i * step for n, (i, step) in enumerate(zip(index, behind, strict=True)) if n != mode)
    )


def product_transposed(tensor: Array, matrix: Array, mode: int) -> Array:
    return product_einsum(tensor, matrix.T, mode)


def product_mode_last(tensor: Array, matrix: Array, mode: int) -> Array:
    return np.tensordot(tensor, matrix, (mode, 1))


def product_from_one(tensor: Array, matrix: Array, mode: int) -> Array:
    return product_einsum(tensor, matrix, mode - 1 if mode else 0)


def product_mixed_orders(tensor: Array, matrix: Array, mode: int) -> Array:
    shape = (*tensor.shape[:mode], len(matrix), *tensor.shape[mode + 1 :])
    return fold_transpose(matrix @ unfold_fortran(tensor, mode), mode, shape)


def product_by_the_library(tensor: Array, matrix: Array, mode: int) -> Array:
    return tucker_core.mode_dot(tensor, matrix, mode)


def product_loops(tensor: Array, matrix: Array, mode: int) -> Array:
    result = np.zeros((*tensor.shape[:mode], len(matrix), *tensor.shape[mode + 1 :]))
    for i, j in np.ndindex(*matrix.shape):
        place = (slice(None),) * mode
        result[(*place, i)] += matrix[i, j] * tensor[(*place, j)]
    return result


def product_einsum(tensor: Array, matrix: Array, mode: int) -> Array:
    letters = "abcdefgh"[: tensor.ndim]
    return np.einsum(
        f"z{letters[mode]},{letters}->{letters.replace(letters[mode], 'z')}", matrix, tensor
    )


def product_tensordot(tensor: Array, matrix: Array, mode: int) -> Array:
    return np.moveaxis(np.tensordot(matrix, tensor, (1, mode)), 0, mode)


def multi_last_only(tensor: Array, matrices: list[Array]) -> Array:
    for mode, matrix in enumerate(matrices):
        result = product_einsum(tensor, matrix, mode)
    return result


def multi_first_only(tensor: Array, matrices: list[Array]) -> Array:
    return product_einsum(tensor, matrices[0], 0)


def multi_reversed(tensor: Array, matrices: list[Array]) -> Array:
    return multi_backwards(tensor, matrices[::-1])


def multi_backwards(tensor: Array, matrices: list[Array]) -> Array:
    for mode in reversed(range(tensor.ndim)):
        tensor = product_tensordot(tensor, matrices[mode], mode)
    return tensor


def multi_kronecker(tensor: Array, matrices: list[Array]) -> Array:
    big: Array = np.eye(1)
    for matrix in matrices:
        big = np.kron(big, matrix)
    return (big @ tensor.ravel()).reshape([len(matrix) for matrix in matrices])


def gives_nothing(*_: Any) -> None:
    pass


PLANTED = {
    "test-unfold": Planted(
        "my_unfold",
        [
            Wrong(unfold_fortran, "Fortran order"),
            Wrong(unfold_swapped, "the mode changed places with the first"),
            Wrong(unfold_unmoved, "without moving the mode to the front"),
            Wrong(unfold_one_too_far, "modes count from 0: this belongs to mode 1"),
            Wrong(
                unfold_transposed,
                "expected shape (3, 27), got (27, 3). Likely cause: rows and columns",
            ),
            Wrong(unfold_order_three_only, "raised"),
            Wrong(unfold_by_the_library, "tucker_core.unfold is what is to be written"),
            Wrong(tucker_core.unfold, "tucker_core.unfold is what is to be written"),
            Wrong(gives_nothing, "does the function end with return?"),
        ],
        [unfold_loops, unfold_einsum],
    ),
    "test-fold": Planted(
        "my_fold",
        [
            Wrong(fold_fortran, "Fortran order"),
            Wrong(fold_swapped, "the mode changed places with the first"),
            Wrong(fold_unmoved, "without moving the mode back"),
            Wrong(fold_left_in_front, "got"),
        ],
        [fold_loops, fold_transpose],
    ),
    "test-column": Planted(
        "my_column",
        [
            Wrong(column_fortran, "Fortran order"),
            Wrong(column_from_one, "columns count from 0"),
            Wrong(column_with_the_mode, "the mode was counted too"),
        ],
        [column_ravel, column_strides],
    ),
    "test-mode-dot": Planted(
        "my_mode_dot",
        [
            Wrong(product_transposed, "transposed factor"),
            Wrong(product_mode_last, "left at the end, where tensordot puts it"),
            Wrong(product_from_one, "modes count from 0: this belongs to mode 0"),
            Wrong(product_mixed_orders, "unfolded in Fortran order, folded in C order"),
            Wrong(product_by_the_library, "tucker_core.mode_dot is what is to be written"),
        ],
        [product_loops, product_einsum, product_tensordot],
    ),
    "test-multi": Planted(
        "my_multi_mode_dot",
        [
            Wrong(multi_last_only, "only the last product was kept"),
            Wrong(multi_first_only, "the loop ends after its first mode"),
            Wrong(multi_reversed, "meet the modes in reverse"),
        ],
        [multi_backwards, multi_kronecker],
    ),
}

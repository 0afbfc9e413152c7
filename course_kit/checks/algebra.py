"""Checks of assignment 1: unfolding, folding and n-mode products."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import tucker_core
from course_kit.checks.variants import Tensor, Variant, draw_shape
from course_kit.checks.verdict import (
    Suspects,
    call,
    same_answers,
    same_array,
    same_number,
)

FROM_ZERO = "modes count from 0: this belongs to mode {}"
SWAPPED = "the mode changed places with the first (swapaxes); the others must keep their order"
FORTRAN = "Fortran order: of the other modes the last must run fastest (C order)"


def unfold(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_unfold(tensor, mode)`; with `hard` also orders 1 to 5, dims of 1, Fortran memory.

    Raises
    ------
    CheckFailed
        At the first wrong entry, with the likely cause.
    """
    for tensor, mode in _cases(me, "unfold", hard):
        what, got = call(function, tensor, mode, without=("unfold",))
        same_array(what, got, tucker_core.unfold(tensor, mode), _unfold_mistakes(tensor, mode))


def _unfold_mistakes(tensor: Tensor, mode: int) -> Suspects:
    front = np.moveaxis(tensor, mode, 0)
    return [
        (SWAPPED, lambda: np.swapaxes(tensor, 0, mode).reshape(len(front), -1)),
        (FORTRAN, lambda: front.reshape(len(front), -1, order="F")),
        ("reshaped without moving the mode to the front", lambda: tensor.reshape(len(front), -1)),
        ("rows and columns are swapped", lambda: tucker_core.unfold(tensor, mode).T),
        *_neighbours(mode, lambda other: tucker_core.unfold(tensor, other)),
    ]


def fold(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_fold(matrix, mode, shape)`, the way back.

    Raises
    ------
    CheckFailed
        At the first wrong entry, with the likely cause.
    """
    for tensor, mode in _cases(me, "fold", hard):
        matrix = np.array(tucker_core.unfold(tensor, mode), np.float64)
        what, got = call(function, matrix, mode, tensor.shape, without=("fold",))
        same_array(what, got, tensor, _fold_mistakes(matrix, mode, tensor.shape))


def _fold_mistakes(matrix: Tensor, mode: int, shape: tuple[int, ...]) -> Suspects:
    moved = (shape[mode], *shape[:mode], *shape[mode + 1 :])
    swapped = (shape[mode], *shape[1:mode], *shape[: min(mode, 1)], *shape[mode + 1 :])
    return [
        (SWAPPED, lambda: np.swapaxes(matrix.reshape(swapped), 0, mode)),
        (FORTRAN, lambda: np.moveaxis(matrix.reshape(moved, order="F"), 0, mode)),
        ("reshaped without moving the mode back to its place", lambda: matrix.reshape(shape)),
        ("the mode was left in front", lambda: matrix.reshape(moved)),
        *_neighbours(mode, lambda other: tucker_core.fold(matrix, other, shape)),
    ]


def column_of(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_column(index, mode, shape)`: where the unfolding puts an entry of the tensor.

    Raises
    ------
    CheckFailed
        At the first wrong index, with the likely cause.
    """
    for shape, mode in _shapes(me, "column", hard):
        others = shape[:mode] + shape[mode + 1 :]
        places = np.arange(math.prod(others), dtype=np.float64)
        columns = tucker_core.fold(np.tile(places, (shape[mode], 1)), mode, shape)
        for index in np.ndindex(*shape):
            what, got = call(function, index, mode, shape, without=("unfold",))
            rest = index[:mode] + index[mode + 1 :]
            mistakes: Suspects = [
                (FORTRAN, np.ravel_multi_index(rest, others, order="F")),
                ("columns count from 0, not from 1", columns[index] + 1),
                ("the mode was counted too; it is the row", np.ravel_multi_index(index, shape)),
            ]
            same_number(what, got, float(columns[index]), mistakes)


def mode_dot(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_mode_dot(tensor, matrix, mode)`, the n-mode product.

    Raises
    ------
    CheckFailed
        At the first wrong entry, with the likely cause.
    """
    rng = me.rng(f"mode_dot matrices {hard}", anew=hard)
    for tensor, mode in _cases(me, "mode_dot", hard):
        rows = 3 if len(set(tensor.shape)) == 1 else int(rng.integers(1, 8))
        matrix = rng.standard_normal((rows, tensor.shape[mode]))
        what, got = call(
            function,
            tensor,
            matrix,
            mode,
            without=("mode_dot", "multi_mode_dot", "tucker_to_tensor"),
        )
        expected = tucker_core.mode_dot(tensor, matrix, mode)
        same_array(what, got, expected, _product_mistakes(tensor, matrix, mode))


def _product_mistakes(tensor: Tensor, matrix: Tensor, mode: int) -> Suspects:
    product = tucker_core.mode_dot
    last = np.tensordot(tensor, matrix, (mode, 1)) if matrix.shape[1] else tensor
    in_fortran = np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1, order="F")
    right = tucker_core.mode_dot(tensor, matrix, mode)
    return [
        ("transposed factor: the matrix is (J, I), its columns meet the mode", lambda: product(
            tensor, np.ascontiguousarray(matrix.T), mode)),
        ("the new mode was left at the end, where tensordot puts it", lambda: last),
        ("the new mode was left in front", lambda: np.moveaxis(last, -1, 0)),
        (
            "unfolded in Fortran order, folded in C order",
            lambda: tucker_core.fold(matrix @ in_fortran, mode, right.shape),
        ),
        *_neighbours(mode, lambda other: product(tensor, matrix, other)),
    ]  # fmt: skip


def multi_mode_dot(function: Callable[..., Any], me: Variant, *, hard: bool = False) -> None:
    """Check `my_multi_mode_dot(tensor, matrices)`: one matrix in every mode.

    Raises
    ------
    CheckFailed
        At the first wrong entry, with the likely cause.
    """
    rng = me.rng(f"multi_mode_dot matrices {hard}", anew=hard)
    for tensor, mode in _cases(me, "multi_mode_dot", hard):
        if mode:
            continue  # one case a tensor
        cube = len(set(tensor.shape)) == 1
        matrices = [
            rng.standard_normal((dim if cube else int(rng.integers(1, 6)), dim))
            for dim in tensor.shape
        ]
        what, got = call(
            function, tensor, matrices, without=("multi_mode_dot", "mode_dot", "tucker_to_tensor")
        )
        expected = tucker_core.multi_mode_dot(tensor, matrices)
        same_array(what, got, expected, _chain_mistakes(tensor, matrices))


def _chain_mistakes(tensor: Tensor, matrices: list[Tensor]) -> Suspects:
    turned = [np.ascontiguousarray(matrix.T) for matrix in matrices]
    last = tensor.ndim - 1
    return [
        ("transposed factors", lambda: tucker_core.multi_mode_dot(tensor, turned)),
        ("the matrices meet the modes in reverse", lambda: tucker_core.multi_mode_dot(
            tensor, matrices[::-1])),
        ("only the last product was kept: go on with the result of the one before",
            lambda: tucker_core.mode_dot(tensor, matrices[last], last)),
        ("the loop ends after its first mode", lambda: tucker_core.mode_dot(
            tensor, matrices[0], 0)),
        ("the last mode was left out", lambda: tucker_core.multi_mode_dot(
            tensor, matrices[:-1], modes=range(last))),
    ]  # fmt: skip


class ProductQuestion(NamedTuple):
    """A student's own numbers in problem 6 of assignment 1."""

    shape: tuple[int, ...]
    mode: int
    rows: int
    entry: tuple[int, ...]


def product_question(me: Variant) -> ProductQuestion:
    """Draw the shape, mode, matrix rows and entry that a student is asked about.

    Examples
    --------
    >>> from course_kit.checks.variants import variant
    >>> len(product_question(variant("anna", 0)).shape)
    4
    """
    rng = me.rng("a1 question")
    shape = draw_shape(rng, 4, 4, 12)
    # Indices of 0 would let a wrong formula pass.
    entry = tuple(int(rng.integers(1, dim)) for dim in shape)
    return ProductQuestion(shape, int(rng.integers(1, 3)), int(rng.integers(2, 9)), entry)


def product_numbers(answers: Any, me: Variant) -> None:
    """Check the numbers that a student worked out for their own tensor.

    Raises
    ------
    CheckFailed
        With the name of the first wrong number and how to find it; the number itself is not told.
    """
    shape, mode, rows, entry = product_question(me)
    others = shape[:mode] + shape[mode + 1 :]
    rest = entry[:mode] + entry[mode + 1 :]
    truth = {
        "columns": math.prod(others),
        "column": int(np.ravel_multi_index(rest, others)),
        "entries": rows * math.prod(others),
        "flops": 2 * rows * math.prod(shape),
    }
    hints = {
        "columns": "an unfolding has as many columns as the other modes have entries together",
        "column": "leave the mode out, then count in C order, from 0",
        "entries": "the product has J in place of I_n",
        "flops": "every entry of the product is a sum of I_n products, 2 FLOPs each",
    }
    same_answers(answers, truth, hints)


def _cases(me: Variant, problem: str, hard: bool) -> Iterator[tuple[Tensor, int]]:
    """Every mode of some tensors; a cube first, where a mistake gives a wrong tensor and no error.

    It has order 4: in order 3 the last mode swapped with the first cannot be told from Fortran order.
    """
    rng = me.rng(f"{problem} tensors {hard}", anew=hard)
    shapes: Sequence[tuple[int, ...]] = [(3, 3, 3, 3), draw_shape(rng, 3), draw_shape(rng, 4, 2, 5)]
    if hard:
        shapes = [draw_shape(rng, order) for order in (4, 2, 1, 5, 3)] + [(4, 1, 3), (2, 2, 2, 2)]
    for k, shape in enumerate(shapes):
        tensor = rng.standard_normal(shape)
        for mode in range(len(shape)):
            yield (np.asfortranarray(tensor) if k == 4 else tensor), mode


def _shapes(me: Variant, problem: str, hard: bool) -> Iterator[tuple[tuple[int, ...], int]]:
    for tensor, mode in _cases(me, problem, hard):
        if tensor.size <= 400:  # every entry is asked for
            yield tensor.shape, mode


def _neighbours(mode: int, result: Callable[[int], Any]) -> Suspects:
    """The mistake of counting modes from 1, or one too far."""
    return [(FROM_ZERO.format(k), partial(result, k)) for k in (mode - 1, mode + 1) if k >= 0]

"""Messages of the checks: the call, the first wrong index, both numbers, the likely cause."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tucker_core
from course_kit import checks
from course_kit.checks import CheckFailed
from course_kit.checks.verdict import (
    LibraryWithheld,
    as_array,
    call,
    library_withheld,
    same_answers,
    same_array,
    same_number,
    whole_numbers,
)
from tucker_core import unfold as renamed

TRUTH = np.arange(6.0).reshape(2, 3)
CHECK_SOURCES = [path.read_text() for path in Path(str(checks.__file__)).parent.glob("*.py")]


def test_the_first_wrong_index_and_both_numbers_are_named() -> None:
    got = TRUTH.copy()
    got[1, 1:] = -1
    with pytest.raises(CheckFailed) as failed:
        same_array("f(x)", got, TRUTH)
    assert str(failed.value) == "f(x): wrong at index (1, 1): expected 4, got -1 (2 of 6 differ)"


def test_the_cause_that_gives_the_very_result_is_named() -> None:
    def impossible() -> Any:
        raise ValueError("these shapes do not allow it")

    suspects = [("nonsense", impossible), ("half", TRUTH / 2), ("twice", lambda: 2 * TRUTH)]
    with pytest.raises(CheckFailed, match="Likely cause: twice"):
        same_array("f(x)", 2 * TRUTH, TRUTH, suspects)
    with pytest.raises(CheckFailed, match=r"differ\)$"):
        same_array("f(x)", 3 * TRUTH, TRUTH, suspects)
    with pytest.raises(
        CheckFailed, match=r"expected shape \(2, 3\), got \(3, 2\)\. Likely cause: T"
    ):
        same_array("f(x)", TRUTH.T, TRUTH, [("T", TRUTH.T)])


def test_rounding_errors_pass_and_a_wrong_digit_does_not() -> None:
    same_array("f(x)", TRUTH * (1 + 1e-12) + 1e-12, TRUTH)
    with pytest.raises(CheckFailed):
        same_array("f(x)", TRUTH * (1 + 1e-6), TRUTH)
    same_number("f(x)", np.float32(0.5), 0.5)
    with pytest.raises(CheckFailed, match=r"expected 0\.5, got 0\.50001"):
        same_number("f(x)", 0.50001, 0.5)
    with pytest.raises(CheckFailed, match="an array of shape"):
        same_number("f(x)", [0.5], 0.5)


@pytest.mark.parametrize(
    ("got", "says"),
    [
        ("text", "expected numbers, got str"),
        ([[1], [2, 3]], "expected numbers, got list"),
        ({"a": 1}, "expected numbers, got dict"),
        ([1.0, np.nan], "expected finite numbers, got nan"),
        ([1.0, -np.inf], "expected finite numbers, got -inf"),
    ],
)
def test_what_is_no_array_of_numbers_is_named(got: Any, says: str) -> None:
    with pytest.raises(CheckFailed, match=says):
        as_array("f(x)", got)


def test_whole_numbers_may_be_floats_but_not_halves() -> None:
    assert whole_numbers("f", np.array([1.0, 2.0]), 2) == (1, 2)
    for wrong in ([1.5, 2], [1], 3, [[1, 2]]):
        with pytest.raises(CheckFailed, match="expected 2 whole numbers"):
            whole_numbers("f", wrong, 2)


def stub(x: Any) -> Any:
    raise NotImplementedError


def explode(x: Any) -> Any:
    raise KeyError("no such thing")


def disagree(tensor: Any) -> None:
    raise AssertionError


def leave(x: Any) -> Any:
    sys.exit(0)


def scribble(x: Any) -> Any:
    x[0] = 7


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (stub, "stub is not written yet"),
        (explode, r"explode\(array of shape \(2, 3\)\) raised KeyError: 'no such thing'"),
        (leave, "raised SystemExit: 0"),
        (disagree, "raised AssertionError$"),
        (scribble, "raised ValueError: assignment destination is read-only"),
        (lambda x: None, "gave None; does the function end with return"),
    ],
)
def test_a_function_that_gives_nothing_is_told_so(function: Any, says: str) -> None:
    tensor = TRUTH.copy()
    with pytest.raises(CheckFailed, match=says):
        call(function, tensor)
    assert np.array_equal(tensor, TRUTH)


def test_memory_order_reaches_the_student_and_lists_are_copied() -> None:
    fortran, parts = np.asfortranarray(TRUTH), [TRUTH.copy()]
    assert call(lambda x: x.flags.f_contiguous, fortran)[1] is True
    assert call(lambda x: x[0].flags.writeable, parts)[1] is False
    assert parts[0].flags.writeable
    assert call(lambda x, y: 1, parts, (2, 3))[0] == "<lambda>([array of shape (2, 3)], (2, 3))"


def nested(tensor: Any) -> Any:
    return [renamed(tensor, mode) for mode in range(2)]


def helper(tensor: Any) -> Any:
    return getattr(tucker_core, "un" + "fold")(tensor, 0)


def behind_a_helper(tensor: Any) -> Any:
    return helper(tensor)


def swallowing(tensor: Any) -> Any:
    try:
        return tucker_core.unfold(tensor, 0)
    except Exception:
        return np.zeros((2, 3))


@pytest.mark.parametrize(
    "cheat",
    [
        lambda tensor: renamed(tensor, 0),
        nested,
        helper,
        behind_a_helper,
        lambda tensor: tucker_core.unfold(tensor, 0),
        lambda tensor: (tucker_core.unfold(tensor, mode) for mode in range(2)),
    ],
)
def test_the_librarys_own_function_is_no_answer_whatever_way_leads_there(cheat: Any) -> None:
    with pytest.raises(CheckFailed, match=r"tucker_core\.unfold is what is to be written here"):
        call(cheat, TRUTH, without=("unfold",))
    assert tucker_core.unfold(TRUTH, 0).shape == TRUTH.shape  # for the check itself it is back


def test_what_an_answer_must_not_need_is_gone_and_the_rest_of_the_library_is_not() -> None:
    assert call(swallowing, TRUTH, without=("unfold",))[1].max() == 0
    assert call(np.transpose, TRUTH, without=("unfold",))[1].shape == TRUTH.T.shape
    other = call(lambda x: tucker_core.mode_dot(x, np.eye(2), 0), TRUTH, without=("unfold",))
    assert np.array_equal(other[1], TRUTH)


FORBIDDEN = re.findall(
    r'"(\w+)"', " ".join(re.findall(r"without=\(([^)]*)\)", "".join(CHECK_SOURCES)))
)


def test_every_function_that_an_assignment_forbids_can_be_withheld() -> None:
    assert len(set(FORBIDDEN)) >= 10
    for name in set(FORBIDDEN):
        with (
            library_withheld([name]),
            pytest.raises(LibraryWithheld, match=rf"tucker_core\.{name} is what"),
        ):
            getattr(tucker_core, name)(TRUTH, 0)


def test_a_number_beyond_all_floats_is_no_crash() -> None:
    with pytest.raises(CheckFailed, match="expected numbers"):
        same_answers({"a": 10**400}, {"a": 1}, {"a": "count"})


def test_answers_are_judged_one_by_one() -> None:
    truth, hints = {"a": 1, "b": 2.5}, {"a": "count", "b": "measure"}
    same_answers({"a": 1, "b": 2.5, "more": 3}, truth, hints)
    with pytest.raises(CheckFailed, match=r"answers\['b'\] is 2, which is not right: measure"):
        same_answers({"a": 1, "b": 2}, truth, hints)
    with pytest.raises(CheckFailed, match=r"answers\['a'\] is not filled in yet"):
        same_answers({}, truth, hints)

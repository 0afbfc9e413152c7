"""How a check says no: the call that went wrong, the first wrong entry, and the likely cause.

A check calls the student's function on read-only copies and compares what comes back with the truth.
Where it differs, the answers of well-known mistakes are tried: the one that gives the very same result
is named as the likely cause.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType
from typing import Any

import numpy as np
import numpy.typing as npt

import tucker_core

Array = npt.NDArray[np.float64]
Suspects = Sequence[tuple[str, Any]]
"""Well-known mistakes: the cause in words, and what it would give, or a function that gives that."""

RELATIVE = 1e-8  # a few thousand products in float64, whatever the order of the sums


WITHHELD: ContextVar[tuple[str, ...]] = ContextVar("withheld", default=())
"""Names of library functions that the student's function which runs is to rebuild."""


class CheckFailed(AssertionError):
    """An answer is wrong; the message says where and, if it can, why."""


class LibraryWithheld(RuntimeError):
    """A student's function called what it is to rebuild."""


def call(
    function: Callable[..., Any], *arguments: Any, without: Sequence[str] = ()
) -> tuple[str, Any]:
    """Call a student's function on read-only copies; give the call in words and what came back.

    Parameters
    ----------
    function, arguments : what is called
    without : functions of tucker_core that it is to rebuild, and cannot call meanwhile

    Raises
    ------
    CheckFailed
        If the function is not written yet, raises something, or gives nothing back.

    Examples
    --------
    >>> call(len, (5, 6))
    ('len((5, 6))', 2)
    """
    name = getattr(function, "__name__", "your function")
    what = f"{name}({', '.join(map(_in_words, arguments))})"
    try:
        with library_withheld(without):
            result = function(*map(_read_only, arguments))
            if isinstance(result, Iterator):  # a generator runs while it is read
                result = list(result)
    except NotImplementedError as error:
        raise CheckFailed(f"{name} is not written yet") from error
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise CheckFailed(f"{what} raised {said}") from error
    if result is None:
        raise CheckFailed(f"{what} gave None; does the function end with return?")
    return what, result


def same_array(what: str, got: Any, expected: npt.ArrayLike, suspects: Suspects = ()) -> None:
    """Compare an array with the truth, entry by entry.

    Raises
    ------
    CheckFailed
        With both shapes, or with the first wrong index and both numbers; and the likely cause.

    Examples
    --------
    >>> same_array("f(2)", [1.0, 3.0], [1.0, 2.0])
    Traceback (most recent call last):
    course_kit.checks.verdict.CheckFailed: f(2): wrong at index (1,): expected 2, got 3 (1 of 2 differ)
    """
    truth, found = np.asarray(expected, np.float64), as_array(what, got)
    if found.shape != truth.shape:
        fault = f"{what}: expected shape {truth.shape}, got {found.shape}"
        raise CheckFailed(fault + _likely_cause(found, suspects))
    wrong = ~_close(found, truth)
    if wrong.any():
        index = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise CheckFailed(
            f"{what}: wrong at index {index}: expected {truth[index]:.6g}, got {found[index]:.6g} "
            f"({int(wrong.sum())} of {wrong.size} differ){_likely_cause(found, suspects)}"
        )


def same_number(what: str, got: Any, expected: float, suspects: Suspects = ()) -> None:
    """Compare one number with the truth.

    Raises
    ------
    CheckFailed
        With both numbers and the likely cause.

    Examples
    --------
    >>> same_number("f(2)", 3, 4, [("counted from 1", 3)])
    Traceback (most recent call last):
    course_kit.checks.verdict.CheckFailed: f(2): expected 4, got 3. Likely cause: counted from 1
    """
    found = as_array(what, got)
    if found.shape != ():
        raise CheckFailed(f"{what}: expected one number, got an array of shape {found.shape}")
    if not _close(found, np.asarray(float(expected))):
        cause = _likely_cause(found, suspects)
        raise CheckFailed(f"{what}: expected {expected:.8g}, got {float(found):.8g}{cause}")


def same_answers(answers: Any, truth: Mapping[str, float], hints: Mapping[str, str]) -> None:
    """Compare a dict of numbers with the truth; the right numbers are not given away.

    Parameters
    ----------
    answers : the student's, a dict
    truth : name -> number
    hints : name -> how to find it

    Raises
    ------
    CheckFailed
        With the first wrong name and its hint.
    """
    if not isinstance(answers, Mapping):
        raise CheckFailed(f"answers is {type(answers).__name__}; a dict is needed")
    for name, number in truth.items():
        if answers.get(name) is None:
            raise CheckFailed(f"answers[{name!r}] is not filled in yet")
        found = as_array(f"answers[{name!r}]", answers[name])
        if found.shape != () or not _close(found, np.asarray(float(number))):
            raise CheckFailed(
                f"answers[{name!r}] is {answers[name]!r}, which is not right: {hints[name]}"
            )


def as_array(what: str, got: Any) -> Array:
    """What came back as an array of finite float64 numbers.

    Raises
    ------
    CheckFailed
        If it is no such thing.
    """
    try:
        array = np.asarray(got, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckFailed(f"{what}: expected numbers, got {type(got).__name__}: {error}") from error
    if not np.isfinite(array).all():
        raise CheckFailed(f"{what}: expected finite numbers, got {array[~np.isfinite(array)][0]}")
    return array


def whole_numbers(what: str, got: Any, count: int) -> tuple[int, ...]:
    """What came back as so many whole numbers.

    Raises
    ------
    CheckFailed
        If it is anything else.
    """
    numbers = as_array(what, got)
    if numbers.shape != (count,) or (numbers != np.rint(numbers)).any():
        raise CheckFailed(f"{what}: expected {count} whole numbers, got {got!r}")
    return tuple(int(number) for number in numbers)


@contextmanager
def library_withheld(names: Sequence[str]) -> Iterator[None]:
    """Take functions of the library away while a student's function runs that is to rebuild them.

    Whatever way leads there, through an alias, a helper or another function of the library, ends in an
    error that says why. In this process only; a grader that calls the function elsewhere reads
    `WITHHELD`, and does the same there.

    Parameters
    ----------
    names : of tucker_core

    Examples
    --------
    >>> with library_withheld(["fold"]):
    ...     tucker_core.fold(np.ones((2, 3)), 0, (2, 3))
    Traceback (most recent call last):
    course_kit.checks.verdict.LibraryWithheld: tucker_core.fold is what is to be written here
    """
    functions = [inspect.unwrap(getattr(tucker_core, name)) for name in names]
    kept = [(function.__code__, function.__kwdefaults__) for function in functions]
    token = WITHHELD.set(tuple(names))
    try:
        for name, function in zip(names, functions, strict=True):
            function.__code__ = _refusing(name)
        yield
    finally:
        for function, (code, defaults) in zip(functions, kept, strict=True):
            function.__code__, function.__kwdefaults__ = code, defaults
        WITHHELD.reset(token)


def _refusing(name: str) -> CodeType:
    def refuse(*_: Any, **__: Any) -> None:
        from course_kit.checks.verdict import LibraryWithheld

        raise LibraryWithheld("tucker_core.NAME is what is to be written here")

    constants = tuple(
        text.replace("NAME", name) if isinstance(text, str) else text
        for text in refuse.__code__.co_consts
    )
    return refuse.__code__.replace(co_consts=constants)


def _close(found: Array, truth: Array) -> npt.NDArray[np.bool_]:
    scale = float(np.abs(truth).max(initial=0.0))
    return np.isclose(found, truth, rtol=RELATIVE, atol=RELATIVE * scale)


def _likely_cause(found: Array, suspects: Suspects) -> str:
    for cause, mistake in suspects:
        try:
            guess = np.asarray(mistake() if callable(mistake) else mistake, np.float64)
        except (IndexError, ValueError):  # a mistake that these shapes do not allow
            continue
        if guess.shape == found.shape and _close(found, guess).all():
            return f". Likely cause: {cause}"
    return ""


def _read_only(value: Any) -> Any:
    """A copy that the student's function cannot change, so that every call gets the same."""
    if isinstance(value, np.ndarray):
        copy = value.copy(order="K")
        copy.setflags(write=False)
        return copy
    return [_read_only(part) for part in value] if isinstance(value, list) else value


def _in_words(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}"
    if isinstance(value, list):
        return f"[{', '.join(map(_in_words, value))}]"
    return repr(value)

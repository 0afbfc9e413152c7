"""TensorLy's own tests of Tucker and its algebra, imported and run on `tucker_core`.

In the namespace of each of their test files the functions under test are replaced by those of
`adapter`; nothing of theirs is copied. That the tests then depend on ours is shown twice: every test
that runs fails for some broken function, and every function of the adapter, once broken, is noticed.
"""

import importlib
import importlib.resources
import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.peers import adapter
from tests.peers.expected import DIFFERS, ELSEWHERE, FILES, RUNS

Function = Callable[..., Any]

ADAPTED: dict[str, Function] = {
    "unfold": adapter.unfold,
    "fold": adapter.fold,
    "mode_dot": adapter.mode_dot,
    "multi_mode_dot": adapter.multi_mode_dot,
    "tucker_to_tensor": adapter.tucker_to_tensor,
    "tucker_to_unfolded": adapter.tucker_to_unfolded,
    "tucker_to_vec": adapter.tucker_to_vec,
    "tucker_mode_dot": adapter.tucker_mode_dot,
    "_validate_tucker_tensor": adapter.validate_tucker_tensor,
    "_tucker_n_param": adapter.tucker_n_param,
    "random_tucker": adapter.random_tucker,
    "tucker": adapter.tucker,
    "partial_tucker": adapter.partial_tucker,
}
# It replaces a function in TensorLy itself, to test a class that hands arguments on.
OF_THEIR_CLASS = "assert_class_wrapper_correctly_passes_arguments"


def their_tests(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if name.startswith("test_") and inspect.isfunction(value)
    ]


def found() -> Iterator[str]:
    for short, name in FILES.items():
        yield from (f"{short}::{test}" for test in their_tests(importlib.import_module(name)))


def run(test: str, functions: Mapping[str, Function]) -> None:
    """Run one of their tests with these functions in the place of TensorLy's."""
    short, name = test.split("::")
    module = importlib.import_module(FILES[short])
    function = getattr(module, name)
    before = np.random.get_state()  # noqa: NPY002  # their tests draw from the global generator
    with pytest.MonkeyPatch.context() as patch:
        for replaced, by in functions.items():
            if hasattr(module, replaced):
                patch.setattr(module, replaced, by)
        patch.setattr(module, OF_THEIR_CLASS, lambda *_, **__: None, raising=False)
        np.random.seed(0)  # noqa: NPY002
        try:
            function(*[patch] * len(inspect.signature(function).parameters))
        finally:
            np.random.set_state(before)  # noqa: NPY002


def spoilt(result: Any) -> Any:
    """A result of the same type and shape with every number one too large."""
    if isinstance(result, tuple | list):
        return type(result)(spoilt(part) for part in result)
    return result + 1


def broken(name: str) -> dict[str, Function]:
    right = ADAPTED[name]
    return {**ADAPTED, name: lambda *given, **named: spoilt(right(*given, **named))}


def fails(test: str, functions: Mapping[str, Function]) -> bool:
    try:
        run(test, functions)
    except AssertionError:
        return True
    return False


def test_every_test_of_their_files_either_runs_or_has_a_reason() -> None:
    assert sorted([*RUNS, *DIFFERS]) == sorted(found())


def test_every_other_file_of_theirs_has_a_reason() -> None:
    root = importlib.resources.files("tensorly")
    assert isinstance(root, Path)
    names = [path.relative_to(root.parent).with_suffix("") for path in root.rglob("test_*.py")]
    others = {".".join(name.parts) for name in names} - set(FILES.values())
    assert others
    assert [name for name in others if not any(name.startswith(k) for k in ELSEWHERE)] == []
    assert [k for k in ELSEWHERE if not any(name.startswith(k) for name in others)] == []


@pytest.mark.parametrize("test", sorted(RUNS))
def test_theirs_passes_on_ours(test: str) -> None:
    run(test, ADAPTED)


@pytest.mark.parametrize("test", sorted(RUNS))
def test_theirs_fails_where_something_of_ours_is_broken(test: str) -> None:
    assert any(fails(test, broken(name)) for name in ADAPTED)


@pytest.mark.parametrize("name", ADAPTED)
def test_a_broken_function_is_noticed(name: str) -> None:
    assert any(fails(test, broken(name)) for test in sorted(RUNS))


def test_a_column_order_from_fortran_is_noticed() -> None:
    def fortran(tensor: Any, mode: int) -> Any:
        return adapter.floats(np.moveaxis(tensor, mode, 0)).reshape(
            np.shape(tensor)[mode], -1, order="F"
        )

    assert fails("core::test_unfold", {**ADAPTED, "unfold": fortran})

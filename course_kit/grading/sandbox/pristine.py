"""Modules as they were before a student's code ran, put back before each of the instructor's cells.

A student who replaces a check, a builtin or a function of numpy gains nothing by it. Python cannot
keep code in the same process from reaching anything at all: this raises the price, no more.
"""

import builtins
import os
import sys
import threading
from contextlib import suppress
from types import FunctionType, ModuleType
from typing import Any

GUARDED = (
    "builtins",
    "course_kit",
    "tucker_core",
    "torch_bridge",
    "numpy",
    "math",
    "hashlib",
    "os",
)
DISPATCHER = "_ArrayFunctionDispatcher"
OWN = ("course_kit.", "tucker_core.", "torch_bridge.")


class Pristine:
    """What guarded modules hold: names, the code of functions, the attributes of classes."""

    def __init__(self) -> None:
        self.modules = {
            name: module
            for name, module in list(sys.modules.items())
            if name.split(".")[0] in GUARDED and isinstance(module, ModuleType)
        }
        self.names = {name: dict(vars(module)) for name, module in self.modules.items()}
        self.functions = {
            function: (function.__code__, function.__defaults__, function.__kwdefaults__)
            for function in self._functions()
        }
        self.classes = {kind: dict(vars(kind)) for kind in self._classes()}
        self.environment = dict(os.environ)
        self.finders = (list(sys.meta_path), list(sys.path), list(sys.path_hooks))

    def _functions(self) -> set[FunctionType]:
        """All functions, those that numpy wraps in its dispatchers too."""
        found = [value for names in self.names.values() for value in names.values()]
        found += [v._implementation for v in found if type(v).__name__ == DISPATCHER]
        return {value for value in found if isinstance(value, FunctionType)}

    def _classes(self) -> set[type]:
        """The classes of this project."""
        found = (value for names in self.names.values() for value in names.values())
        return {v for v in found if isinstance(v, type) and v.__module__.startswith(OWN)}

    def restore(self) -> None:
        """Put everything back as it was; modules imported since then stay."""
        sys.settrace(None)
        sys.setprofile(None)
        threading.settrace(None)
        sys.meta_path[:], sys.path[:], sys.path_hooks[:] = self.finders
        sys.modules.update(self.modules)
        for name, module in self.modules.items():
            _put_back(vars(module), self.names[name])
        for function, (code, defaults, keywords) in self.functions.items():
            if function.__code__ is not code:
                function.__code__ = code
            function.__defaults__, function.__kwdefaults__ = defaults, keywords
        for kind, attributes in self.classes.items():
            _restore_class(kind, attributes)
        os.environ.clear()
        os.environ.update(self.environment)


def _put_back(names: dict[str, Any], before: dict[str, Any]) -> None:
    """Restore a module's names; what was added goes, because it may hide a builtin."""
    for name in [n for n in names if n not in before]:
        if not isinstance(names[name], ModuleType):  # a submodule imported later
            del names[name]
    names.update(before)


def _restore_class(kind: type, before: dict[str, Any]) -> None:
    now = dict(vars(kind))
    # A few of Python's own attributes come and go, and cannot be set.
    for name in now.keys() - before.keys():
        with suppress(AttributeError, TypeError):
            delattr(kind, name)
    for name, value in before.items():
        if now.get(name) is not value:
            with suppress(AttributeError, TypeError):
                setattr(kind, name, value)


def shadowed() -> frozenset[str]:
    """Names of builtins, which a test must not find replaced by a student's own."""
    return frozenset(vars(builtins))

"""What users of the libraries and of the command hold on to: names with signatures, and options.

python -m tests.frozen.surface      write both lists anew; look at the difference before committing
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch_bridge
from ada_tucker.cli.parser import parser

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
NAMES, OPTIONS = FOLDER / "names.txt", FOLDER / "options.json"
# Where a class is defined is nobody's business; where a folder lies differs from clone to clone.
UNSEEN = re.compile(
    rf"\b(?:[a-z_]\w*\.)+(?=[A-Za-z_])|(?:Posix|Windows)Path|{re.escape(str(ROOT))}"
)


def names() -> str:
    """One line for each public name of torch_bridge, and for each that a notebook imports."""
    known = {("torch_bridge", name) for name in torch_bridge.__all__} | set(used_in_notebooks())
    return "".join(f"{module}: {described(module, name)}\n" for module, name in sorted(known))


def used_in_notebooks() -> Iterator[tuple[str, str]]:
    """Modules and names that notebooks and assignments import from the two libraries."""
    for path in sorted(ROOT.glob("notebooks/**/src/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = str(node.module) if isinstance(node, ast.ImportFrom) else ""
            if module.split(".")[0] in ("torch_bridge", "course_kit"):
                assert isinstance(node, ast.ImportFrom)
                yield from ((module, alias.name) for alias in node.names)


def described(module: str, name: str) -> str:
    """A name with its signature, where it can be called."""
    found = getattr(importlib.import_module(module), name, None)
    if found is None:  # a module of a package, not yet loaded
        found = importlib.import_module(f"{module}.{name}")
    is_error = isinstance(found, type) and issubclass(found, BaseException)
    if not callable(found) or is_error:
        return f"{name}, {'an error' if is_error else type(found).__name__}"
    signature = inspect.signature(found)  # annotations aside: their text is numpy's and torch's
    plain = [part.replace(annotation=part.empty) for part in signature.parameters.values()]
    bare = signature.replace(parameters=plain, return_annotation=signature.empty)
    return UNSEEN.sub("", f"{name}{bare}")


def options() -> dict[str, list[dict[str, Any]]]:
    """Every command with its options; what argparse makes of them differs between Pythons."""
    return dict(sorted(commands(parser(), "ada-tucker")))


def commands(
    command: argparse.ArgumentParser, name: str
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A command's options, and those of the commands below it."""
    own = []
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for leaf, below in action.choices.items():
                yield from commands(below, f"{name} {leaf}")
        elif not isinstance(action, argparse._HelpAction):
            own.append(option(action))
    yield name, sorted(own, key=lambda entry: entry["names"])


def option(action: argparse.Action) -> dict[str, Any]:
    """What a user must know of an option."""
    choices = None if action.choices is None else [str(choice) for choice in action.choices]
    return {
        "names": " ".join(action.option_strings) or action.dest,
        "default": str(action.default),
        "choices": choices,
        "help": action.help,
    }


def written(content: object) -> str:
    """JSON as it lies in the file."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    NAMES.write_text(names(), encoding="utf-8")
    OPTIONS.write_text(written(options()), encoding="utf-8")

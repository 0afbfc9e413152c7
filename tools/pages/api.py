"""Write docs/api.md from the docstrings of tucker_core: `python -m tools.pages.api`.

`--check` writes nothing and fails if the committed page is not what the docstrings say.
"""

import argparse
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import tucker_core

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
# In this order one thing builds on the other; modules that are not named here follow.
READING_ORDER = (
    *("algebra", "tucker_tensor", "product", "decompose", "hooi", "partial", "spectra", "shared"),
    *("factorize", "reshape", "ranks", "core_shapes", "network_plan", "planner", "counting"),
    *("quantize", "network", "fileformat", "records", "architectures"),
)
SECTION = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)


def page() -> str:
    """Build the whole page."""
    rooms: dict[str, list[str]] = {}
    for name in tucker_core.__all__:
        rooms.setdefault(home(name), []).append(name)
    order = [room for room in READING_ORDER if room in rooms]
    order += sorted(set(rooms) - set(order))
    lines = [
        "# tucker_core, name by name",
        "",
        *inspect.cleandoc(tucker_core.__doc__ or "").splitlines(),
    ]
    lines += ["", "Made from the docstrings by `python -m tools.pages.api`; do not edit.", ""]
    lines += [
        f"- **{room}**: " + ", ".join(f"[`{name}`](#{name.lower()})" for name in rooms[room])
        for room in order
    ]
    for room in order:
        about = inspect.getdoc(importlib.import_module(f"tucker_core.{room}")) or ""
        lines += ["", f"## {room}", "", about.split("\n\n")[0]]
        for name in rooms[room]:
            lines += ["", *entry(name, getattr(tucker_core, name), room)]
    return "\n".join(lines) + "\n"


def home(name: str) -> str:
    """Name of the module that defines a public name; for a constant, the first that assigns it."""
    defined_in = getattr(getattr(tucker_core, name), "__module__", "")
    if defined_in.startswith("tucker_core."):
        return defined_in.removeprefix("tucker_core.")
    for module in modules():
        if re.search(rf"^{name}\b.*=", inspect.getsource(module), re.MULTILINE):
            return module.__name__.removeprefix("tucker_core.")
    raise ValueError(f"{name} is public, but no module of tucker_core defines it")


def modules() -> Iterator[ModuleType]:
    """All modules of tucker_core, cellar aside."""
    for info in pkgutil.iter_modules(tucker_core.__path__, "tucker_core."):
        if not info.ispkg:
            yield importlib.import_module(info.name)


def entry(name: str, value: Any, room: str) -> list[str]:
    """Heading, signature and docstring of one name."""
    if not (inspect.isfunction(value) or inspect.isclass(value)):
        return [f"### {name}", "", f"A constant of `tucker_core.{room}`."]
    text = inspect.getdoc(value) or ""
    lines = [
        f"### {name}",
        "",
        "```python",
        f"{name}{signature(value)}",
        "```",
        "",
        *markdown(text),
    ]
    if inspect.isclass(value):
        lines += members(value)
    return lines


def signature(value: Any) -> str:
    """Parameters and defaults, without self and annotations: the text names the types."""
    if inspect.isclass(value) and issubclass(value, Exception):
        return ""
    whole = inspect.signature(value)
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for name, parameter in whole.parameters.items()
        if name != "self"
    ]
    return str(whole.replace(parameters=parameters, return_annotation=whole.empty))


def members(kind: type) -> list[str]:
    """Public methods and properties of a class, one line each."""
    lines = []
    for name, value in vars(kind).items():
        documented = isinstance(value, property) or inspect.isfunction(value)
        if documented and (not name.startswith("_") or name == "__getitem__"):
            call = "" if isinstance(value, property) else signature(value)
            lines.append(f"- `.{name}{call}`: {(inspect.getdoc(value) or '').splitlines()[0]}")
    return ["", "**Methods and properties**", "", *lines] if lines else []


def markdown(text: str) -> list[str]:
    """Turn a numpydoc docstring into Markdown."""
    head, *rest = SECTION.split(text)
    lines = head.rstrip().splitlines()
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        body = body.strip("\n")
        lines += ["", f"**{title}**", ""]
        if title == "Examples":
            lines += ["```python", *body.splitlines(), "```"]
        else:
            lines += items(body)
    return lines


def items(body: str) -> list[str]:
    """`name : text` becomes a list item; an indented line goes on with the one before."""
    lines: list[str] = []
    for line in body.splitlines():
        name, colon, text = line.partition(" : ")
        if line.startswith(" ") and lines:
            lines[-1] += " " + line.strip()
        elif colon:
            lines.append(f"- `{name}`: {text}")
        elif re.fullmatch(
            r"[A-Z]\w+(, [A-Z]\w+)*", line
        ):  # what is raised; when is on the next line
            lines.append(f"- {line}:")
        else:
            lines.append(line)
    return lines


def main() -> int:
    """Write the page, or with --check compare it."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument(
        "--check", action="store_true", help="fail if docs/api.md is not up to date"
    )
    current = page()
    if options.parse_args().check:
        if PAGE.read_text(encoding="utf-8") != current:
            print("docs/api.md is not up to date; run: python -m tools.pages.api", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

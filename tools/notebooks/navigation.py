"""The last cell of every notebook of the course: where to go from here."""

import re
from pathlib import Path
from typing import Any

import nbformat

TITLE = re.compile(r"^# # (.+)$", re.MULTILINE)
NUMBERED = re.compile(r"\d\d")


def add_navigation(notebook: Any, source: Path) -> None:
    """Append links to the neighbours, or from solutions to the notebook that they solve."""
    course = sorted(path for path in source.parent.glob("*.py") if NUMBERED.match(path.name))
    if source not in course or len(course) == 1:  # an assignment, or one that stands alone
        return
    solved = source.parent.parent.name == "solutions"
    back = f"---\n← [back to the notebook](../{source.stem}.ipynb)"
    text = back if solved else navigation(source, course)
    notebook.cells.append(nbformat.v4.new_markdown_cell(text))


def navigation(source: Path, course: list[Path]) -> str:
    """Say in one line what comes before and after, and where map, words and sources are."""
    place = course.index(source)
    links = [
        *(f"← [{title(path)}]({path.stem}.ipynb)" for path in course[:place][-1:]),
        *([f"[map of the course]({course[0].stem}.ipynb)"] if place else []),
        "[glossary](../docs/glossary.md)",
        "[references](../docs/references.md)",
        "[functions](../docs/api.md)",
        *(f"[{title(path)}]({path.stem}.ipynb) →" for path in course[place + 1 :][:1]),
    ]
    return "---\n" + " · ".join(links)


def title(source: Path) -> str:
    """The first heading of a source."""
    found = TITLE.search(source.read_text(encoding="utf-8"))
    return found[1] if found else source.stem

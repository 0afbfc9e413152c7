"""A notebook's source, and what of it an author writes."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import nbformat

from tools.notebooks.navigation import add_navigation
from tools.notebooks.setup_cell import fill_setup_cell

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

Notebook = Any  # nbformat's NotebookNode: a dict with attributes, untyped by its library


class NotebookError(Exception):
    """A notebook that cannot be run, or a name without a source."""


class Pair(NamedTuple):
    """A source and the notebook built from it."""

    source: Path
    built: Path

    @property
    def name(self) -> str:
        """The name both share: NN_name."""
        return self.source.stem


def find_pairs(folder: Path, names: list[str]) -> list[Pair]:
    """List the sources in a folder with their notebooks, or only those named."""
    pairs = [Pair(s, folder / f"{s.stem}.ipynb") for s in sorted((folder / "src").glob("*.py"))]
    known = {pair.name for pair in pairs}
    unknown = sorted(set(names) - known)
    if unknown:
        listing = ", ".join(sorted(known)) or "none"
        raise NotebookError(f"no source for {', '.join(unknown)} in {folder / 'src'}: {listing}")
    return [pair for pair in pairs if not names or pair.name in names]


def read_source(source: Path) -> Notebook:
    """Read a source as a notebook without outputs, with nothing in it that differs by machine."""
    notebook = jupytext.read(source)
    fill_setup_cell(notebook)
    add_navigation(notebook, source)
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # the first format whose cells have ids
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:02d}"  # random ids would change every cell at every build
        for key in [key for key in cell.metadata if key.startswith("lines_to_")]:
            del cell.metadata[key]  # jupytext's own notes on blank lines
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def fingerprint(notebook: Notebook) -> str:
    """SHA-256 over everything in a notebook that an author writes: cells, tags, words for pictures."""
    cells = [
        [c.cell_type, c.source.rstrip(), c.metadata.get("tags", []), c.metadata.get("alt", "")]
        for c in notebook.cells
    ]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()

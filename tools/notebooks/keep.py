"""Outputs that stay as they are when an author has changed nothing but text."""

from typing import Any

import nbformat

from tools.notebooks.folds import fold_answers
from tools.notebooks.pictures import describe
from tools.notebooks.source import Notebook, Pair, fingerprint, read_source


def with_kept_outputs(pair: Pair) -> Notebook | None:
    """The source with the outputs of the notebook that is built, None if these are of other code."""
    if not pair.built.exists():
        return None
    notebook = read_source(pair.source)
    try:
        built = nbformat.read(pair.built, as_version=4)
    except ValueError:  # no JSON, as after a merge conflict
        return None
    old, new = _code(built), _code(notebook)
    if [_authored(cell) for cell in old] != [_authored(cell) for cell in new]:
        return None
    if built.metadata.get("built_from") != fingerprint(built):  # outputs of some other source
        return None
    if [cell.execution_count for cell in old if cell.source] != list(range(1, len(old) + 1)):
        return None  # or of a run that was not from top to bottom
    for before, after in zip(old, new, strict=True):
        after.outputs, after.execution_count = before.outputs, before.execution_count
    if "widgets" in built.metadata:
        notebook.metadata["widgets"] = built.metadata["widgets"]
    describe(notebook)
    fold_answers(notebook)
    return notebook


def _code(notebook: Notebook) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _authored(cell: Any) -> tuple[str, list[str]]:
    return cell.source.rstrip(), cell.metadata.get("tags", [])

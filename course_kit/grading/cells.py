"""Cells of a notebook as the grader sees them, read from whatever a student hands in.

Jupyter's own reader is not used: it refuses what can still be marked (another version, an encoding
that is not UTF-8), and a submission is to lose no mark for its container.
"""

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from course_kit.grading.student import METADATA_KEY

LARGEST_NOTEBOOK = 64 << 20  # bytes
KNOWN_FORMATS = (3, 4)  # major versions whose layout is known


class UnreadableNotebook(ValueError):
    """A file that is no notebook, with the reason in words a student understands."""


@dataclass(frozen=True)
class Cell:
    """One cell, and what nbgrader's metadata say of it.

    Attributes
    ----------
    kind : "code", "markdown" or another of Jupyter's
    source : its text, without blank ends
    grade_id : nbgrader's name of the cell, "" without one
    locked : the text is the instructor's
    graded : a test that earns points
    points : for raising nothing
    """

    kind: str
    source: str
    grade_id: str = ""
    locked: bool = False
    graded: bool = False
    points: float = 0.0

    @property
    def text(self) -> str:
        """Its source as it is compared: line ends and blanks at the ends do not count."""
        return "\n".join(line.rstrip() for line in self.source.splitlines()).strip()


class Submission(NamedTuple):
    """What could be read: cells, the notebook's own metadata, and what was odd about the file."""

    cells: list[Cell]
    metadata: dict[str, Any]
    notes: list[str]

    @property
    def label(self) -> dict[str, Any]:
        """Whom `release` wrote the notebook for: student, course_seed and assignment, or nothing."""
        label = self.metadata.get(METADATA_KEY)
        return label if isinstance(label, dict) else {}


def read_submission(content: bytes) -> Submission:
    """Read a notebook of any Jupyter version and any common encoding.

    Raises
    ------
    UnreadableNotebook
        If the bytes are no notebook; the message says why, and how to mend it.

    Examples
    --------
    >>> notebook = b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["x = 1"]}]}'
    >>> read_submission(notebook).cells[0].source
    'x = 1'
    """
    text, notes = _decode(content)
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableNotebook(
            f"broken JSON in line {error.lineno}, column {error.colno} ({error.msg}): open the "
            "notebook in Jupyter, save it and hand it in again"
        ) from None
    except (RecursionError, ValueError) as error:
        raise UnreadableNotebook(f"broken JSON: {error}") from None
    if not isinstance(notebook, dict):
        raise UnreadableNotebook(f"the file holds a JSON {type(notebook).__name__}, no notebook")
    if notebook.get("nbformat") not in KNOWN_FORMATS:
        notes.append(f"unknown notebook format {notebook.get('nbformat')!r}, read like format 4")
    metadata = notebook.get("metadata")
    cells = [cell for cell in _raw_cells(notebook) if isinstance(cell, dict)]
    return Submission(
        list(map(to_cell, cells)), metadata if isinstance(metadata, dict) else {}, notes
    )


def to_cell(raw: Mapping[str, Any]) -> Cell:
    """Read one cell of a notebook's JSON, of format 3 or 4; what is missing or odd counts as empty."""
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(map(str, source))
    metadata = raw.get("metadata")
    about = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    about = about if isinstance(about, dict) else {}
    points = about.get("points", 0)
    return Cell(
        kind=str(raw.get("cell_type", "")),
        source=str(source),
        grade_id=str(about.get("grade_id", "")),
        locked=bool(about.get("locked")),
        graded=bool(about.get("grade")) and not about.get("solution"),
        points=float(points) if isinstance(points, int | float) else 0.0,
    )


def _raw_cells(notebook: Mapping[str, Any]) -> list[Any]:
    cells = notebook.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = notebook.get("worksheets")  # format 3
    if isinstance(sheets, list) and all(isinstance(sheet, dict) for sheet in sheets):
        return [cell for sheet in sheets for cell in sheet.get("cells", [])]
    raise UnreadableNotebook("the file has no list of cells: is it a Jupyter notebook (.ipynb)?")


def _decode(content: bytes) -> tuple[str, list[str]]:
    if len(content) > LARGEST_NOTEBOOK:
        raise UnreadableNotebook(
            f"the file has {len(content):,} bytes, at most {LARGEST_NOTEBOOK:,} are read: clear the "
            "outputs and hand it in again"
        )
    if not content.strip():
        raise UnreadableNotebook("the file is empty")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace"), ["the file is UTF-16, not UTF-8"]
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), [
            "the file is not UTF-8; it was read as Windows-1252"
        ]

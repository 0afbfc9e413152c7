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
from course_kit.grading.text import shown

LARGEST_NOTEBOOK = 64 << 20  # bytes
LONGEST_NAME = 120
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
    manual : earns points by hand, like nbgrader's manually graded answers and tasks
    files : of the submission's folder, which a test reads
    """

    kind: str
    source: str
    grade_id: str = ""
    locked: bool = False
    graded: bool = False
    points: float = 0.0
    manual: bool = False
    files: tuple[str, ...] = ()

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
    def label(self) -> dict[str, str]:
        """Whom `release` wrote the notebook for: student, course_seed and assignment, or nothing."""
        label = _object(self.metadata.get(METADATA_KEY))
        return {
            shown(key)[:LONGEST_NAME]: shown(value)[:LONGEST_NAME] for key, value in label.items()
        }


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
        version = repr(notebook.get("nbformat"))[:LONGEST_NAME]
        notes.append(f"unknown notebook format {version}, read like format 4")
    cells = [cell for cell in _raw_cells(notebook) if isinstance(cell, dict)]
    return Submission(list(map(to_cell, cells)), _object(notebook.get("metadata")), notes)


def to_cell(raw: Mapping[str, Any]) -> Cell:
    """Read one cell of a notebook's JSON, of format 3 or 4; what is missing or odd counts as empty."""
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(map(str, source))
    metadata = _object(raw.get("metadata"))
    about = _object(metadata.get("nbgrader"))
    by_hand = bool(about.get("task")) or bool(about.get("grade") and about.get("solution"))
    files = _object(metadata.get(METADATA_KEY)).get("files")
    return Cell(
        kind=shown(raw.get("cell_type", "")),
        source=_whole_characters(str(source)),
        grade_id=shown(about.get("grade_id", ""))[:LONGEST_NAME],
        locked=bool(about.get("locked")),
        graded=bool(about.get("grade")) and not by_hand,
        points=_number(about.get("points")),
        manual=by_hand,
        files=tuple(map(str, files)) if isinstance(files, list) else (),
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float:
    try:
        number = float(value) if isinstance(value, int | float) else 0.0
    except OverflowError:
        return 0.0
    return number if 0 <= number < 1e6 else 0.0


def _whole_characters(text: str) -> str:
    """The text without halves of characters, which JSON can hold and no file can."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _raw_cells(notebook: Mapping[str, Any]) -> list[Any]:
    cells = notebook.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = notebook.get("worksheets")  # format 3
    found = [_object(sheet).get("cells") for sheet in sheets] if isinstance(sheets, list) else []
    lists = [cells for cells in found if isinstance(cells, list)]
    if not lists:
        raise UnreadableNotebook(
            "the file has no list of cells: is it a Jupyter notebook (.ipynb)?"
        )
    return [cell for cells in lists for cell in cells]


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

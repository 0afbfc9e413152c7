"""An assignment: the instructor's notebook, what of it a student gets, and the points it gives."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from course_kit.grading.cells import Cell, to_cell
from course_kit.grading.student import personal_copy
from tucker_core.shipped import ROOT

INSTRUCTOR = ROOT / "notebooks" / "assignments" / "instructor"


@dataclass(frozen=True)
class Assignment:
    """An instructor's notebook.

    Attributes
    ----------
    name : short, such as a1
    content : the notebook file
    """

    name: str
    content: str

    @property
    def digest(self) -> str:
        """SHA-256 of the notebook file."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @cached_property
    def cells(self) -> list[Cell]:
        """All cells, with solutions and hidden tests."""
        return [to_cell(raw) for raw in json.loads(self.content)["cells"]]

    @property
    def problems(self) -> list[Cell]:
        """The cells that give points, by a test or by hand, in the notebook's order."""
        return [cell for cell in self.cells if cell.graded or cell.manual]

    @property
    def points(self) -> dict[str, float]:
        """Points of each problem, in the notebook's order."""
        return {cell.grade_id: cell.points for cell in self.problems}

    def for_student(self, student: str, course_seed: int) -> str:
        """The notebook file that is handed out to a student."""
        notebook = personal_copy(_parse(self.content), self.name, student, course_seed)
        return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"

    def cells_of(self, student: str, course_seed: int) -> list[Cell]:
        """The cells that are handed out to a student."""
        raw = json.loads(self.for_student(student, course_seed))
        return [to_cell(cell) for cell in raw["cells"]]


def load_assignment(name: str, folder: Path = INSTRUCTOR) -> Assignment:
    """Load one of the course's assignments by its short name, or any by the path of its notebook.

    Raises
    ------
    ValueError
        If there is no such assignment, or it gives no points.
    """
    own = Path(name)
    found = [own] if own.suffix == ".ipynb" else sorted(folder.glob(f"{name}_*.ipynb"))
    if len(found) != 1 or not found[0].is_file():
        there = sorted({path.stem.split("_")[0] for path in folder.glob("*_*.ipynb")})
        raise ValueError(
            f"assignment {name!r} is not in {folder}: choose of {', '.join(there) or 'none'}, or "
            "give the path of an instructor's notebook (.ipynb)"
        )
    assignment = Assignment(found[0].stem.split("_")[0], found[0].read_text(encoding="utf-8"))
    if not assignment.points:
        raise ValueError(f"{found[0]} has no cell with nbgrader's mark 'grade': nothing to earn")
    return assignment


def _parse(content: str) -> Any:
    try:
        import nbformat
    except ImportError:
        raise ValueError(
            "handing out and grading need nbformat: pip install 'ada-tucker[notebooks]'"
        ) from None
    return nbformat.reads(content, as_version=4)

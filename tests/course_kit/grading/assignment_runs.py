"""Running an assignment's cells in one namespace, as a grader does, and what each test cell says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import nbformat
import pytest

from ada_tucker.cli.main import main

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "notebooks" / "assignments"
NAMES = {
    "a1": "a1_modes_and_products",
    "a2": "a2_hosvd_and_ranks",
    "a3": "a3_balance_and_planner",
    "a4": "a4_lenet_in_a_file",
}

Namespace = dict[str, Any]
Marks = dict[str, str]
"""For every test cell: nothing if it is silent, else what it said."""


class Wrong(NamedTuple):
    """A planted mistake, and words that the check's message must hold."""

    answer: Any
    says: str


class Planted(NamedTuple):
    """Answers to a problem: their name, wrong ones, and right ones in another style."""

    name: str
    wrong: Sequence[Wrong]
    right: Sequence[Any]


def read(assignment: str, kind: str = "instructor") -> Any:
    """Read a committed notebook."""
    return nbformat.read(FOLDER / kind / f"{NAMES[assignment]}.ipynb", as_version=4)


def code_cells(notebook: Any) -> dict[str, str]:
    """The sources of the code cells by their grade_id, in order."""
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in cells}


def points(notebook: Any) -> dict[str, int]:
    """Points of every test cell by its grade_id."""
    about = (cell.metadata.nbgrader for cell in notebook.cells)
    return {entry.grade_id: entry.points for entry in about if entry.grade}


def run(
    notebook: Any, monkeypatch: pytest.MonkeyPatch, *, student: str, given: Mapping[str, str] = {}
) -> tuple[Namespace, Marks]:
    """Run all code cells for a student; cells of `given` are run in place of the notebook's own."""
    monkeypatch.setenv("ADA_STUDENT", student)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    plt.switch_backend("agg")
    namespace: Namespace = {"__name__": "__main__"}
    marks: Marks = {}
    for grade_id, source in code_cells(notebook).items():
        said = outcome(given.get(grade_id, source), namespace, grade_id)
        if grade_id in points(notebook):
            marks[grade_id] = said
    plt.close("all")
    return namespace, marks


def outcome(source: str, namespace: Namespace, name: str = "cell") -> str:
    """Run one cell; say what it raised, or nothing."""
    try:
        exec(compile(source, name, "exec"), namespace)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def tried(test: str, solved: Namespace, name: str, answer: Any) -> str:
    """What a test cell says to another answer in an otherwise solved notebook."""
    return outcome(test, {**solved, name: answer})


def commands(folder: Path) -> Callable[..., None]:
    def run(step: str, *options: str) -> None:
        places = [o if o.startswith("--") or o.isdigit() else str(folder / o) for o in options]
        assert main(["course", step, str(folder / "tiny_instructor.ipynb"), *places]) == 0

    return run

"""Make the assignments from their sources: the instructor's notebooks, and the students'.

    python -m tools.notebooks.assignments build      write both notebooks of every source
    python -m tools.notebooks.assignments check      is each one what its source gives?

``notebooks/assignments/src/aN_name.py`` (percent format) holds text, solutions and all tests. A cell
header names what nbgrader must know, e.g. ``# %% nbgrader={"grade_id": "test-unfold", "points": 3}``
for a test or ``nbgrader={"grade_id": "unfold", "solution": true}`` for a cell to fill in; the rest
follows from that, and every other cell is locked. ``ada_tucker={"files": ["lenet300.ada"]}`` names the
files of a submission that a test reads.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import nbformat

from course_kit.grading.student import METADATA_KEY, student_copy
from tools.notebooks import source as notebooks
from tools.notebooks.source import Notebook, NotebookError, read_source
from tucker_core.files import replacing

FOLDER = notebooks.FOLDER / "assignments"
SCHEMA = 3  # of nbgrader's metadata


def instructor_notebook(source: Path) -> Notebook:
    """Read a source as a notebook with nbgrader's metadata complete in every cell.

    Raises
    ------
    NotebookError
        If two cells have one id.
    """
    notebook = read_source(source)
    for cell in notebook.cells:
        given = cell.metadata.get("nbgrader", {})
        own = {key: cell.metadata[key] for key in (METADATA_KEY,) if key in cell.metadata}
        cell.metadata = nbformat.from_dict({"nbgrader": _complete(given, cell), **own})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    ids = [cell.metadata.nbgrader.grade_id for cell in notebook.cells]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise NotebookError(f"{source}: grade_id {twice} comes twice; every cell needs its own")
    return notebook


def _complete(given: dict[str, Any], cell: Notebook) -> dict[str, Any]:
    """What nbgrader wants to know of a cell."""
    solution, grade = bool(given.get("solution")), "points" in given
    about = {
        "cell_type": cell.cell_type,
        "grade": grade,
        "grade_id": given.get("grade_id", cell["id"]),
        "locked": not solution,
        "schema_version": SCHEMA,
        "solution": solution,
        "task": False,
    }
    return about | ({"points": given["points"]} if grade else {})


def notebooks_of(source: Path) -> dict[Path, str]:
    """Give the text of both notebooks of a source, by the path where each belongs."""
    instructor = instructor_notebook(source)
    made = {"instructor": instructor, "student": student_copy(instructor)}
    folder = source.parents[1]
    return {
        folder / kind / f"{source.stem}.ipynb": nbformat.writes(notebook) + "\n"
        for kind, notebook in made.items()
    }


def build(source: Path) -> list[str]:
    """Write both notebooks of a source."""
    for path, text in notebooks_of(source).items():
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return []


def check(source: Path) -> list[str]:
    """Say which notebooks of a source are not what it gives."""
    mend = "run 'make notebooks' and commit it"
    return [
        f"{path}: differs from {source.name}: {mend}"
        if path.exists()
        else f"{path}: missing: {mend}"
        for path, text in notebooks_of(source).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def find_orphans(folder: Path) -> list[str]:
    """List the notebooks whose source is gone."""
    wanted = {source.stem for source in (folder / "src").glob("*.py")}
    found = sorted(p for kind in ("instructor", "student") for p in (folder / kind).glob("*.ipynb"))
    return [f"{path}: has no source: delete it" for path in found if path.stem not in wanted]


def main(arguments: list[str] | None = None) -> int:
    """Run one verb over all assignments; 0 if all is well, 1 if not."""
    parser = argparse.ArgumentParser(
        prog="assign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=["build", "check"])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: %(default)s")
    options, _ = parser.parse_known_args(
        arguments
    )  # "--force NN_name" is meant for tools/notebooks/__main__.py
    act = build if options.verb == "build" else check
    sources = sorted((options.folder / "src").glob("*.py"))
    faults = [fault for source in sources for fault in act(source)]
    if options.verb == "check":
        faults += find_orphans(options.folder)
    print(f"{options.verb} {len(sources)} assignments: {'FAILED' if faults else 'ok'}")
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

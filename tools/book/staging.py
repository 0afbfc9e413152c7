"""What the pages are made of: notebooks, documents, and every file that these link to."""

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat

from tools.notebooks.differences import WIDGET
from tools.notebooks.folds import is_folded
from tools.notebooks.pictures import KIND
from tools.notebooks.setup_cell import TAG

IN_PLACE_OF_A_WIDGET = "(Sliders stand here where a kernel runs: make lab.)\n"
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)[^)\s#]+|(?<=src=\")(?!https?:)[^\"]+")
REMOTE_PICTURE = re.compile(r"!\[([^\]]*)\]\(https?://[^)]*\)")
LINK_WITH_TEXT = re.compile(r"\[([^\][]*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")
DOCUMENTS = ("CONTRIBUTING.md", "CHANGELOG.md")
NAVIGATION = """
```{{toctree}}
:caption: {caption}
:hidden:
:maxdepth: 1

{pages}
```
"""


def stage(root: Path, folder: Path) -> None:
    """Copy into a folder what Sphinx reads: README as the first page, the rest under its own path."""
    notebooks = root / "notebooks"
    sections = {
        "Course": sorted(notebooks.glob("*.ipynb")),
        "Solutions": sorted((notebooks / "solutions").glob("*.ipynb")),
        "Assignments": sorted((notebooks / "assignments" / "student").glob("*.ipynb")),
        "Reference": sorted((root / "docs").glob("*.md")) + [root / name for name in DOCUMENTS],
    }
    _stage_text(root, root / "README.md", folder / "index.md")
    for caption, paths in sections.items():
        for path in paths:
            stage_one = _stage_notebook if path.suffix == ".ipynb" else _stage_text
            stage_one(root, path, folder / path.relative_to(root))
        pages = "\n".join(path.relative_to(root).as_posix() for path in paths)
        with (folder / "index.md").open("a", encoding="utf-8") as index:
            index.write(NAVIGATION.format(caption=caption, pages=pages) if pages else "")


def _stage_text(root: Path, path: Path, target: Path) -> None:
    text = _keep_links_to_files(root, path, path.read_text(encoding="utf-8"))
    text = REMOTE_PICTURE.sub(r"\1", text)  # a badge: its words do without a network
    _copy_linked(root, path, text, target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _stage_notebook(root: Path, path: Path, target: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _prepare_code(cell)
        else:
            cell.source = _keep_links_to_files(root, path, cell.source)
            _copy_linked(root, path, cell.source, target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)


def _prepare_code(cell: Any) -> None:
    """Fold set-up and answers, say what a widget would be, hand on the words for pictures."""
    if TAG in cell.metadata.get("tags", []):
        cell.metadata["tags"] = [*cell.metadata["tags"], "hide-input"]
        cell.metadata["mystnb"] = {"code_prompt_show": "Set-up"}
    if is_folded(cell):
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-output"]
    for output in cell.outputs:
        if WIDGET in output.get("data", {}):
            output.data = {"text/plain": IN_PLACE_OF_A_WIDGET}
        if alt := output.get("metadata", {}).get(KIND, {}).get("alt"):
            cell.metadata["mystnb"] = {"image": {"alt": alt}}


def _keep_links_to_files(root: Path, path: Path, text: str) -> str:
    """Leave of a link to a folder its words alone; one to a page that is whole is no download."""

    def words(link: re.Match[str]) -> str:
        target = path.parent / link[2]
        if target.suffix == ".html":
            return f'<a href="{link[2]}">{link[1]}</a>'
        return link[1] if target.is_dir() else link[0]

    return LINK_WITH_TEXT.sub(words, text)


def _copy_linked(root: Path, path: Path, text: str, folder: Path) -> None:
    """Copy the files that a text links to, pages excepted, so that the links still lead to them."""
    for link in LINK.findall(text):
        source = (path.parent / link).resolve()
        if source.is_file() and source.suffix not in (".md", ".ipynb"):
            target = (folder / link).resolve()
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

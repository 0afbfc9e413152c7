"""The one set-up cell that every notebook gets, and the public address that it fetches from.

A source marks the place with an empty cell tagged ``setup``. The address is that of pyproject.toml's
``[project.urls]``, entry ``Repository``; a copy without one asks for it when there is something to fetch.
"""

import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
TAG = "setup"
TEMPLATE = """\
# Set-up. With `make lab` it does nothing; on Colab it fetches the course and installs it.
# If that fails, run this cell again: it goes on from there.
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = "{address}"
NEEDED = ("constriction", "matplotlib", "numba", "segno", "torch", "zxingcpp")

if not all(map(find_spec, ("tucker_core", *NEEDED))):
    here = Path.cwd()
    above = [p for p in (here, *here.parents) if (p / "tucker_core").is_dir()]
    course = above[0] if above else here / "ada-tucker"
    if not (course / "tucker_core").is_dir():
        if course.exists():
            raise RuntimeError(f"{{course}} is not the course: rename it, run this again")
        address = REPOSITORY or input("Address of this notebook's repository: ")
        part = here / "ada-tucker.part"  # there if a fetch was broken off
        shutil.rmtree(part, ignore_errors=True)
        clone = ["git", "clone", "-q", "--depth=1", address, part]
        subprocess.run(clone, check=True)
        part.rename(course)
    if not above or not all(map(find_spec, NEEDED)):
        pip = [sys.executable, "-m", "pip", "install", "-q", "-e", f"{{course}}[course]"]
        subprocess.run(pip, check=True)
    sys.path.insert(0, str(course))"""


def public_address(project: Path = PROJECT) -> str:
    """Where this repository can be fetched from; empty while that is not known."""
    urls = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("urls", {})
    return str(urls.get("Repository", "")).removesuffix("/")


def setup_code() -> str:
    """Source of the set-up cell, the same in every notebook."""
    return TEMPLATE.format(address=public_address())


def fill_setup_cell(notebook: Any) -> None:
    """Write the set-up cell, folded, where a source marks its place."""
    for cell in notebook.cells:
        if TAG in cell.metadata.get("tags", []):
            cell.source = setup_code()
            cell.metadata["jupyter"] = {"source_hidden": True}

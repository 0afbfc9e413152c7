"""The set-up cell: one for all notebooks, one place for the address, and it does what it says."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tools.notebooks.setup_cell import TAG, TEMPLATE, public_address, setup_code
from tools.notebooks.source import FOLDER, Pair, find_pairs, read_source

ROOT = FOLDER.parent
ADDRESS = "https://example.org/course"


@pytest.mark.parametrize("pair", find_pairs(FOLDER, []), ids=lambda pair: pair.name)
def test_every_notebook_sets_itself_up_first_and_in_the_same_way(pair: Pair) -> None:
    built = nbformat.read(pair.built, as_version=4)
    for notebook in (read_source(pair.source), built):
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [TAG in cell.metadata.get("tags", []) for cell in code] == [True] + [False] * (
            len(code) - 1
        )
        assert code[0].source == setup_code()
    assert "git clone" not in pair.source.read_text(encoding="utf-8")


def test_the_address_is_the_one_in_pyproject(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "a"\n')
    assert public_address(project) == ""
    project.write_text(f'[project]\nname = "a"\n[project.urls]\nRepository = "{ADDRESS}/"\n')
    assert public_address(project) == ADDRESS


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """Make the course seem not installed, and record what the cell would run."""
    ran: list[list[Any]] = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append(command))
    monkeypatch.setattr(sys, "path", ["elsewhere"])
    return ran


@pytest.mark.parametrize("folder", [ROOT, ROOT / "notebooks", ROOT / "notebooks" / "src"])
def test_in_a_checkout_that_is_not_installed_the_course_is_found(
    folder: Path, commands: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    exec(setup_code(), {})
    assert (sys.path[0], commands) == (str(ROOT), [])


@pytest.mark.parametrize("known", [True, False])
def test_elsewhere_the_course_is_fetched_and_installed(
    known: bool, commands: list[list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.input", lambda question: ADDRESS)
    exec(TEMPLATE.format(address=ADDRESS if known else ""), {})
    clone, install = commands
    assert (clone[0], clone[-2:]) == ("git", [ADDRESS, tmp_path / "ada-tucker"])
    assert install[1:4] == ["-m", "pip", "install"]
    assert sys.path[0] == str(tmp_path / "ada-tucker")


def test_where_the_course_is_installed_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(sys.path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("ran a command"))
    exec(setup_code(), {})
    assert sys.path == before

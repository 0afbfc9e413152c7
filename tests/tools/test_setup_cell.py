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


Commands = list[list[Any]]


class Computer:
    """What the cell meets: which modules can be found, and what becomes of the commands it runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.missing = {"tucker_core"}
        self.fails = ""
        self.ran: Commands = []
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: name not in self.missing or None
        )
        monkeypatch.setattr(subprocess, "run", self.run)
        monkeypatch.setattr(sys, "path", ["elsewhere"])
        monkeypatch.setattr("builtins.input", lambda question: ADDRESS)

    def run(self, command: list[Any], check: bool) -> None:
        """Fetch half of the course where the fetch fails."""
        assert check
        self.ran.append(command)
        if command[0] == "git":
            command[-1].mkdir()
            if self.fails != "git":
                (command[-1] / "tucker_core").mkdir()
        if self.fails in command:
            raise subprocess.CalledProcessError(1, command)

    def verbs(self) -> list[str]:
        """What was run, in a word each."""
        return ["clone" if command[0] == "git" else command[2] for command in self.ran]


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Computer:
    monkeypatch.chdir(tmp_path)
    return Computer(monkeypatch)


@pytest.mark.parametrize("folder", [ROOT, ROOT / "notebooks", ROOT / "notebooks" / "src"])
def test_in_a_checkout_that_is_not_installed_the_course_is_found(
    folder: Path, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    exec(setup_code(), {})
    assert (sys.path[0], computer.ran) == (str(ROOT), [])
    computer.missing = {"tucker_core", "constriction"}
    exec(setup_code(), {})
    assert computer.ran[0][1:] == ["-m", "pip", "install", "-q", "-e", f"{ROOT}[course]"]


@pytest.mark.parametrize("known", [True, False])
def test_elsewhere_the_course_is_fetched_and_installed(
    known: bool, computer: Computer, tmp_path: Path
) -> None:
    exec(TEMPLATE.format(address=ADDRESS if known else ""), {})
    clone, install = computer.ran
    assert (clone[0], clone[-2]) == ("git", ADDRESS)
    assert install[1:] == ["-m", "pip", "install", "-q", "-e", f"{tmp_path / 'ada-tucker'}[course]"]
    assert sys.path[0] == str(tmp_path / "ada-tucker")
    assert [path.name for path in tmp_path.iterdir()] == ["ada-tucker"]


def test_after_a_fetch_or_an_install_that_broke_off_it_goes_on(
    computer: Computer, tmp_path: Path
) -> None:
    for fails in ("git", "pip"):
        computer.fails = fails
        with pytest.raises(subprocess.CalledProcessError):
            exec(setup_code(), {})
        assert sys.path == ["elsewhere"], "what is not installed is not offered"
    computer.fails = ""
    exec(setup_code(), {})
    assert computer.verbs() == ["clone", "clone", "pip", "pip"]
    assert sys.path[0] == str(tmp_path / "ada-tucker")


def test_a_folder_that_is_not_the_course_is_left_alone(computer: Computer, tmp_path: Path) -> None:
    (tmp_path / "ada-tucker").mkdir()
    (tmp_path / "ada-tucker" / "mine.txt").touch()
    with pytest.raises(RuntimeError, match="ada-tucker is not the course: rename it"):
        exec(setup_code(), {})
    assert (tmp_path / "ada-tucker" / "mine.txt").exists()
    assert computer.ran == []


def test_where_the_course_is_installed_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(sys.path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("ran a command"))
    exec(setup_code(), {})
    assert sys.path == before

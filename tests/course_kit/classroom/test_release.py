"""What students get: their notebooks, and a bundle that gives nothing away."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ada_tucker.cli.main import main
from course_kit.classroom.release import release, write_bundle
from course_kit.grading.course import load_course
from tests.course_kit.grading.tiny_assignment import SEED, tiny_assignment

TINY = tiny_assignment()


def test_release_never_overwrites_and_adds_who_comes_late(tmp_path: Path) -> None:
    (first,) = release(TINY, {"anna": ""}, SEED, tmp_path)
    first.write_text("mine")
    (second,) = release(TINY, {"anna": "", "bo": "Bo"}, SEED, tmp_path)
    assert (first.name, second.name) == ("tiny_anna.ipynb", "tiny_bo.ipynb")
    assert first.read_text() == "mine"
    assert load_course(tmp_path, "tiny").students == {"anna": "", "bo": "Bo"}
    with pytest.raises(ValueError, match=f"was released with seed {SEED}"):
        release(TINY, {"anna": ""}, SEED + 1, tmp_path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "course.zip"
    assert main(["course", "bundle", "--out", str(path)]) == 0
    return path


def test_the_bundle_gives_nothing_away(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        names = {name.removeprefix("ada-tucker/") for name in archive.namelist()}
        notebooks = [name for name in names if name.startswith("notebooks/assignments/")]
        texts = b"".join(archive.read(f"ada-tucker/{name}") for name in notebooks)
    assert len(notebooks) == 4
    assert {"data/mnist5k.npz", "notebooks/01_modes_and_unfoldings.ipynb", "README.md"} <= names
    assert not any("instructor" in name or "/src/" in name for name in names)
    assert not any(name.startswith(("results/", "tests/", "tools/")) for name in names)
    assert not any("grading" in name or "sandbox" in name or "cache" in name for name in names)
    assert b"BEGIN SOLUTION" not in texts
    assert b"hard=True" not in texts


def test_the_same_course_gives_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


def test_what_is_in_the_bundle_runs(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path)
    script = (
        "from course_kit import checks\nfrom course_kit.checks.variants import this_student\n"
        "from ada_tucker.cli.parser import parser\nimport course_kit.plots, tucker_core\n"
        "print(checks.__file__)\nparser()\nchecks.product_question(this_student())"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "ada-tucker")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout


def test_a_bundle_is_made_in_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no checkout"):
        write_bundle(tmp_path / "a.zip", tmp_path)

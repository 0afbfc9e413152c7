"""What `pip install` gives away from the checkout: wheel and sdist hold all files that commands read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NEVER = shutil.ignore_patterns(
    ".*", "cache", "build", "dist", "runs", "site", "*.egg-info", "__pycache__", "demo_output"
)  # what is not in the repository
PIP = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "--no-cache-dir"]
BUILD = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"
LARGEST_WHEEL = 2_000_000  # bytes

COMMANDS = [
    "evaluate {ada} --offline",
    "inspect {ada} --json",
    "qr {ada} --out qr.svg",
    "profile {ada} --batch 2",
    "export {ada} --out net.npz",
    "bench --list",
    "course release a1 --students roster.csv --seed 1 --out out",
    "course collect a1 --inbox out --released out --out in",
    "course grade a1 --submissions in --out marks --quiet",
    "demo lenet300 --offline --epochs 1 --out demo --quiet",
    "pareto lenet300 --offline --epochs 1 --budgets 2500 --rates 4e-3 --quiet",
]
HELP = [
    "demo", "train", "compress", "pareto", "ablate", "evaluate", "inspect", "qr", "profile", "export",
    "bench", "course", "course bundle", "course release", "course collect", "course grade",
    "course feedback", "course report", "course override", "course export", "course totals",
]  # fmt: skip

RUN = """
import contextlib, io, json, sys
from ada_tucker.cli.main import main
done = {}
for command in json.loads(sys.argv[1]):
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        try:
            code = main(command.split())
        except SystemExit as ended:
            code = ended.code
    done[command] = code, shown.getvalue()
json.dump(done, open("done.json", "w"))
"""


def run(command: list[str | Path], folder: Path) -> str:
    """Run a command without the checkout's modules and without the user's data; what it printed."""
    hidden = {"PYTHONPATH", "ADA_DATA_DIR"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["XDG_CACHE_HOME"] = str(folder / "user-cache")
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from what is in the repository."""
    folder = tmp_path_factory.mktemp("build")
    shutil.copytree(ROOT, folder / "checkout", ignore=NEVER)
    return wheel_of(folder / "checkout", folder)


def wheel_of(source: Path, folder: Path) -> Path:
    """Build a wheel of a folder or an sdist, without a network."""
    run([*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path) -> Path:
    """Install the wheel into an environment that has nothing of the checkout; its Python."""
    return installed(wheel.parent / "environment", wheel)


def installed(home: Path, wheel: Path) -> Path:
    """Install into a new environment that has this one's libraries; its Python."""
    run([sys.executable, "-m", "venv", "--without-pip", home], home.parent)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run([*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel], home.parent)
    (packages,) = home.rglob("site-packages")
    libraries = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages / "libraries.pth").write_text("\n".join(libraries))
    return python


def build(hook: str, checkout: Path, folder: Path) -> Path:
    """Build what a hook of setuptools builds."""
    shown = run([sys.executable, "-c", BUILD, hook, folder], checkout)
    return folder / shown.splitlines()[-1]


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_code_and_files_and_is_small(wheel: Path) -> None:
    names = names_in(wheel)
    code = {
        path.relative_to(ROOT).as_posix()
        for package in ("tucker_core", "torch_bridge", "course_kit", "ada_tucker")
        for path in (*(ROOT / package).rglob("*.py"), ROOT / package / "py.typed")
    }
    assert code - names == set()
    within = {name.removeprefix("tucker_core/_shipped/") for name in names - code}
    assert {"data/mnist5k.npz", "data/records.json", "docs/img/lenet5_qr.png"} < within
    assert {f"data/models/{path.name}" for path in (ROOT / "data/models").glob("*.ada")} < within
    assert sum(name.startswith("notebooks/assignments/instructor/a") for name in within) == 4
    assert all((ROOT / name).is_file() for name in within), "each lies where a checkout has it"
    assert wheel.stat().st_size < LARGEST_WHEEL


@pytest.mark.slow
def test_the_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build("build_sdist", wheel.parent / "checkout", tmp_path)
    assert names_in(wheel_of(sdist, tmp_path)) == names_in(wheel)


LOOK_UP = """
from course_kit.notebook.paths import QR_PICTURE, bundled_digits, model_path
from course_kit.notebook.results import recipes
from course_kit.grading.assignment import load_assignment
from tucker_core import load
import tucker_core
print(tucker_core.__file__, QR_PICTURE.is_file(), len(bundled_digits()[1]), recipes("lenet5")[0])
print(load(model_path("lenet5_small.ada")).architecture, load_assignment("a4").name)
"""


def test_installed_files_are_found(python: Path, tmp_path: Path) -> None:
    place, *found = run([python, "-c", LOOK_UP], tmp_path).split()
    assert Path(place).is_relative_to(python.parents[1])
    assert found == ["True", "1000", "small", "lenet5", "a4"]


@pytest.mark.slow
def test_an_editable_install_reads_the_checkout(wheel: Path, tmp_path: Path) -> None:
    checkout = wheel.parent / "checkout"
    python = installed(tmp_path / "environment", build("build_editable", checkout, tmp_path))
    place, *found = run([python, "-c", LOOK_UP], tmp_path).split()
    assert Path(place) == checkout / "tucker_core" / "__init__.py"
    assert found == ["True", "1000", "small", "lenet5", "a4"]
    assert not (checkout / "tucker_core" / "_shipped").exists()


@pytest.mark.slow
def test_every_command_runs_where_it_was_installed(python: Path, tmp_path: Path) -> None:
    assert "bench" in run([python.with_name("ada-tucker"), "--help"], tmp_path)
    shutil.copy(ROOT / "data" / "models" / "lenet300_small.ada", tmp_path / "net.ada")
    (tmp_path / "roster.csv").write_text("student\nada\n")
    commands = [command.format(ada="net.ada") for command in COMMANDS]
    commands += [f"{command} --help" for command in HELP]
    run([python, "-c", RUN, json.dumps(commands)], tmp_path)
    done = json.loads((tmp_path / "done.json").read_text())
    assert not {command: shown for command, (code, shown) in done.items() if code != 0}
    assert "T-Basis" in done["bench --list"][1]
    assert (tmp_path / "demo" / "lenet300.ada").is_file()
    assert "could not run" not in done["course grade a1 --submissions in --out marks --quiet"][1]

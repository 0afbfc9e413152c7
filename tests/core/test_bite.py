"""Do the tests bite? Ten mutations are planted in a copy of the core; each must turn the suite red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# (file of tucker_core, what stands there, what is planted, tests that must notice)
MUTATIONS = {
    "unfold moves the mode to the end": (
        "algebra.py", "np.moveaxis(array, mode, 0)", "np.moveaxis(array, mode, -1)", "test_algebra",
    ),
    "n-mode product with the transposed factor": (
        "algebra.py", "    if transpose:\n", "    if not transpose:\n", "test_algebra",
    ),
    "skip off by one": ("algebra.py", "if k != skip", "if k != (skip or 0) - 1", "test_algebra"),
    "gradient of the opposite sign": (
        "tucker_chain.py", "slab @ before)", "-slab @ before)", "test_tucker",
    ),
    "gradient passed on through the factor itself": (
        "tucker_chain.py", "else slab.T @ factor", "else slab.T @ factor * 1.001", "test_tucker",
    ),
    "discarded energy counted without the last mode": (
        "decompose.py", "/ array.ndim", "* array.ndim", "test_decompose",
    ),
    "trailing instead of leading singular vectors": (
        "spectra.py", "return vectors[:, :count]", "return vectors[:, -count:]", "test_decompose",
    ),
    "balance by the largest dim alone": (
        "factorize.py", "return sum(dims), max(dims)", "return max(dims), sum(dims)", "test_reshape",
    ),
    "budget may be exceeded by one": (
        "ranks.py", "spent + extra <= budget", "spent + extra <= budget + 1", "test_ranks",
    ),
    "steps rounded down": ("quantize.py", "np.rint(array", "np.floor(array", "test_storage"),
    "theta and rho swapped in the file": (
        "fileformat.py", "writer.byte(model.theta_code)\n            writer.byte(model.rho_code)",
        "writer.byte(model.rho_code)\n            writer.byte(model.theta_code)", "test_storage",
    ),
}  # fmt: skip


def run(copy: Path, tests: str) -> int:
    environment = dict(
        os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(copy), NUMBA_DISABLE_JIT="1"
    )
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n", "0"]
    done = subprocess.run(
        [*command, f"tests/core/{tests}.py"],
        cwd=copy,
        env=environment,
        capture_output=True,
        check=False,
    )
    return done.returncode


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("tucker_core", "tests/core"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "tests/conftest.py", "tests/strategies.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("tests", sorted({mutation[3] for mutation in MUTATIONS.values()}))
def test_the_copy_itself_is_green(copy: Path, tests: str) -> None:
    assert run(copy, tests) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_planted_mistake_turns_the_suite_red(copy: Path, name: str) -> None:
    file, old, new, tests = MUTATIONS[name]
    path = copy / "tucker_core" / file
    source = path.read_text(encoding="utf-8")
    assert source.count(old) == 1, f"{file} no longer has exactly one {old!r}: plant it elsewhere"
    path.write_text(source.replace(old, new), encoding="utf-8")
    assert run(copy, tests) == 1

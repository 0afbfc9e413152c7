"""Do the tests bite? Mistakes are planted in a copy of the core; each must turn a test red.

The copies run without numba's compiler (`NUMBA_DISABLE_JIT=1`), so what is planted is what runs.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The first counterexample will do, so hypothesis need not look for the simplest one.
CONFTEST = """
from hypothesis import Phase, settings

settings.register_profile(
    "bite", deadline=None, derandomize=True, max_examples=60, phases=[Phase.generate]
)
settings.load_profile("bite")
"""


class Mutation(NamedTuple):
    """What stands where in tucker_core, what is planted instead, and which test must notice."""

    file: str
    old: str
    new: str
    test: str


MUTATIONS = {
    "unfold moves the mode to the end": Mutation(
        "algebra.py",
        "np.moveaxis(array, mode, 0)",
        "np.moveaxis(array, mode, -1)",
        "test_algebra.py::test_unfold_by_hand",
    ),
    "n-mode product with the transposed factor": Mutation(
        "mode_checks.py",
        "matrix.T if transpose else matrix\n",
        "matrix if transpose else matrix.T\n",
        "test_algebra.py::test_mode_dot_by_hand",
    ),
    "skip off by one": Mutation(
        "algebra.py",
        "if k != skip",
        "if k != (skip or 0) - 1",
        "test_algebra.py",
    ),
    "gradient of the opposite sign": Mutation(
        "tucker_chain.py",
        "slab @ before)",
        "-slab @ before)",
        "test_tucker.py::test_gradient_equals_finite_differences",
    ),
    "gradient passed on a thousandth too large": Mutation(
        "tucker_chain.py",
        "else slab.T @ factor\n",
        "else slab.T @ factor * 1.001\n",
        "test_tucker.py::test_gradient_equals_finite_differences",
    ),
    "more energy discarded than the tolerance allows": Mutation(
        "decompose.py",
        "squared_norm(array) / array.ndim",
        "squared_norm(array) * array.ndim",
        "test_decompose.py::test_tolerance_is_a_guarantee_and_not_a_waste",
    ),
    "trailing instead of leading singular vectors": Mutation(
        "spectra.py",
        "return vectors[:, :count]",
        "return vectors[:, -count:]",
        "test_decompose.py::test_error_lies_between_one_mode_and_all",
    ),
    "Gram matrices trusted below their rounding errors": Mutation(
        "spectra.py",
        "_ROUNDINGS = 1000",
        "_ROUNDINGS = 1e-3",
        "test_decompose.py::test_gram_is_left_where_its_digits_do_not_suffice",
    ),
    "HOOI forgets to project on the second half": Mutation(
        "hooi.py",
        "_descend(_project(projected, second, factors), first, factors)",
        "_descend(projected, first, factors)",
        "test_hooi.py",
    ),
    "of two equal sums the one with the largest dim": Mutation(
        "kernels/search.py",
        "total == least and number < largest)",
        "total == least and number > largest)",
        "test_reshape.py::test_balance_is_the_least_sum_then_the_least_largest",
    ),
    "permuted modes put back in the same order": Mutation(
        "reshape.py",
        "np.argsort(self.permutation)",
        "self.permutation",
        "test_reshape.py::test_apply_and_undo_are_inverse",
    ),
    "budget exceeded by one": Mutation(
        "ranks.py",
        "spent + extra <= budget",
        "spent + extra <= budget + 1",
        "test_ranks.py::test_a_budget_is_never_exceeded_and_never_left_lying",
    ),
    "exact search stops one number early": Mutation(
        "kernels/search.py",
        "if numbers + volume > budget:",
        "if numbers + volume >= budget:",
        "test_core_shapes.py::test_one_tensor_against_plain_python",
    ),
    "rate term whose slope overlooks the narrow distribution": Mutation(
        "rate_term.py",
        "wide * by_size_wide + (1 - wide) * by_size_narrow",
        "wide * by_size_wide",
        "test_rate_term.py::test_gradient_is_that_of_finite_differences",
    ),
    "integers rounded down": Mutation(
        "quantize.py",
        "np.rint(array",
        "np.floor(array",
        "test_quantize.py",
    ),
}


def run(copy: Path, *tests: str) -> int:
    """Exit code of pytest on these tests of a copy: 0 is green, 1 is red, anything else a mishap."""
    environment = os.environ | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(copy),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "NUMBA_DISABLE_JIT": "1",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *(f"tests/tucker_core/{test}" for test in tests)],
        cwd=copy,
        env=environment,
        capture_output=True,
        check=False,
    )
    return done.returncode


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("tucker_core", "tests/tucker_core"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "tests/strategies.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    return tmp_path


def test_the_copy_itself_is_green(copy: Path) -> None:
    assert run(copy, *sorted({mutation.test for mutation in MUTATIONS.values()})) == 0


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_planted_mistake_turns_the_suite_red(copy: Path, name: str) -> None:
    mutation = MUTATIONS[name]
    path = copy / "tucker_core" / mutation.file
    source = path.read_text(encoding="utf-8")
    found = source.count(mutation.old)
    assert found == 1, f"{mutation.file} has {mutation.old!r} {found} times: plant it elsewhere"
    path.write_text(source.replace(mutation.old, mutation.new), encoding="utf-8")
    assert run(copy, mutation.test) == 1

"""How much a submission may use, and what it is told of the world."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from course_kit.checks.variants import SEED_VARIABLE, STUDENT_VARIABLE

PACKAGES = Path(__file__).resolve().parents[2]
# Of the grader's own environment: where programs and libraries lie, and the language.
KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "SYSTEMROOT", "WINDIR")
MOST_PROCESSES = 48  # at once


@dataclass(frozen=True)
class Limits:
    """Limits of one submission.

    Attributes
    ----------
    cell_seconds, notebook_seconds : wall clock time of a cell or test, and of all together
    memory_gb : of all its processes together
    disk_mb : of all its files together
    """

    cell_seconds: float = 120.0
    notebook_seconds: float = 600.0
    memory_gb: float = 4.0
    disk_mb: float = 200.0

    def __post_init__(self) -> None:
        """Refuse what is not positive."""
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} is {value}; a positive number is needed")

    @property
    def arguments(self) -> list[str]:
        """For the runner: seconds of processor time, bytes of memory, bytes of a file."""
        numbers = (2 * self.notebook_seconds + 1, self.memory_gb * 2**30, self.disk_mb * 2**20)
        return [str(int(number)) for number in numbers]


def environment(
    home: str, student: str, course_seed: int, outer: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of a submission: nothing of the grader's own but where programs lie.

    Parameters
    ----------
    home : working folder and home, as the submission sees it
    student, course_seed : whose variant the assignment asks for
    outer : the grader's own environment
    """
    own = f"{home}/.config"
    return {
        **{name: outer[name] for name in KEPT if name in outer},
        STUDENT_VARIABLE: student,
        SEED_VARIABLE: str(course_seed),
        "HOME": home,
        "USERPROFILE": home,
        "USER": "student",
        "TMPDIR": home,
        "TEMP": home,
        "IPYTHONDIR": f"{own}/ipython",
        "JUPYTER_RUNTIME_DIR": f"{own}/runtime",
        "JUPYTER_PLATFORM_DIRS": "1",
        "MPLCONFIGDIR": f"{own}/matplotlib",
        "NUMBA_DISABLE_JIT": "1",  # compiled code would have to be kept where all may write
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(PACKAGES),
        "PYTHONUTF8": "1",
    }

"""How much a submission may use, and what it is given."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from course_kit.checks.variants import SEED_VARIABLE, STUDENT_VARIABLE
from course_kit.grading.assignment import INSTRUCTOR
from course_kit.notebook.paths import DATA

PACKAGES = Path(__file__).resolve().parents[3]
OWN = ("course_kit", "tucker_core", "torch_bridge")
SYSTEM = (
    "/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr",
    "/nix/store", "/opt/homebrew", "/Library", "/System", "/private/etc",
)  # fmt: skip
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "WINDIR")  # of the grader's own environment
MARKER = "ADA_GRADING"
FONTS = ".matplotlib"


@dataclass(frozen=True)
class Limits:
    """Limits of one submission.

    Attributes
    ----------
    cell_seconds, notebook_seconds : wall clock time of a cell, and of all cells together
    memory_gb : address space, where the system can limit it
    disk_mb : largest file, and about as much in all files together
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


def environment(
    folder: Path, student: str, course_seed: int, marker: str, outer: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of a submission: nothing of the grader's own but where programs lie.

    Parameters
    ----------
    folder : working folder and home
    student, course_seed : whose variant the assignment asks for
    marker : tells the processes of this submission from all others
    outer : the grader's own environment
    """
    return {
        **{name: outer[name] for name in KEPT if name in outer},
        STUDENT_VARIABLE: student,
        SEED_VARIABLE: str(course_seed),
        MARKER: marker,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "TEMP": str(folder),
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(folder / FONTS),
        "NUMBA_DISABLE_JIT": "1",  # compiled code would have to be kept where all may write
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(PACKAGES),
        "PYTHONUTF8": "1",
    }


def readable_paths() -> list[Path]:
    """What a submission may read besides its own folder: the system, Python, and this project's code.

    The instructor's notebooks, which an installed package holds, and other submissions are not among
    them.
    """
    # Libraries may lie elsewhere, too: in a user's own folder, or where a .pth file says.
    libraries = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    names = {sys.prefix, sys.base_prefix, *libraries, *sysconfig.get_paths().values()}
    own = [PACKAGES / name for name in OWN]
    paths = [*map(Path, SYSTEM), *map(Path, sorted(names)), *own, DATA]
    return [part for path in paths for part in all_but(INSTRUCTOR, path)]


def all_but(hidden: Path, path: Path) -> Iterator[Path]:
    """A path, or where something hidden lies in it, all else that is there."""
    real = path.resolve()
    if real not in (hidden, *hidden.parents):
        yield path
    elif real != hidden:
        for part in sorted(real.iterdir()):
            yield from all_but(hidden, part)


def share_fonts(folder: Path) -> None:
    """Copy matplotlib's list of fonts to a submission, which would need seconds to make its own."""
    # Importing the font manager makes the list where there is none.
    from matplotlib import font_manager, get_cachedir

    version = getattr(font_manager.FontManager, "__version__")  # noqa: B009  (untyped)
    source = Path(get_cachedir()) / f"fontlist-v{version}.json"
    (folder / FONTS).mkdir()
    if source.exists():
        shutil.copy(source, folder / FONTS)

"""What compiled kernels are kept on disk: never stale ones, none where there is no place for them.

A small room of its own stands for `tucker_core.kernels`: the same `jit.py`, and tiny kernels.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tucker_core import kernels

pytestmark = pytest.mark.skipif(not kernels.can_compile(), reason="there is no compiler")
INNER = """
from room.jit import inlined

@inlined
def value():
    return 1.0
"""
OUTER = """
import numba
from room.inner import value
from room.jit import address_of, compiled, lazily_compiled, once

def plus(x):
    return x + value()

def nothing(x):
    pass

@lazily_compiled
def twice(x):
    return 2 * x + value()

@once
def ready():
    address_of(nothing, numba.float64)
    return compiled(plus, numba.float64)
"""
SHOW = """
from room.outer import ready, twice
print(ready()(1.0), twice(1.0))
"""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    folder = tmp_path / "room"
    folder.mkdir()
    shutil.copy(Path(kernels.__file__).parent / "jit.py", folder)
    for name, text in (("__init__", ""), ("inner", INNER), ("outer", OUTER)):
        (folder / f"{name}.py").write_text(text)
    return folder


def show(room: Path, **environment: str) -> tuple[list[float], str]:
    """What the kernels give, and what was said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", SHOW],
        env=clean | {"PYTHONPATH": str(room.parent), "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [float(number) for number in done.stdout.split()], done.stderr


def kept(folder: Path) -> set[tuple[str, int]]:
    """The files of compiled functions and when they were written."""
    return {(path.name, path.stat().st_mtime_ns) for path in folder.rglob("*.nb[ic]")}


@pytest.mark.parametrize("place", ["beside the sources", "NUMBA_CACHE_DIR"])
def test_a_changed_source_is_compiled_whatever_its_date(room: Path, place: str) -> None:
    cache = {} if place == "beside the sources" else {"NUMBA_CACHE_DIR": str(room.parent / "kept")}
    inner, late = room / "inner.py", 4_000_000_000
    os.utime(inner, (late, late))  # in the future, and then the same date and size again
    assert show(room, **cache)[0] == [2, 3]
    first = kept(room.parent)
    assert show(room, **cache)[0] == [2, 3]
    assert kept(room.parent) == first, "compiled anew without need"
    inner.write_text(INNER.replace("1.0", "5.0"))
    os.utime(inner, (late, late))
    assert show(room, **cache)[0] == [6, 7]
    second = kept(room.parent)
    assert show(room, **cache)[0] == [6, 7]
    assert kept(room.parent) == second, "compiled anew without need"


def test_what_other_sources_gave_is_dropped(room: Path) -> None:
    show(room)
    first = {name for name, _ in kept(room)}
    assert first
    (room / "inner.py").write_text(INNER.replace("1.0", "5.0"))
    show(room)
    second = {name for name, _ in kept(room)}
    assert len(second) == len(first)
    assert not first & second


def test_without_a_place_for_them_one_warning_says_so(room: Path) -> None:
    nowhere = room / "__pycache__"  # a file where a folder should be: no one can write there
    nowhere.touch()
    environment = {
        "XDG_CACHE_HOME": str(nowhere),
        "HOME": str(nowhere),
        "LOCALAPPDATA": str(nowhere),
    }
    values, said = show(room, **environment)
    assert values == [2, 3]
    assert said.count("RuntimeWarning") == 1, said
    assert "cannot be kept on disk" in said
    assert "NUMBA_CACHE_DIR" in said


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"", b"no pickle", "half"])
def test_a_damaged_kernel_of_a_search_is_replaced(
    room: Path, kind: str, damage: bytes | str
) -> None:
    show(room)
    for path in (room / "__pycache__").glob(f"outer.twice*.{kind}"):
        content = path.read_bytes()
        path.write_bytes(damage if isinstance(damage, bytes) else content[: len(content) // 2])
    assert show(room) == ([2, 3], "")
    first = kept(room)
    assert show(room) == ([2, 3], "")
    assert kept(room) == first, "compiled anew without need"


def test_a_damaged_file_is_compiled_anew(room: Path) -> None:
    show(room)
    for index in (room / "__pycache__").glob("outer.[pn]*.nbi"):
        index.write_bytes(b"")
    values, said = show(room)
    assert values == [2, 3]
    assert said.count("RuntimeWarning") == 1, said

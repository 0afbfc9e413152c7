"""A disk that is full: one line, an old file that is still whole, and nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.tiny_program import start
from tests.torch_bridge.tiny_runs import write_ada

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork server")
LINES = {
    "weights": "train lenet300 --quiet --epochs 1 --out disk/net.npz --runs checks",
    "checkpoint": "train lenet300 --quiet --epochs 1 --out net.npz --runs disk",
    "npz": "export net.ada --out disk/net.npz",
    "safetensors": "export net.ada --out disk/net.safetensors",
    "pt2": "export net.ada --out disk/net.pt2",
}
MOST = 200_000


def limit(most: int) -> None:
    """Let no file of this process grow larger: as on a full disk, a write fails half-way."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 200 kB, where that is allowed."""
    disk = tmp_path / "run" / "disk"
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MOST // 1000}k", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no mount: {error}")
    if done.returncode:
        pytest.skip(f"a disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fails_in_one_line(line: str, folder: Path, most: int | None) -> None:
    """The command ends with 1 and one line; what was there before is whole, and no more is there."""
    disk = folder / "disk"
    disk.mkdir(parents=True, exist_ok=True)
    out = folder / line.split("--out ")[1].split()[0]
    write_ada(folder / "net.ada")
    if out.parent == disk:
        out.write_bytes(b"old")
    before = {path.name: path.read_bytes() for path in disk.iterdir()}
    call = start(line, folder, None if most is None else partial(limit, most))
    assert call.end() == 1
    (said,) = [s for s in call.log.read_text().splitlines() if not s.startswith("note: ")]
    assert said.startswith("ada-tucker: ")
    assert "space" in said or "large" in said or "full" in said
    assert "disk/" in said or "checks/" in said, "it names the file"
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == before


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.faults] * (n != "weights")) for n in LINES]
)
def test_a_write_that_fails_half_way(name: str, tmp_path: Path) -> None:
    fails_in_one_line(LINES[name], tmp_path / "run", MOST)


@pytest.mark.faults
@pytest.mark.parametrize("name", LINES)
def test_a_disk_without_room(name: str, small_disk: Path) -> None:
    fails_in_one_line(LINES[name], small_disk.parent, None)

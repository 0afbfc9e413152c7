"""Ctrl-C and readers that go away: a clean end, without a traceback, at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.tiny_program import ROOT
from tests.torch_bridge.tiny_runs import write_ada

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")
PROGRAM = [sys.executable, "-m", "ada_tucker"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
ENVIRONMENT.pop(
    "PYTHONUNBUFFERED", None
)  # what is printed is kept back, and meets no reader at the end


@pytest.mark.parametrize("after", [0.4, pytest.param(0.9, marks=pytest.mark.faults)])
def test_interrupted_while_torch_is_read(after: float, tmp_path: Path) -> None:
    """The moment is counted from when the program's own code begins."""
    code = (
        "import sys, threading, time, os, signal; "
        f"threading.Timer({after}, os.kill, (os.getpid(), signal.SIGINT)).start(); "
        "from ada_tucker.__main__ import main; sys.exit(main())"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(
        words, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    if done.returncode == 2:
        pytest.skip("torch was read before the signal came")
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("ada-tucker: interrupted")


@pytest.mark.parametrize("line", ["inspect net.ada", "inspect net.ada --json"])
def test_a_reader_that_goes_away_is_no_fault(line: str, tmp_path: Path) -> None:
    write_ada(tmp_path / "net.ada")
    inside, outside = os.pipe()
    os.close(inside)
    try:
        done = subprocess.run(
            [*PROGRAM, *line.split()], cwd=tmp_path, env=ENVIRONMENT, stdout=outside,
            stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(outside)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(("line", "code"), [("net.ada >&-", 0), ("none.ada 2>&-", 1)])
def test_a_stream_that_is_closed_is_no_fault(line: str, code: int, tmp_path: Path) -> None:
    write_ada(tmp_path / "net.ada")
    words = ["sh", "-c", f'"$0" -m ada_tucker inspect {line}', sys.executable]
    done = subprocess.run(
        words, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.faults
@pytest.mark.parametrize("after", [4.0, 6.0])
def test_interrupted_while_it_trains(after: float, tmp_path: Path) -> None:
    line = "train lenet300 --epochs 1000 --quiet --offline"
    process = subprocess.Popen(
        [*PROGRAM, *line.split()], cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said

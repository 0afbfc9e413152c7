"""Two processes over gloo, started by torchrun, train as one does; a killed run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def trained_by(processes: int, folder: Path, norm: str) -> list[dict[str, Any]]:
    """What each process wrote."""
    folder.mkdir()
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}",
        str(ROOT / "tests/torch_bridge/distributed_run.py"), str(folder), norm,
    ]  # fmt: skip
    done = subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    names = [f"rank{rank}of{processes}.json" for rank in range(processes)]
    return [json.loads((folder / name).read_text()) for name in names]


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "tolerance"), [("plain", 0.01), ("norm", 0.1)])
def test_two_processes_train_as_one(norm: str, tolerance: float, tmp_path: Path) -> None:
    """Without batch-norm only the order of sums differs; with it, each has its own statistics."""
    (alone,) = trained_by(1, tmp_path / "one", norm)
    first, second = trained_by(2, tmp_path / "two", norm)
    assert first["weights"] == second["weights"]
    assert first["losses"] == second["losses"]
    np.testing.assert_allclose(first["losses"], alone["losses"], rtol=tolerance)
    assert alone["losses"][-1] < 0.95 * alone["losses"][0]
    left = sorted((tmp_path / "two").glob("checkpoint*"))
    assert [path.suffix for path in left] == [".csv", ".json", ".npz"]
    assert len({path.stem for path in left}) == 1


KILLED = """
import sys
from pathlib import Path
from tests.torch_bridge.tiny_pictures import *
from torch_bridge.training.loop import train
model = picture_net(dropout=0.2)
regime = REGIME.__class__(**{**vars(REGIME), "epochs": 40, "ema": 0.9})
train(model, supply(160), held_out(), regime, checkpoint=Path(sys.argv[1]), progress=False)
"""


def run_to(folder: Path, kill_after: int | None = None) -> Path:
    """Train in a process of its own, killed with no warning once so many epochs are done."""
    words = [sys.executable, "-c", KILLED, str(folder / "run.npz")]
    process = subprocess.Popen(words, env=ENVIRONMENT, cwd=ROOT)
    while kill_after is not None and process.poll() is None:
        journal = next(folder.glob("run-*.csv"), None)
        if journal is not None and len(journal.read_text().splitlines()) > kill_after:
            time.sleep(0.01)  # into the next epoch
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    code = process.wait(timeout=300)
    assert code == (0 if kill_after is None else -signal.SIGKILL)
    (checkpoint,) = folder.glob("run-*.npz")
    return checkpoint


def arrays(path: Path) -> dict[str, Any]:
    """All that a checkpoint holds, but for times."""
    with np.load(path, allow_pickle=False) as stored:
        content = {name: stored[name] for name in stored.files if not name.endswith("seconds")}
    content["tensor/journal"] = content["tensor/journal"][:, :-1]
    return content


@pytest.mark.slow
def test_killed_in_an_epoch_a_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    expected, broken = arrays(run_to(tmp_path / "whole")), tmp_path / "broken"
    run_to(broken, kill_after=2)
    assert 4 <= int(arrays(run_to(broken, kill_after=4))["plain/epoch"]) < 40
    found = arrays(run_to(broken))
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


WRITES = """
import sys
from pathlib import Path
from tucker_core.files import write_json
for number in range(200):
    write_json(Path(sys.argv[1]) / f"{sys.argv[2]}{number}.json", {"from": sys.argv[2]})
    write_json(Path(sys.argv[1]) / "both.json", {"from": sys.argv[2], "padding": list(range(500))})
"""


def test_two_processes_write_one_folder_without_loss(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITES, str(tmp_path)]
    both = [subprocess.Popen([*command, who], env=ENVIRONMENT, cwd=ROOT) for who in "ab"]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"both.json", *(f"{who}{n}.json" for who in "ab" for n in range(200))}
    assert len(json.loads((tmp_path / "both.json").read_text())["padding"]) == 500

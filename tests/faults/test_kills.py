"""Runs that are killed at any moment go on with the same command to the very same bytes."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest

from tests.faults.tiny_program import NET, networks_in, start
from tucker_core import load

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork server")
KILLS = {"compress": 2}  # of the one that runs with the fast tests; 4 of the others
RUNS = {
    "train": "train lenet300 --out net.npz --runs checks --quiet",
    "compress": "compress lenet300 --out net.ada --runs checks --quiet",
    "demo": "demo lenet300 --out made --runs checks --quiet",
    "pareto": "pareto lenet300 --budgets 900 1200 --rates 0.5 9 --out made --runs checks --quiet",
    "ablate": "ablate core --seeds 0 --out made --runs checks --quiet",
    "bench": f"bench {NET} --out made --runs checks --quiet",
    "compare": f"bench {NET} --compare --methods ada pruning --ratios 8 --seeds 0 --out made "
    "--runs checks --quiet",
}
SLOW = [pytest.param(name, marks=pytest.mark.faults) for name in RUNS if name != "compress"]


@pytest.mark.parametrize("name", ["compress", *SLOW])
def test_killed_runs_go_on_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    line, moments = RUNS[name], random.Random(name)
    start(line, tmp_path / "warm").end()  # the server has started, kernels are compiled
    begun = time.perf_counter()
    assert start(line, tmp_path / "whole").end() == 0
    seconds = time.perf_counter() - begun
    broken = tmp_path / "broken"
    killed = 0
    for _ in range(KILLS.get(name, 4)):
        call = start(line, broken)
        call.process.join(seconds * moments.uniform(0.1, 0.9))
        call.process.kill()
        killed += call.end() == -9
        for path in broken.rglob("*.ada"):
            if not path.name.startswith("."):
                load(path)  # what is there is whole
    assert start(line, broken).end() == 0
    assert killed
    expected = networks_in(tmp_path / "whole")
    assert {n: c for n, c in networks_in(broken).items() if n in expected} == expected
    assert expected or name == "ablate"


@pytest.mark.faults
@pytest.mark.parametrize("name", ["compress", "pareto", "compare"])
def test_two_processes_in_one_folder_do_not_harm_each_other(name: str, tmp_path: Path) -> None:
    assert start(RUNS[name], tmp_path / "alone").end() == 0
    calls = [start(RUNS[name], tmp_path / "shared") for _ in range(2)]
    assert [call.end() for call in calls] == [0, 0]
    assert networks_in(tmp_path / "shared") == networks_in(tmp_path / "alone")

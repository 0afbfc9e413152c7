"""The sweep: every combination once, resumable, the front by validation error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ada_tucker.studies.pareto import front, pareto_table, sweep
from tests.torch_bridge.tiny_runs import interrupt_at, tiny_experiment
from torch_bridge.benchmarks.experiment import Experiment
from tucker_core import load


def experiment(folder: Path) -> Experiment:
    return tiny_experiment(folder=folder / "checkpoints")


def run(folder: Path) -> list[dict[str, object]]:
    return sweep(experiment(folder), [1_000, 1_500], [0.0, 9.0], [3], folder / "out")


def test_sweep_writes_each_run_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(patch, 10)  # two epochs before and two of QAT: in the third run
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    done = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert len(done) == 4
    results = run(tmp_path)
    assert len(results) == 4
    assert all((tmp_path / "out" / name).read_bytes() == content for name, content in done.items())
    for path in (tmp_path / "out").glob("*.ada"):
        told = json.loads(path.with_suffix(".json").read_text())
        assert told["rows"][0]["n_bytes"] == path.stat().st_size
        assert load(path).n_params <= told["recipe"]["budget"] + 10
    sizes = {
        (r["recipe"]["budget"], r["recipe"]["qat"]["rate"]): r["rows"][0]["n_bytes"]  # type: ignore[index]
        for r in results
    }
    assert sizes[1_000, 9.0] < sizes[1_000, 0.0] < sizes[1_500, 0.0]
    table = pareto_table(results)
    assert table.count("lenet300_ada_mnist-5k_b") == 4
    assert "*" in table


def test_front_keeps_what_no_other_beats() -> None:
    def made(size: int, error: float) -> dict[str, object]:
        return {"rows": [{"n_bytes": size, "val_error": error}]}

    runs = [made(900, 1.0), made(800, 1.0), made(700, 1.5), made(750, 1.6), made(2_000, 0.5)]
    assert front(runs) == [runs[2], runs[1], runs[4]]


def test_a_budget_too_small_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="budget is 9"):
        sweep(experiment(tmp_path), [9], [0.0], [0], tmp_path / "out")
    assert not list(tmp_path.rglob("*.json"))

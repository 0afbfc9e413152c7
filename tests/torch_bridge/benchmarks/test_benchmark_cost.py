"""What a step of training costs: `ada-tucker bench NAME --dry-run` and `--overhead`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ada_tucker.cli import main as cli
from torch_bridge.benchmarks import BENCHMARKS, cost


def test_command_measures_steps_on_made_up_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def here(name: str, **options: Any) -> dict[str, Any]:
        measured = cost.time_steps(name, **{**options, "batch_size": 4, "steps": 1})
        return {**measured, "batch_size": options["batch_size"] or 128}

    monkeypatch.setattr(cost, "measured_apart", here)
    assert cli.main(["bench", "resnet20", "--dry-run", "--out", str(tmp_path)]) == 0
    dense, tucker = json.loads((tmp_path / "bench_resnet20_dryrun.json").read_text())["costs"]
    assert dense["parameters"] == 269_722 > 5 * tucker["parameters"]
    steps = dense["epochs"] * (45_000 // dense["batch_size"])
    seconds = dense["cpu_seconds"] / torch.get_num_threads()
    assert dense["hours"] == steps * seconds / 3_600
    assert dense["full_batch_mib"] == dense["peak_mib"]
    assert cli.main(["bench", "resnet20", "--overhead", "--out", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "bench_resnet20_overhead.json").read_text())
    assert (
        content["ratios"]["time"]
        == content["tucker"]["cpu_seconds"] / content["dense"]["cpu_seconds"]
    )
    assert "Tucker / dense: time" in capsys.readouterr().out


def test_a_step_on_grey_digits_is_measured_too() -> None:
    """Images have as many colours as the data set; LeNets read one."""
    for name in ("lenet5", "lenet300"):
        for fraction in (None, 0.1):
            assert cost.time_steps(name, fraction=fraction, batch_size=4, steps=1)["seconds"] > 0


def test_a_share_that_no_twin_can_keep_is_told_in_plain_words() -> None:
    with pytest.raises(ValueError, match=r"^a training step of lenet300 could not.*: budget is 0"):
        cost.measured_apart("lenet300", fraction=1e-30, batch_size=4, steps=1)


def test_half_of_one_image_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def made_up(name: str, **options: Any) -> dict[str, Any]:
        sizes.append(options["batch_size"])
        return {"name": name, "cpu_seconds": 1.0, "peak_mib": 100.0}

    monkeypatch.setattr(cost, "measured_apart", made_up)
    cost.dry_run(BENCHMARKS["resnet20"], 0.1, 1, "cpu")
    assert sizes == [1, 1]


@pytest.mark.parametrize("share", ["nan", "0", "1.5", "-1", "inf", "some"])
def test_a_share_that_cannot_be_is_wrong_use(
    share: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["bench", "lenet5", "--overhead", "--share", share])
    assert "argument --fraction/--share: " in capsys.readouterr().err.splitlines()[-1]


def test_memory_at_the_full_batch_is_on_the_line_through_two_sizes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def made_up(name: str, **options: Any) -> dict[str, Any]:
        size = options["batch_size"]
        return {"name": name, "batch_size": size, "cpu_seconds": 3.6, "peak_mib": 100.0 + 2 * size}

    monkeypatch.setattr(cost, "measured_apart", made_up)
    costs = cost.dry_run(BENCHMARKS["resnet20"], 0.1, 8, "cpu")["costs"]
    assert [found["full_batch_mib"] for found in costs] == [100.0 + 2 * 128] * 2
    assert costs[0]["hours"] == pytest.approx(
        30 * (45_000 // 8) * 3.6 / torch.get_num_threads() / 3_600
    )


@pytest.mark.slow
def test_a_case_is_measured_in_a_process_of_its_own() -> None:
    measured = cost.measured_apart("resnet20", fraction=0.1, batch_size=8, steps=1)
    assert measured["peak_mib"] > 50
    with pytest.raises(RuntimeError, match="'resnet21' is unknown"):
        cost.measured_apart("resnet21", fraction=None, batch_size=8, steps=1)

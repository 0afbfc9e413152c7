"""The command that wants a GPU runs to its end without one, and says what went wrong where it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.bench import gpu
from tucker_core.json_file import read_json


@pytest.mark.slow
def test_tiny_runs_to_the_end_on_any_machine(tmp_path: Path) -> None:
    assert gpu.main(["--tiny", "--device", "cpu", "--out", str(tmp_path), "--minutes", "20"]) == 0
    parts = {part: read_json(tmp_path / f"gpu_{part}.json") for part in gpu.PARTS}
    assert {content["device"] for content in parts.values()} == {"cpu"}
    assert [row["name"] for row in parts["resnet20"]["rows"]] == ["dense", "ada", "scada"]
    assert len(parts["steps"]["rows"]) == 2
    assert all(row["steps_per_second"] > 0 for row in parts["steps"]["rows"])


def test_a_part_that_fails_or_has_no_time_says_so_and_the_next_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--tiny", "--device", "cpu", "--out", str(tmp_path), "--minutes", "0"]
    assert gpu.main(words) == len(gpu.PARTS)
    for part in gpu.PARTS:
        assert "no time was left" in read_json(tmp_path / f"gpu_{part}.json")["error"]
    assert capsys.readouterr().out.count("no time was left") == len(gpu.PARTS)


def test_without_a_gpu_it_says_what_to_do() -> None:
    with pytest.raises(SystemExit, match="no GPU; --tiny runs all parts on the CPU"):
        gpu.main(["--device", "cpu"])

"""The benchmark of reshapes: the joint choice beats every family, and files that are absent are said."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.bench import shapes


def weights() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    columns, rows = rng.standard_normal((16, 3, 5)), rng.standard_normal((12, 3, 5))
    return {
        "conv": np.einsum("okr,ijr->oikj", columns, rows)
        + 0.1 * rng.standard_normal((16, 12, 3, 3)),
        "linear": rng.standard_normal((64, 8)) @ rng.standard_normal((8, 48)),
        "depthwise": rng.standard_normal((64, 1, 3, 3)),
        "bias": rng.standard_normal(300),
    }


def test_the_joint_choice_loses_no_more_than_any_family() -> None:
    found = shapes.study("net", shapes.compressible(weights()))
    assert found["weights"] == 2
    for row in found["rows"]:
        others = [lost for family, lost in row["lost"].items() if lost is not None]
        assert row["lost"]["joint"] <= min(others) + 1e-3
        assert sum(row["chosen"].values()) == 2
        assert row["params"] <= row["share"] * found["dense_params"]


def test_files_of_weights_are_read(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    np.savez(tmp_path / "net.npz", **weights())
    command = ["shapes", "--weights", str(tmp_path / "net.npz"), "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", command)
    assert shapes.main() == 0
    assert "joint" in capsys.readouterr().out
    assert (tmp_path / "bench_shapes.json").exists()
    monkeypatch.setattr(sys, "argv", ["shapes", "--packages", str(tmp_path)])
    with pytest.raises(SystemExit):
        shapes.main()
    assert "no network is there" in capsys.readouterr().err

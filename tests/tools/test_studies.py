"""The sections of studies say what their results say, also where a run was impossible."""

from __future__ import annotations

from typing import Any

import pytest

from tools.pages import claims, studies

DENSE = {"params": 200, "n_bytes": 800, "test_error": 10.0}
HEAD = {
    "benchmark": "resnet20", "data_set": "CIFAR-10-jpeg", "seeds": [0], "date": "2026-01-01",
    "command": "ada-tucker bench resnet20", "dense": DENSE, "recipe": {"tucker": {"epochs": 3}},
}  # fmt: skip
ROW = {"params": 50, "n_bytes": 40, "val_error": 11.0, "test_error": 12.0}


def section(monkeypatch: pytest.MonkeyPatch, pattern: str, *contents: dict[str, Any]) -> str:
    monkeypatch.setattr(studies, "results", lambda p: list(contents) if p == pattern else [])
    return "\n".join(studies.studies())


def test_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = {"order": 3, "title": "balanced", "seed": 0}
    done = shape | {"dims": [32, 32, 36], "rank": [11, 32, 8], "energy_lost": 0.5, "row": ROW}
    text = section(
        monkeypatch, "shapes_*.json", HEAD | {"runs": [done, shape | {"reason": "no room"}]}
    )
    assert "| 3 | balanced | 32 x 32 x 36 | 11 x 32 x 8 | 50 | 50.0% | 12.00 % |" in text
    assert "| 3 | balanced | no room |" in text
    assert "(../results/shapes_resnet20_cifar-10-jpeg.png)" in text


def test_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [{"bits": 8.0, "row": ROW}, {"bits": 99.0, "reason": "no room"}]
    text = section(monkeypatch, "rates_*.json", HEAD | {"runs": runs})
    assert "| 50 | 25.0% | 8.0 | 40 | 11.00 % | 12.00 % |" in text
    assert "| no room |  | 99.0 |" in text


def test_shared_cores_give_medians_and_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = {"own cores": (9.0, 5.0, 6.0), "one shared core": (4.0,)}
    outcomes = [
        {"setting": f"lenet300, {way}, 500", "test_error": error}
        for way, found in errors.items()
        for error in found
    ]
    content = {k: HEAD[k] for k in ("command", "date", "data_set")} | {"outcomes": outcomes}
    text = section(monkeypatch, "ablation_shared_*.json", content)
    assert "| lenet300 | 500 | 6.00 % (5.00-9.00) | 4.00 % (4.00-4.00) |" in text


def test_sharing_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"network": "net", "fraction": 0.15, "stored": 1_234, "energy_lost": 0.5}
    rows = [row | {"method": way} for way in ("ada", "scada")]
    none = {"network": "net", "fraction": 0.15, "method": "scada-groups", "reason": "no groups"}
    content = {"rows": [*rows, none], "date": "2026-01-01", "command": "python -m x"}
    text = section(monkeypatch, "bench_sharing.json", content)
    assert "| net | 15% | 50.0% (1,234) | no groups | 50.0% (1,234) |" in text


def test_nothing_is_said_of_what_was_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert section(monkeypatch, "nothing") == ""


def small(params: int, lost: float, seed: int = 0) -> dict[str, Any]:
    row = {"name": f"ada-{params}_seed{seed}.ada", "params": params, "n_bytes": params}
    stages = {"tucker": {"epochs": 3}, "qat": {"epochs": 6}, "method": "ada"}
    plan = [("conv", (16, 16, 9), (4, 4, 4))]
    return {"rows": [{"params": 1_000}, row], "points_lost": lost, "recipe": stages, "plan": plan}


def test_published_rows_stand_beside_ours_of_no_more_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = [small(300, 0.1), small(175, 1.0), small(175, 3.0, 1), small(175, 2.0, 2)]
    monkeypatch.setattr(claims, "runs_of", lambda name: runs if name == "resnet32" else [])
    text = "\n".join(claims.claims())
    row = "ADA-Tucker | 175 | 17.5% | 700 | 175 | +2.00 | 3 | 9 |"
    assert f"| resnet32 | T-Basis, 18.0 % of the parameters | +2.49 | {row}" in text
    assert "| resnet32 | T-Basis, 9.5 % of the parameters | +4.10 | not run |" in text


def test_rounding_is_not_set_beside_decompositions(monkeypatch: pytest.MonkeyPatch) -> None:
    run = small(175, 1.0) | {"plan": [("conv", (16, 16, 9), (16, 16, 9))]}
    monkeypatch.setattr(claims, "runs_of", lambda name: [run] if name == "resnet32" else [])
    assert "T-Basis, 18.0 % of the parameters | +2.49 | not run |" in "\n".join(claims.claims())

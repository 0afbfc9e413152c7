"""The sections of studies say what their results say, also where a run was impossible."""

from __future__ import annotations

from typing import Any

import pytest

from tools.pages import studies

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


def test_nothing_is_said_of_what_was_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert section(monkeypatch, "nothing") == ""

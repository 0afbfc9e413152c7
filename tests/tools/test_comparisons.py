"""The tables of methods side by side say who is ahead, and who is not."""

from __future__ import annotations

from typing import Any

import pytest

from course_kit.notebook.paths import DATA
from course_kit.notebook.results import results
from tools.pages import comparisons
from torch_bridge.models import build_model
from torch_bridge.state.fingerprint import digest_weights
from torch_bridge.state.tensors import load_weights


def run(method: str, ratio: float, n_bytes: int, error: float, seed: int = 0) -> dict[str, Any]:
    row = {"n_bytes": n_bytes, "test_error": error}
    return {"method": method, "ratio": ratio, "seed": seed, "row": row}


OURS = [run("ada", 10, 400, 1.0), run("ada", 40, 100, 4.0), run("scada", 10, 400, 3.0)]


def content(*others: dict[str, Any]) -> dict[str, Any]:
    return {
        "benchmark": "lenet5", "data_set": "MNIST", "seeds": [0], "date": "2026-01-01",
        "command": "ada-tucker bench lenet5 --compare", "runs": [*OURS, *others],
        "dense": {"n_bytes": 4_000, "test_error": 0.9},
        "recipe": {"tucker": {"epochs": 4}, "qat": {"epochs": 8}},
    }  # fmt: skip


def page(monkeypatch: pytest.MonkeyPatch, *others: dict[str, Any]) -> str:
    monkeypatch.setattr(comparisons, "results", lambda _: [content(*others)])
    return "\n".join(comparisons.comparisons())


def test_bytes_at_equal_error_lie_between_our_files(monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(monkeypatch, run("svd", 10, 400, 2.0), run("tt", 40, 200, 5.0))
    assert "| truncated SVD | 10x | 400 (400-400) | 2.00 % (2.00-2.00) | 200 (0.50x) |" in text
    assert (
        "| tensor train | 40x | 200 (200-200) | 5.00 % (5.00-5.00) | at most 100 (0.50x) |" in text
    )
    assert "ADA or SCADA is ahead of every other file." in text
    assert "needs fewer bytes in 2 cases, 0.50 times" in comparisons.verdicts()


def test_files_that_we_are_not_ahead_of_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(monkeypatch, run("svd", 10, 150, 2.0), run("rounding", 10, 400, 0.9))
    assert "| 200 (1.33x) |" in text
    assert "**no Tucker file has so small an error**" in text
    ahead = "Neither ADA nor SCADA is ahead of truncated SVD at 10x and of rounding alone at 10x."
    assert ahead in text
    assert "needs fewer bytes in 0 cases" in comparisons.verdicts()


def test_a_file_smaller_than_all_of_ours_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(monkeypatch, run("svd", 10, 90, 9.0))
    assert "| at most 100 (1.11x) |" in text
    assert "No file of ours is as small as that of truncated SVD at 10x" in text
    assert "Neither ADA" not in text


def test_the_middle_of_all_seeds_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = [run("svd", 10, 100 * k, error, k) for k, error in ((1, 9.0), (2, 2.0), (9, 1.5))]
    text = page(monkeypatch, *seeds)
    assert "| truncated SVD | 10x | 200 (100-900) | 2.00 % (1.50-9.00) | 200 (1.00x) |" in text
    assert "Neither ADA nor SCADA is ahead of truncated SVD at 10x." in text


def test_what_nothing_fits_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    gap = {"method": "tucker2", "ratio": 99.0, "seed": 0, "reason": "nothing fits"}
    assert "| Tucker-2 | 99x | nothing that small |" in page(monkeypatch, gap)


def test_the_shipped_dense_network_is_the_one_that_all_methods_began_with() -> None:
    path = DATA / "models" / "resnet20_cifar-10-jpeg.npz"
    model = load_weights(path, build_model("resnet20"))
    compared = results("compare_resnet20_cifar-10-jpeg.json")[0]
    assert compared["dense_weights"] == digest_weights(model)
    assert f"--dense data/models/{path.name}" in compared["command"]

"""The page of the benchmarks says what the result files say, and nothing where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from course_kit.figures.benchmark import benchmark_figure
from tools.pages import benchmark_rows
from tools.pages import benchmarks as benchmarks_page
from tucker_core.results import published

ROW = {"name": "dense-30", "params": 100, "n_bytes": 400, "ratio": 1.0, "val_error": 9.0,
       "test_error": 10.0, "seconds": 1.0}  # fmt: skip
SMALL = {**ROW, "name": "bench_resnet20_cifar-10-jpeg_ada-15x-30_seed0.ada", "params": 40,
        "n_bytes": 25, "ratio": 16.0, "test_error": 10.5}  # fmt: skip
RUN = {
    "benchmark": "resnet20", "data_set": "CIFAR-10-jpeg", "seed": 0, "rows": [ROW, SMALL],
    "points_lost": 0.5, "date": "2026-01-01", "machine": {"cpu": "a CPU"}, "recipe": {"method": "ada"},
}  # fmt: skip

RECIPE = {"method": "ada", "ratio": 15.0, "tucker": {"epochs": 3}, "qat": {"epochs": 6}}


def test_page_in_the_tree_is_up_to_date() -> None:
    assert benchmarks_page.PAGE.read_text(encoding="utf-8") == benchmarks_page.page()


def test_a_run_becomes_a_row_and_the_others_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(pattern: str) -> list[dict[str, Any]]:
        return [RUN] if pattern == "bench_resnet20_*_seed*.json" else []

    monkeypatch.setattr(benchmarks_page, "results", found)
    monkeypatch.setattr(benchmark_rows, "results", found)
    text = benchmarks_page.page()
    assert "| CIFAR-10-jpeg | ada-15x-30 | 0 | 40 | 25 | 16.0x | 9.00 % | 10.50 % | +0.50 |" in text
    assert "| resnet50 | 25,557,032 | ILSVRC12 | not run |" in text
    assert "| resnet20 | 269,722 | CIFAR-10 | 1 result |" in text


def test_readme_row_says_for_how_many_epochs_a_network_was_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = {**RUN, "recipe": RECIPE}
    monkeypatch.setattr(benchmark_rows, "results", lambda _: [run])
    table = benchmark_rows.compressed_table()
    assert "| ada, target 15x | 9 | 25 | 16.0x | 10.50 % | 10.00 % | +0.50 |" in table
    assert "harder baseline" not in table


def test_readme_names_the_dense_network_that_had_a_teacher_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = {**RUN, "recipe": RECIPE}
    dense = {
        **RUN, "rows": [{**ROW, "name": "dense-7-taught", "test_error": 9.5}],
        "init": {"file": "init.npz"}, "recipe": {"dense": {"epochs": 7}},
    }  # fmt: skip
    monkeypatch.setattr(benchmark_rows, "results", lambda _: [small, dense])
    said = benchmark_rows.compressed_table().splitlines()[-1]
    assert "did so for 7, from init.npz" in said
    assert "error of 9.50 %" in said


def test_all_machines_and_the_first_date_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    later = {**RUN, "date": "2026-02-01", "machine": {"cpu": "B"}}
    monkeypatch.setattr(benchmarks_page, "runs_of", lambda name: [later, RUN])
    assert "Measured 2026-01-01 and later on B and a CPU." in benchmarks_page.page()


def test_published_curves_and_ours_are_in_one_picture() -> None:
    larger = {**RUN, "rows": [ROW, {**SMALL, "ratio": 8.0, "test_error": 10.1}]}
    dense = {**RUN, "rows": [ROW]}
    figure = benchmark_figure("resnet32", [RUN, larger, dense])
    labels = [line.get_label() for line in figure.axes[0].get_lines()]
    assert labels[:2] == [f"ours, ada, CIFAR-10-jpeg: {what}" for what in ("bytes", "parameters")]
    assert "T-Basis (fp32 parameters, no quantisation; mean of 10 runs)" in labels
    assert labels[-1] == "dense, CIFAR-10-jpeg, 10.00 %"
    np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_xdata(), [8.0, 16.0])
    np.testing.assert_array_equal(figure.axes[0].get_lines()[1].get_xdata(), [2.5, 2.5])


def test_every_dense_network_has_one_line() -> None:
    other = [{**RUN, "rows": [{**ROW, "test_error": error}, SMALL]} for error in (9.0, 8.0, 7.0)]
    lines = benchmark_figure("unknown", [RUN, RUN, *other]).axes[0].get_lines()
    dense = [str(line.get_label()) for line in lines if str(line.get_label()).startswith("dense")]
    assert dense == [
        f"dense, CIFAR-10-jpeg, {error} %" for error in ("10.00", "9.00", "8.00", "7.00")
    ]


def test_published_rows_say_what_they_count() -> None:
    for model in ("resnet20", "resnet32", "wrn28-10"):
        for record in published(model):
            assert record["ratio"] > 1
            assert record["counted"]
            assert record["source"]
    assert published("unknown") == []

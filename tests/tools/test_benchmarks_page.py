"""The page of the benchmarks says what the result files say, and nothing where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from course_kit.figures.benchmark import benchmark_figure
from course_kit.notebook.results import compressed_runs, results
from tools.pages import benchmark_rows
from tools.pages import benchmarks as benchmarks_page
from tucker_core.layer_counts import honest_title, layer_counts
from tucker_core.results import published

ROW = {"name": "dense-30", "params": 100, "n_bytes": 400, "ratio": 1.0, "val_error": 9.0,
       "test_error": 10.0, "seconds": 1.0}  # fmt: skip
SMALL = {**ROW, "name": "bench_resnet20_cifar-10-jpeg_ada-15x-30_seed0.ada", "params": 40,
        "n_bytes": 25, "ratio": 16.0, "test_error": 10.5}  # fmt: skip
RUN = {
    "benchmark": "resnet20", "data_set": "CIFAR-10-jpeg", "seed": 0, "rows": [ROW, SMALL],
    "plan": [("conv1.weight", (16, 3, 9), (4, 3, 5))], "points_lost": 0.5,
    "date": "2026-01-01", "machine": {"cpu": "a CPU"},
    "recipe": {"method": "ada", "ratio": 15.0, "tucker": {"epochs": 3}, "qat": {"epochs": 6}},
}  # fmt: skip


def file_of(run: dict[str, Any]) -> str:
    return str(run["rows"][-1]["name"])


def test_page_in_the_tree_is_up_to_date() -> None:
    assert benchmarks_page.PAGE.read_text(encoding="utf-8") == benchmarks_page.page()


def test_a_run_becomes_a_row_and_the_others_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(pattern: str) -> list[dict[str, Any]]:
        return [RUN] if pattern == "bench_resnet20_*_seed*.json" else []

    monkeypatch.setattr(benchmarks_page, "results", found)
    monkeypatch.setattr(benchmark_rows, "results", found)
    text = benchmarks_page.page()
    row = "ADA-Tucker | ada-15x-30 | 0 | 40 | 40.0% | 25 | 16.0x | 9.00 % | 10.50 % | +0.50 |"
    assert f"| CIFAR-10-jpeg | {row}" in text
    assert "| resnet50 | 25,557,032 | ILSVRC12 | not run: no images |" in text
    assert "| resnet20 | 269,722 | CIFAR-10 | 1 result |" in text


def test_readme_row_says_for_how_many_epochs_a_network_was_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(benchmark_rows, "results", lambda _: [RUN])
    table = benchmark_rows.compressed_table()
    assert "| ADA-Tucker | 9 | 40 | 40.0% | 25 | 16.0x | 10.50 % | 10.00 % | +0.50 |" in table
    assert "harder baseline" not in table


def test_readme_names_the_dense_network_that_had_a_teacher_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = RUN
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
    by_bytes, by_parameters = (axes.get_lines() for axes in figure.axes)
    labels = [line.get_label() for line in by_parameters]
    assert labels[0] == "ADA-Tucker, CIFAR-10-jpeg"
    assert "T-Basis (fp32 parameters, no quantisation; mean of 10 runs)" in labels
    assert labels[-1] == "dense, CIFAR-10-jpeg, 10.00 %"
    assert len(by_bytes) == 2, "what others count in parameters does not lie on the axis of bytes"
    np.testing.assert_array_equal(by_bytes[0].get_xdata(), [8.0, 16.0])
    np.testing.assert_array_equal(by_parameters[0].get_xdata(), [2.5, 2.5])


def test_every_dense_network_has_one_line() -> None:
    other = [{**RUN, "rows": [{**ROW, "test_error": error}, SMALL]} for error in (9.0, 8.0, 7.0)]
    lines = benchmark_figure("unknown", [RUN, RUN, *other]).axes[0].get_lines()
    dense = [str(line.get_label()) for line in lines if str(line.get_label()).startswith("dense")]
    assert dense == [
        f"dense, CIFAR-10-jpeg, {error} %" for error in ("10.00", "9.00", "8.00", "7.00")
    ]


def test_a_result_that_does_not_say_what_it_stores_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = {key: value for key, value in SMALL.items() if key != "params"}
    for run in ({**RUN, "rows": [ROW, silent]}, {**RUN, "plan": []}):
        monkeypatch.setattr(benchmark_rows, "results", lambda _, run=run: [run])
        with pytest.raises(ValueError, match="run the command again"):
            benchmark_rows.compressed_table()


@pytest.mark.parametrize("run", compressed_runs(results("bench_*_seed*.json")), ids=file_of)
def test_no_result_is_called_tucker_that_is_mostly_rounding(run: dict[str, Any]) -> None:
    """Weights at full rank and factors wider than their mode are told in the result's own title."""
    if run["recipe"]["method"] not in ("ada", "scada"):
        return
    counts, title = layer_counts(run), honest_title(run)
    assert (f"{counts.dense} of {counts.weights} weights dense" in title) == bool(counts.dense)
    assert (f"{counts.wide} with a factor wider" in title) == bool(counts.wide)
    assert title.startswith("mostly rounding") == (2 * counts.dense > counts.weights)
    if run["date"] >= "2026-12-01":
        assert (counts.dense, counts.wide) == (0, 0)


def test_published_rows_say_what_they_count() -> None:
    for model in ("resnet20", "resnet32", "wrn28-10"):
        for record in published(model):
            assert record["ratio"] > 1
            assert record["counted"]
            assert record["source"]
    assert published("unknown") == []

"""The picture of the peers: every measurement is a mark at its ratio, hollow below its floor."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from course_kit.figures.peers import family, peer_ratios

ROWS: list[dict[str, Any]] = [
    {"operation": "product", "dtype": "float32", "ratio": 3.0, "floor": 2.0},
    {"operation": "product, out=", "dtype": "float64", "ratio": 1.5, "floor": 2.0},
    {"operation": "HOOI, 5 sweeps", "dtype": "float32", "ratio": 0.5, "floor": 0.5},
]


def test_each_row_is_a_mark_at_its_ratio_and_misses_are_hollow() -> None:
    axes = Figure().add_subplot()
    peer_ratios(axes, ROWS)
    marks: list[Any] = axes.lines[: len(ROWS)]
    assert [mark.get_xdata()[0] for mark in marks] == [3.0, 1.5, 0.5]
    assert [round(mark.get_ydata()[0]) for mark in marks] == [0, 0, 1]
    assert [mark.get_mfc() == "white" for mark in marks] == [False, True, False]
    assert len({mark.get_marker() for mark in marks}) == 2
    assert [label.get_text() for label in axes.get_yticklabels()] == ["product", "HOOI"]
    assert axes.lines[len(ROWS)].get_xdata() == [1, 1]


def test_variants_belong_to_one_family() -> None:
    assert {family(row) for row in ROWS} == {"product", "HOOI"}

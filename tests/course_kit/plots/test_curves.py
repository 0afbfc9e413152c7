"""Curves and bars: what is drawn are the given numbers, and no two series look alike in grey."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_kit.plots import (
    error_against_size,
    layer_bars,
    plain_log_ticks,
    predicted_against_measured,
    series_style,
    spectra,
    training_curves,
)
from course_kit.plots.style import SERIES


@pytest.fixture
def axes() -> Axes:
    return Figure().add_subplot()


def points(line: Any) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in line.get_xydata()]


def test_no_two_styles_share_a_mark_a_line_or_a_brightness() -> None:
    for kind in ("marker", "line", "hatch"):
        assert len({getattr(style, kind) for style in SERIES}) == len(SERIES)
    grey = [float(np.dot(matplotlib.colors.to_rgb(s.color), (0.3, 0.59, 0.11))) for s in SERIES]
    assert all(abs(a - b) > 0.08 for a, b in pairwise(grey))


@pytest.mark.parametrize("index", [-1, len(SERIES)])
def test_more_series_than_styles_are_refused(index: int) -> None:
    with pytest.raises(ValueError, match=f"series {index} has no style; 0 to 5 have one"):
        series_style(index)


def test_spectra_are_shares_of_the_largest_and_the_kept_one_is_ringed(axes: Axes) -> None:
    spectra(axes, {"mode 0": [8.0, 4.0, 2.0], "mode 1": [5.0, 1.0]}, kept={"mode 0": 2})
    first, ring, second = axes.lines
    assert points(first) == [(1, 1), (2, 0.5), (3, 0.25)]
    assert points(ring) == [(2, 0.5)]
    assert points(second) == [(1, 1), (2, 0.2)]
    assert axes.get_yscale() == "log"


def test_errors_are_drawn_from_the_smallest_file_to_the_largest(axes: Axes) -> None:
    error_against_size(axes, {"ours": ([400, 100], [1.0, 3.0]), "theirs": ([200], [2.0])})
    assert points(axes.lines[0]) == [(100, 3), (400, 1)]
    assert axes.get_xscale() == "log"
    assert axes.get_ylim()[0] == 0
    assert axes.get_xlabel() == "bytes"
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["ours", "theirs"]


def test_sizes_are_labelled_in_plain_numbers(axes: Axes) -> None:
    error_against_size(axes, {"ours": ([900, 70_000], [1.0, 3.0])})
    low, high = axes.get_xlim()
    places = [float(place) for place in axes.get_xticks() if low <= place <= high]
    assert places == [1e3, 2e3, 5e3, 1e4, 2e4, 5e4]
    assert axes.xaxis.get_major_formatter()(2_000.0) == "2,000"
    assert axes.xaxis.get_minor_formatter()(3_000.0) == ""


def test_one_series_needs_no_legend(axes: Axes) -> None:
    error_against_size(axes, {"ours": ([400, 100], [1.0, 3.0])})
    assert axes.get_legend() is None


@pytest.mark.parametrize("log", [False, True])
def test_training_curves_begin_at_epoch_one_and_end_in_a_marker(axes: Axes, log: bool) -> None:
    training_curves(axes, {"a": [9.0, 4.0, 2.0]}, log=log)
    curve, end = axes.lines
    assert points(curve) == [(1, 9), (2, 4), (3, 2)]
    assert points(end) == [(3, 2)]
    assert axes.get_yscale() == ("log" if log else "linear")


def test_predictions_stand_beside_the_line_of_agreement(axes: Axes) -> None:
    predicted_against_measured(axes, [10.0, 20.0], [10.0, 30.0], unit="bytes", names=["a", "b"])
    diagonal, dots = axes.lines
    assert points(dots) == [(10, 10), (20, 30)]
    assert all(x == pytest.approx(y) for x, y in points(diagonal))
    assert [text.get_text() for text in axes.texts] == ["a", "b"]
    assert axes.get_xlabel() == "predicted, bytes"
    assert axes.get_xscale() == axes.get_yscale() == "linear"


def test_wide_predictions_stand_on_logarithmic_axes(axes: Axes) -> None:
    predicted_against_measured(axes, [1.0, 20.0], [1.0, 30.0], unit="bytes")
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_bars_have_the_heights_and_their_numbers(axes: Axes) -> None:
    layer_bars(axes, ["fc1", "fc2"], {"dense": [1000, 10], "Tucker": [50, 5]}, unit="numbers")
    bars: list[Any] = list(axes.patches)
    assert [bar.get_height() for bar in bars] == [1000, 10, 50, 5]
    assert [text.get_text() for text in axes.texts] == ["1,000", "10", "50", "5"]
    assert {bar.get_hatch() for bar in bars} == {"", "///"}
    assert bars[0].get_x() + bars[0].get_width() < bars[2].get_x() + 1e-9


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (2.3, 2.75, [2.3, 2.4, 2.5, 2.6, 2.7]),
        (2, 30, [2, 3, 5, 10, 20, 30]),
        (1e-4, 1, [1e-4, 1e-3, 1e-2, 1e-1, 1]),
    ],
)
def test_a_log_axis_has_round_numbers_whatever_its_span(
    axes: Axes, low: float, high: float, expected: list[float]
) -> None:
    axes.set_xscale("log")
    plain_log_ticks(axes.xaxis)
    axes.set_xlim(low, high)
    shown = [float(x) for x in axes.get_xticks() if low * 0.999 <= x <= high * 1.001]
    assert shown == pytest.approx(expected)

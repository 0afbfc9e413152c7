"""Meter, byte map and coding intervals: every bit and byte is drawn once, where it belongs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_kit.notebook.byte_meter import Meter, Segment, ideal_bits
from course_kit.plots import byte_map, coding_intervals
from tucker_core.codec import Encoder
from tucker_core.symbol_model import SymbolModel, fit_model


@pytest.fixture
def axes() -> Axes:
    return Figure().add_subplot()


def filled(axes: Axes) -> list[Any]:
    patches: list[Any] = list(axes.patches)
    return [patch for patch in patches if patch.get_fill()]


def test_the_meter_counts_what_was_written_and_reads_it() -> None:
    symbols = np.array([0, 3, -1, 0, 0, 2], np.int32)
    model = fit_model(symbols)
    encoder = Encoder()
    encoder.choice(200, 256)
    encoder.choice(5, 100_000)  # written as two
    encoder.integer(300)
    encoder.tensor(symbols, model)
    meter = Meter(encoder.content())
    assert (meter.choice(256), meter.lap()) == (200, 1.0)
    assert meter.choice(100_000) == 5
    assert meter.lap() == 17 / 8  # 1 bit for which half, 16 for the place in it
    assert (meter.integer(), meter.lap()) == (300, 2.0)
    assert np.array_equal(meter.tensor(6, model), symbols)
    assert meter.lap() == pytest.approx(ideal_bits(symbols, model) / 8)
    assert abs(len(encoder.content()) - meter.bits / 8) < 1.5


def test_a_sure_thing_costs_nothing() -> None:
    meter = Meter(b"")
    assert meter.choice(1) == 0
    assert meter.tensor(3, SymbolModel(0, 0, 0)).tolist() == [0, 0, 0]
    assert meter.bits == 0


def test_areas_of_the_map_are_bytes(axes: Axes) -> None:
    segments = [Segment("a", "x", 8.0), Segment("b", "y", 2.25), Segment("c", "x", 13.75)]
    assert byte_map(axes, segments, columns=10) == {"x": 21.75, "y": 2.25}
    parts = filled(axes)
    color = {part.get_facecolor() for part in parts}
    assert len(color) == 2
    areas = [part.get_width() * part.get_height() for part in parts]
    assert areas == pytest.approx([8, 2, 0.25, 9.75, 4])
    assert [part.get_y() for part in parts] == [0, 0, 1, 1, 2]
    boxes = [patch for patch in axes.patches if not patch.get_fill()]
    assert len(boxes) == 24


def test_a_label_is_written_where_it_has_room(axes: Axes) -> None:
    byte_map(axes, [("much too long", "x", 2.0), ("wide", "y", 80.0)])
    assert [text.get_text() for text in axes.texts] == ["wide"]


def test_too_many_kinds_cannot_be_told_apart(axes: Axes) -> None:
    with pytest.raises(ValueError, match="7 kinds of bytes; 6 can be told apart"):
        byte_map(axes, [("", str(k), 1.0) for k in range(7)])


def test_each_interval_is_the_part_of_its_symbol(axes: Axes) -> None:
    shares = {-1: 0.25, 0: 0.5, 1: 0.25}
    intervals = coding_intervals(axes, shares, [0, 1, -1])
    assert intervals == [(0, 1), (0.25, 0.75), (0.625, 0.75), (0.625, 0.65625)]
    widths = [high - low for low, high in intervals]
    ratios = [after / before for before, after in pairwise(widths)]
    assert ratios == [0.5, 0.25, 0.25]
    assert len(filled(axes)) == 3 * 3 + 1
    assert "0.62500" in [text.get_text() for text in axes.texts]


def test_messages_that_cannot_be_coded_are_refused(axes: Axes) -> None:
    with pytest.raises(ValueError, match=r"\[7\] have no share; \[0, 1\] have one"):
        coding_intervals(axes, {0: 0.5, 1: 0.5}, [0, 7])
    with pytest.raises(ValueError, match=r"add up to 0\.9"):
        coding_intervals(axes, {0: 0.5, 1: 0.4}, [0])

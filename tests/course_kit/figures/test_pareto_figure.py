"""The picture of error against bytes: every record, every point, and what each counts."""

import numpy as np
import pytest

from course_kit.figures.pareto import claimed_bytes, pareto_figure, published


@pytest.mark.parametrize("model", ["lenet5", "lenet300"])
def test_every_record_and_every_point_is_drawn_with_what_it_counts(model: str) -> None:
    ours = {"ADA": [(900, 0.9), (1500, 0.7)], "SCADA": [(1000, 1.0)]}
    figure = pareto_figure(model, ours, {"dense": 0.8})
    axes = figure.axes[0]
    drawn = {
        (float(x), float(y))
        for line in axes.lines
        for x, y in zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True)
    }
    for points in ours.values():
        assert set(points) <= drawn
    labels = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
    for record in published(model):
        assert (record["bytes"], record["error"]) in drawn
        assert f"{record['name']} ({record['counted']})" in labels
        assert record["source"]
    assert any(f"{claimed_bytes(model):,}" in label for label in labels)
    assert "dense, 0.80 %" in labels
    assert axes.get_xscale() == "log"


def test_what_is_no_network_has_no_records() -> None:
    assert [published(name) for name in ("unknown", "paper", "note", "benchmarks")] == [[]] * 4

"""The live picture of a training is shown once and then replaced."""

from __future__ import annotations

from typing import Any

import pytest

from course_kit.live_plot import LivePlot
from tests.bridge.tiny_pictures import REGIME, held_out, picture_net, supply
from torch_bridge.training import train


def test_is_redrawn_after_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    display = pytest.importorskip("IPython.display")
    shown: list[Any] = []

    class Handle:
        def update(self, figure: Any) -> None:
            shown.append(figure)

    def show(figure: Any, *, display_id: bool) -> Handle:
        assert display_id
        assert not shown
        shown.append(figure)
        return Handle()

    monkeypatch.setattr(display, "display", show)
    train(picture_net(), supply(), held_out(), REGIME, progress=False, on_epoch=LivePlot())
    assert len(shown) == REGIME.epochs
    assert [len(figure.axes[0].lines[0].get_xdata()) for figure in shown] == [1, 2, 3]

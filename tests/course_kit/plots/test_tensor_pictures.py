"""Pictures of tensors: every entry in its place, shades by mode, boxes to scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_kit.notebook.photo import portrait
from course_kit.plots import matrix_cells, tensor_cells, tucker_diagram, unfolding_cells
from tucker_core import unfold

TENSOR = np.arange(24.0).reshape(2, 3, 4)


@pytest.fixture
def axes() -> Axes:
    return Figure().add_subplot()


def shades(axes: Axes) -> list[float]:
    boxes: list[Any] = list(axes.patches)
    return [float(np.mean(box.get_facecolor()[:3])) for box in boxes]


def test_a_matrix_is_written_row_by_row(axes: Axes) -> None:
    matrix_cells(axes, np.array([[1.0, 2.0], [3.0, 4.5]]), title="M")
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3", "4.5"]
    assert [text.get_position() for text in axes.texts][2] == (0.5, -1.5)
    assert set(shades(axes)) == {1.0}
    assert axes.get_title() == "M"


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_rows_of_an_unfolding_have_one_shade_each(axes: Axes, mode: int) -> None:
    unfolding_cells(axes, TENSOR, mode)
    matrix = unfold(TENSOR, mode)
    assert [text.get_text() for text in axes.texts] == [f"{value:g}" for value in matrix.flat]
    grid = np.reshape(shades(axes), matrix.shape)
    assert (grid == grid[:, :1]).all()
    assert (np.diff(grid[:, 0]) < 0).all()


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_shades_of_slices_follow_the_index_in_the_mode(axes: Axes, mode: int) -> None:
    tensor_cells(axes, TENSOR, mode)
    grid = unfold(np.reshape(shades(axes), TENSOR.shape), mode)
    assert (grid == grid[:, :1]).all()
    assert len(set(grid[:, 0].tolist())) == TENSOR.shape[mode]


def test_only_three_modes_can_be_drawn_as_slices(axes: Axes) -> None:
    with pytest.raises(ValueError, match="tensor has order 2"):
        tensor_cells(axes, np.ones((2, 2)), 0)


def test_boxes_of_a_diagram_are_to_one_scale(axes: Axes) -> None:
    tucker_diagram(axes, (80, 40, 20), (8, 4, 4))
    fronts: list[Any] = list(axes.patches)[::3]  # each box has a front, a top and a side
    sizes = [np.ptp(front.get_xy(), axis=0)[::-1].tolist() for front in fronts]
    expected = [(80, 40), (8, 4), (80, 8), (40, 4), (20, 4)]
    for found, lengths in zip(sizes, expected, strict=True):
        assert found == pytest.approx([length / 40 for length in lengths])
    words = " ".join(text.get_text() for text in axes.texts)
    assert "64,000 entries" in words
    assert "1,008 parameters" in words  # 8 4 4 + 80 8 + 40 4 + 20 4


@pytest.mark.parametrize("dims", [(8,), (2, 2, 2, 2)])
def test_a_diagram_has_two_or_three_modes(axes: Axes, dims: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="boxes can show 2 or 3"):
        tucker_diagram(axes, dims, (1,) * len(dims))


def test_the_portrait_is_averaged_in_blocks() -> None:
    large, small = portrait(4), portrait(8)
    assert small.shape == (75, 64, 3)
    assert small[3, 5, 1] == pytest.approx(large[6:8, 10:12, 1].mean())
    assert 0 <= large.min() < large.max() <= 1


@pytest.mark.parametrize("shrink", [0, -1, 7])
def test_a_block_that_does_not_divide_the_portrait_is_refused(shrink: int) -> None:
    with pytest.raises(ValueError, match=f"shrink is {shrink}; a divisor of 600 and 512"):
        portrait(shrink)

"""Pictures: they are drawn, of a sane size, and leave matplotlib's global state alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_kit.figures.method import method_figure
from course_kit.notebook.paths import bundled_digits, model_path
from course_kit.plots import demo_figure, digit, pick_digits, save_figure, to_scale


def demo(count: int = 24) -> Figure:
    """Draw real digits, every fifth read wrongly."""
    images, labels = bundled_digits()
    said = labels[:count].astype(np.int64)
    said[::5] = (said[::5] + 1) % 10
    return demo_figure(images[:count], labels[:count], said, (1_724_320, 2_400), "What it reads")


def method() -> Figure:
    """Draw two ways to reshape."""
    return method_figure(
        (500, 800), [((500, 800), (2, 2), "bad"), ((80, 70, 71), (9, 9, 9), "good")]
    )


@pytest.mark.parametrize("make", [demo, lambda: demo(3), method], ids=["demo", "few", "method"])
def test_png_of_a_sane_size(make: Callable[[], Figure], tmp_path: Path) -> None:
    save_figure(make(), tmp_path / "new" / "picture.png", dpi=60)
    picture = matplotlib.image.imread(tmp_path / "new" / "picture.png")
    height, width = picture.shape[:2]
    assert 150 < height < width < 1_000
    assert (
        0.01 < float((picture[..., :3].min(axis=2) < 0.5).mean()) < 0.6
    )  # neither blank nor black
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["picture.png"]


def test_svg_by_the_ending(tmp_path: Path) -> None:
    save_figure(method(), tmp_path / "picture.svg")
    assert "<svg" in (tmp_path / "picture.svg").read_text(encoding="utf-8")


def test_unknown_ending_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not supported"):
        save_figure(method(), tmp_path / "picture.xyz")
    assert not list(tmp_path.iterdir())


def test_demo_figure_says_what_was_read_and_how_large_the_files_are() -> None:
    axes = [a for sub in demo().subfigs for a in sub.axes]
    titles = [a.get_title() for a in axes]
    assert sum("not" in title for title in titles) == 5
    texts = " ".join(text.get_text() for text in axes[-1].texts)
    assert "1,724,320 bytes" in texts
    assert "718x smaller" in texts


@pytest.mark.parametrize(("said", "framed"), [(3, False), (8, True)])
def test_wrong_answers_are_framed(said: int, framed: bool) -> None:
    axes = Figure().add_subplot()
    digit(axes, np.zeros((28, 28), np.uint8), 3, said)
    assert axes.get_title() == ("8, not 3" if framed else "3")
    assert all(spine.get_visible() == framed for spine in axes.spines.values())


@pytest.mark.parametrize(("dense", "small"), [(1_724_320, 2_400), (1_000, 1_000), (4, 1)])
def test_areas_are_to_scale(dense: int, small: int) -> None:
    axes = Figure().add_subplot()
    to_scale(axes, dense, small)
    boxes: list[Any] = list(axes.patches)
    areas = [box.get_width() * box.get_height() for box in boxes[:2]]
    assert areas[0] / areas[1] == pytest.approx(dense / small)


@pytest.mark.parametrize(
    ("said", "count", "n_wrong", "expected"),
    [
        ([0, 1, 2, 3], 3, 2, [0, 1, 2]),
        ([9, 1, 2, 3], 3, 2, [1, 2, 0]),
        ([9, 9, 2, 3], 3, 1, [2, 3, 0]),
        ([9, 9, 9, 9], 3, 2, [0, 1]),
        ([0, 1, 2, 3], 9, 2, [0, 1, 2, 3]),
        ([9, 1, 2, 3], 3, 0, [1, 2, 3]),
    ],
)
def test_pick_digits(said: list[int], count: int, n_wrong: int, expected: list[int]) -> None:
    truth = np.arange(4, dtype=np.uint8)
    assert list(pick_digits(truth, np.array(said), count, n_wrong)) == expected


def test_settings_are_left_alone() -> None:
    before = dict(matplotlib.rcParams)
    demo()
    method()
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path;"
        "from course_kit import plots; from course_kit.figures import method;"
        "z = np.zeros(1, np.uint8);"
        "f = plots.demo_figure(np.zeros((1, 28, 28), np.uint8), z, z.astype(np.int64), (9, 4), 'a');"
        "plots.save_figure(f, Path(sys.argv[1]), dpi=20);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    assert subprocess.run(command, cwd=Path(__file__).parents[3], check=False).returncode == 0


def test_missing_model_lists_those_there_are() -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.ada does not exist; there are "):
        model_path("none.ada")

"""Notebooks for readers who listen: every picture has words, headings go down one step at a time."""

import base64
import re
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any

import nbformat
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tools.notebooks.pictures import KIND, shrink, undescribed
from tools.notebooks.source import FOLDER, Pair, find_pairs

PAIRS = [*find_pairs(FOLDER, []), *find_pairs(FOLDER / "solutions", [])]
IDS = [str(pair.built.relative_to(FOLDER)) for pair in PAIRS]


def headings(notebook: Any) -> Iterator[int]:
    """Levels of the headings, from the top."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from (len(marks) for marks in re.findall(r"^(#+) ", cell.source, re.MULTILINE))


@pytest.mark.parametrize("pair", PAIRS, ids=IDS)
def test_headings_are_in_order(pair: Pair) -> None:
    levels = list(headings(nbformat.read(pair.built, as_version=4)))
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("pair", PAIRS, ids=IDS)
def test_every_picture_is_described(pair: Pair) -> None:
    cells = undescribed(nbformat.read(pair.built, as_version=4))
    assert not cells, f'give cells {cells} of {pair.source} words: # %% alt="What is seen"'


def test_a_picture_without_words_is_noticed() -> None:
    output = nbformat.v4.new_output("display_data", {KIND: "iVBO"})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    assert undescribed(notebook) == [0]
    output.metadata[KIND] = {"alt": "a curve"}
    assert undescribed(notebook) == []


def through_a_palette(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Pixels of a picture after it was shrunk, which may not have made it larger."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    small = base64.b64decode(shrink(base64.b64encode(file.getvalue()).decode()))
    assert len(small) <= len(file.getvalue())
    return np.asarray(Image.open(BytesIO(small)).convert("RGB")).astype(np.int64)


def test_a_palette_keeps_a_drawing_exactly() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (8, 3))[rng.integers(0, 8, (64, 64))].astype(np.uint8)
    assert np.array_equal(through_a_palette(pixels), pixels)


def test_a_palette_moves_a_photographs_colours_less_than_the_eye_sees() -> None:
    """A smooth picture of 16,384 colours: each of 256 stands for 64 neighbours, 8 levels wide or so."""
    ramp = np.arange(0, 256, 2)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None], ramp, 128), axis=-1).astype(np.uint8)
    assert np.abs(through_a_palette(pixels) - pixels).mean() < 4

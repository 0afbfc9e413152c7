"""Pictures among a notebook's outputs: fewer bytes, and words for those who cannot see them.

A source gives the words with its cell: ``# %% alt="What the picture shows"``.
"""

import base64
from io import BytesIO

from PIL import Image

from tools.notebooks.source import Notebook

KIND = "image/png"
COLOURS = 256  # in a palette: a quarter of the bytes of a photograph, and no eye sees it


def shrink_and_describe(notebook: Notebook) -> None:
    """Shrink every picture of a notebook and give it its cell's alternative text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if KIND in (data := output.get("data", {})):
                data[KIND] = shrink(data[KIND])
    describe(notebook)


def describe(notebook: Notebook) -> None:
    """Give every picture of a notebook its cell's alternative text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if KIND in output.get("data", {}) and (alt := cell.metadata.get("alt")):
                output.metadata[KIND] = {**output.metadata.get(KIND, {}), "alt": alt}


def shrink(encoded: str) -> str:
    """Redraw a base64-encoded PNG with a palette, unless that takes more bytes."""
    before = base64.b64decode(encoded)
    picture = Image.open(BytesIO(before)).convert("RGB")
    after = BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(after, "PNG", optimize=True)
    smaller = min(before, after.getvalue(), key=len)
    return base64.b64encode(smaller).decode() + "\n"


def undescribed(notebook: Notebook) -> list[int]:
    """Indices of the cells that show a picture without alternative text."""
    return [
        index
        for index, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if KIND in output.get("data", {}) and not output.metadata.get(KIND, {}).get("alt")
    ]

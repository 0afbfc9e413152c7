"""The page that reads handwriting, with a network of one's own inside."""

import base64
import html
import re
from pathlib import Path

from tucker_core import from_bytes
from tucker_core.shipped import shipped

_HELD = re.compile(r'(id="shipped" data-name=")[^"]*(">)[^<]*(<)')
_HEIGHT = 720  # pixels: the pad, the answer and the maps
_PICTURED = (
    "A drawn 3 on a web page, beside it ten bars of which that of the 3 is full, and what the first "
    "layer of the network makes of the drawing"
)


class Playground:
    """A page that draws, decodes and reads, around the bytes of an `.ada` file.

    A notebook shows it live where scripts may run, and a picture of it where they may not.

    Parameters
    ----------
    content : bytes of the file
    name : what the page calls it

    Raises
    ------
    FileFormatError
        If these are not the bytes of a whole `.ada` file.

    Examples
    --------
    >>> from course_kit.notebook.paths import model_path
    >>> page = Playground(model_path("lenet300_smallest.ada").read_bytes(), "mine.ada")
    >>> 'data-name="mine.ada"' in page.html
    True
    """

    def __init__(self, content: bytes, name: str = "network.ada") -> None:
        self.name, self.n_bytes = name, from_bytes(content).n_bytes
        held = base64.b64encode(content).decode()
        text = shipped("playground/index.html").read_text(encoding="utf-8")
        self.html = _HELD.sub(
            lambda m: m[1] + html.escape(name) + m[2] + held + m[3], text, count=1
        )

    def save(self, path: Path) -> None:
        """Write the page as a file that any browser opens, without a network."""
        path.write_text(self.html, encoding="utf-8", newline="\n")

    def __repr__(self) -> str:
        """Say what it holds."""
        return f"<a page that reads digits by the {self.n_bytes:,} bytes of {self.name}>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, above a picture that is seen where frames are taken out."""
        picture = base64.b64encode(shipped("docs/img/playground.png").read_bytes()).decode()
        return (
            f'<div style="position: relative; min-height: {_HEIGHT}px">'
            f'<img alt="{_PICTURED}" src="data:image/png;base64,{picture}" style="max-width: 100%">'
            '<iframe title="A page that reads your handwriting" sandbox="allow-scripts" '
            f'srcdoc="{html.escape(self.html)}" style="position: absolute; inset: 0; width: 100%; '
            'height: 100%; border: 0"></iframe></div>'
        )

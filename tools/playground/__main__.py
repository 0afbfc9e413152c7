"""Build the page that reads handwriting: `python -m tools.playground [--check]`.

`playground/src` becomes the one file `playground/index.html`: the style, the scripts one after the
other, and a shipped network as base64. Nothing is shortened: the page's source can be read in it.
"""

import argparse
import base64
import sys
from pathlib import Path

from tucker_core.files import replacing

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "playground" / "src"
PAGE = ROOT / "playground" / "index.html"
DECODER = ("coder", "model", "records", "format", "tucker")  # all that knows the format
SCRIPTS = (*DECODER, "lenet", "digit", "pad", "views", "qr", "page")
SHIPPED = ROOT / "data" / "models" / "lenet5_small.ada"


def script(names: tuple[str, ...] = SCRIPTS) -> str:
    """The scripts of these names as one."""
    return "\n".join((SOURCES / f"{name}.js").read_text(encoding="utf-8") for name in names)


def build() -> str:
    """The whole page."""
    text = (SOURCES / "index.html").read_text(encoding="utf-8")
    parts = {
        "page.css": (SOURCES / "page.css").read_text(encoding="utf-8"),
        "name": SHIPPED.name,
        "ada": base64.b64encode(SHIPPED.read_bytes()).decode(),
        "scripts": script(),
    }
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    return text


def main() -> int:
    """Write the page, or with --check only say whether it is up to date."""
    options = argparse.ArgumentParser(prog="python -m tools.playground", description=__doc__)
    options.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if it is stale"
    )
    new = build()
    if options.parse_args().check:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != new
        if stale:
            print(f"{PAGE}: is not built from its sources: {options.prog}", file=sys.stderr)
        return int(stale)
    with replacing(PAGE) as temporary:
        temporary.write_text(new, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Build the course as a static site: `python -m tools.book [--out site]`, then open site/index.html.

Nothing is executed: the pages show the outputs that the notebooks were committed with. They work from
the file system, without a network; the build fails if a link leads nowhere.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from sphinx.application import Sphinx

from tools.book.links import broken_links, remote_sources
from tools.book.mathml import NAME
from tools.book.replacing import replace
from tools.book.staging import stage

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "project": "ADA-Tucker",
    "extensions": ["myst_nb", "tools.book.mathml"],
    "myst_enable_extensions": ["dollarmath", "html_image"],
    "myst_heading_anchors": 3,
    "nb_execution_mode": "off",
    "nb_ipywidgets_js": {},  # would be fetched from a network
    "suppress_warnings": ["misc.highlighting_failure"],  # signatures in api.md are not quite Python
    "html_theme": "furo",
    "html_title": "ADA-Tucker",
    "html_math_renderer": NAME,
    "html_copy_source": False,
    "html_show_copyright": False,
    "html_static_path": [str(Path(__file__).parent / "static")],
    "html_css_files": ["course.css"],
}


def build(out: Path, *, root: Path = ROOT) -> list[str]:
    """Build the site and list its faults: links that lead nowhere, things fetched from elsewhere."""
    if out.exists() and not (out / ".buildinfo").exists():
        return [f"{out} is there and was not built by this tool: name another folder with --out"]
    with tempfile.TemporaryDirectory() as temporary:
        pages, memory, html = (Path(temporary, name) for name in ("pages", "memory", "html"))
        stage(root, pages)
        extra = Path(temporary, "extra")  # pages that are whole already
        shutil.copytree(root / "playground", extra / "playground", ignore=lambda *_: ["src"])
        app = Sphinx(
            pages, None, html, memory, "html", warningiserror=True, exception_on_warning=False,
            confoverrides=SETTINGS | {"html_extra_path": [str(extra)]}, status=None, warning=sys.stderr,
        )  # fmt: skip
        app.build()
        replace(html, out)
    faults = [f"leads nowhere: {link}" for link in broken_links(out)]
    faults += [f"is fetched from elsewhere: {address}" for address in remote_sources(out)]
    return faults + ["Sphinx warned: see above"] * (app.statuscode != 0)


def main() -> int:
    """Build; 0 if the site is whole, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tools.book", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="default: %(default)s")
    out = parser.parse_args().out
    faults = build(out)
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    if not faults:
        print(f"{out / 'index.html'}: {len(list(out.rglob('*.html')))} pages")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

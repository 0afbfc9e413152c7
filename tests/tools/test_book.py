"""The web pages: what is staged for them, links that must lead somewhere, nothing from elsewhere."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools.book.links import broken_links, remote_sources
from tools.book.replacing import replace
from tools.book.staging import IN_PLACE_OF_A_WIDGET, stage
from tools.notebooks.differences import WIDGET
from tools.notebooks.pictures import KIND


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a repository of one notebook and four documents."""
    root = tmp_path / "root"
    for folder in ("notebooks", "docs/img", "data"):
        (root / folder).mkdir(parents=True)
    (root / "docs/img/a.png").write_bytes(b"picture")
    (root / "data/list.json").write_text("{}")
    (root / "README.md").write_text(
        '# A\n<img src="docs/img/a.png">\n[list](data/list.json), [all](data), [web](https://a.org), '
        "[page](page/index.html)\n"
        "![badge](https://a.org/badge.svg)\n"
    )
    for name in ("docs/b.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        (root / name).write_text("# B\n")
    alt = {KIND: {"alt": "a curve"}}
    cells = [
        nbformat.v4.new_markdown_cell("# N\n[list](../data/list.json)"),
        nbformat.v4.new_code_cell("1", metadata={"tags": ["setup"]}),
        nbformat.v4.new_code_cell(
            "2", outputs=[nbformat.v4.new_output("display_data", {KIND: "iVBO"}, metadata=alt)]
        ),
        nbformat.v4.new_code_cell(
            "3", outputs=[nbformat.v4.new_output("display_data", {WIDGET: {}})]
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks/00_n.ipynb")
    return root


def test_pages_bring_along_every_file_that_they_link_to(root: Path, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    stage(root, pages)
    files = {path.relative_to(pages).as_posix() for path in pages.rglob("*") if path.is_file()}
    assert {"index.md", "docs/img/a.png", "data/list.json", "docs/b.md"} <= files
    index = (pages / "index.md").read_text()
    assert "[list](data/list.json), all, [web](https://a.org)" in index  # a folder is no page
    assert '<a href="page/index.html">page</a>' in index  # and a page is no download
    assert "badge.svg" not in index
    assert "notebooks/00_n.ipynb" in index


def test_notebooks_are_prepared_for_reading(root: Path, tmp_path: Path) -> None:
    stage(root, tmp_path / "pages")
    notebook = nbformat.read(tmp_path / "pages/notebooks/00_n.ipynb", as_version=4)
    _, setup, picture, widget = notebook.cells
    assert "hide-input" in setup.metadata.tags
    assert picture.metadata.mystnb.image.alt == "a curve"
    assert widget.outputs[0].data == {"text/plain": IN_PLACE_OF_A_WIDGET}


def test_links_that_lead_nowhere_are_listed(tmp_path: Path) -> None:
    (tmp_path / "b.html").write_text('<h1 id="top-of-b">B</h1>')
    (tmp_path / "a.html").write_text(
        '<a href="b.html#top-of-b">1</a><a href="#">2</a><a href="https://a.org/x">3</a>'
        '<a href="c.html">4</a><a href="b.html#none">5</a><img src="none.png"><a href="#none">6</a>'
    )
    assert broken_links(tmp_path) == [
        "a.html: c.html",
        "a.html: b.html#none",
        "a.html: none.png",
        "a.html: #none",
    ]


def test_what_a_page_would_fetch_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<script src="https://a.org/x.js"></script><img src="here.png"><a href="https://a.org">1</a>'
    )
    assert list(remote_sources(tmp_path)) == ["a.html: https://a.org/x.js"]


@pytest.mark.slow
def test_the_site_builds_whole(tmp_path: Path) -> None:
    for name in ("sphinx", "myst_nb", "furo", "latex2mathml"):
        pytest.importorskip(name, reason="the extra 'site' is not installed")
    command = [sys.executable, "-m", "tools.book", "--out", str(tmp_path / "site")]
    run = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "site/notebooks/02_tucker_and_hosvd.html").read_text()
    assert "<math " in page
    assert 'alt="Six portraits' in page


def test_a_new_build_removes_only_what_the_last_one_wrote(tmp_path: Path) -> None:
    html, out = tmp_path / "html", tmp_path / "site"
    (html / "a").mkdir(parents=True)
    for name in ("index.html", "a/old.html"):
        (html / name).write_text("first")
    replace(html, out)
    (out / "a" / "notes.txt").write_text("mine")
    (tmp_path / "outside.txt").write_text("mine")
    (html / "a" / "old.html").rename(html / "a" / "new.html")
    with (out / ".built").open("a") as listed:
        listed.write("\n../outside.txt\na")
    replace(html, out)
    found = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert found == {"index.html", "a/new.html", "a/notes.txt", ".built"}
    assert (tmp_path / "outside.txt").exists()

"""The one page is what its sources make, small, and fetches nothing."""

import base64
import html
import json
import re
from pathlib import Path

import pytest

from course_kit.notebook.paths import model_path
from course_kit.notebook.playground import Playground
from tools.playground.__main__ import PAGE, ROOT, SCRIPTS, SOURCES, build, script
from tucker_core import FileFormatError

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_built_from_its_sources() -> None:
    assert build() == TEXT, "run: python -m tools.playground"


def test_no_source_is_left_out() -> None:
    assert {path.stem for path in SOURCES.glob("*.js")} == set(SCRIPTS)
    assert "{{" not in re.sub(r"\$\{.*?\}\}", "", TEXT)


def test_the_page_is_small() -> None:
    assert len(TEXT.encode()) < 60_000


def test_the_page_fetches_nothing() -> None:
    """And may not: its policy forbids all that is not in it."""
    assert "default-src 'none'" in TEXT
    assert not re.findall(r"https?://|fetch\(|XMLHttpRequest|import\(|@import|<link", TEXT)
    assert not re.findall(r"\bsrc=|url\(", TEXT)


def test_the_page_holds_a_shipped_network() -> None:
    held = re.search(r'id="shipped" data-name="([^"]+)">([^<]+)<', TEXT)
    assert held
    assert base64.b64decode(held[2]) == model_path(held[1]).read_bytes()


def test_the_first_notebook_shows_this_very_page() -> None:
    notebook = (ROOT / "notebooks" / "00_a_network_in_a_qr_code.ipynb").read_text(encoding="utf-8")
    outputs = [o for cell in json.loads(notebook)["cells"] for o in cell.get("outputs", [])]
    shown = ["".join(output.get("data", {}).get("text/html", "")) for output in outputs]
    frames = [text for text in shown if "<iframe" in text]
    assert len(frames) == 1
    assert html.escape(TEXT) in frames[0], "make notebooks ARGS='--force 00_a_network_in_a_qr_code'"


def test_a_page_can_hold_another_network(tmp_path: Path) -> None:
    content = model_path("lenet300_small.ada").read_bytes()
    Playground(content, r'my "best\1".ada').save(tmp_path / "mine.html")
    text = (tmp_path / "mine.html").read_text(encoding="utf-8")
    held = re.search(r'id="shipped" data-name="([^"]+)">([^<]+)<', text)
    assert held
    assert html.unescape(held[1]) == r'my "best\1".ada'
    assert base64.b64decode(held[2]) == content
    with pytest.raises(FileFormatError, match="damaged or cut off"):
        Playground(content[:-1])


def test_where_frames_are_taken_out_a_picture_with_words_is_left() -> None:
    shown = Playground(model_path("lenet5_small.ada").read_bytes())._repr_html_()
    picture = re.search(r'<img alt="([^"]+)" src="data:image/png;base64,([^"]+)"', shown)
    assert picture
    assert base64.b64decode(picture[2]).startswith(b"\x89PNG")
    assert 'sandbox="allow-scripts"' in shown  # and nothing of the notebook's own page


def test_every_element_that_the_scripts_ask_for_is_there() -> None:
    asked = set(re.findall(r'element\("([^"]+)"\)', script()))
    there = set(re.findall(r'id="([^"]+)"', TEXT))
    assert asked
    assert asked <= there


def test_what_can_be_used_has_a_name_and_what_is_seen_has_words() -> None:
    for tag in re.findall(r"<canvas[^>]*>", TEXT):
        assert "aria-label=" in tag
        assert "role=" in tag
    for tag in re.findall(r"<section[^>]*>", TEXT):
        assert "aria-labelledby=" in tag
    assert '<html lang="en">' in TEXT
    assert 'role="status"' in TEXT
    assert 'role="alert"' in TEXT
    assert re.search(r"<label[^>]*>.*<input[^>]*></label>", TEXT)

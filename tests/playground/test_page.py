"""The one page is what its sources make, small, and fetches nothing."""

import base64
import re

from course_kit.notebook.paths import model_path
from tools.playground.__main__ import PAGE, SCRIPTS, SOURCES, build, script

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

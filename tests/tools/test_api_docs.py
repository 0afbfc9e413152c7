"""docs/api.md: as the docstrings say, complete, and a check that can fail."""

import sys
from pathlib import Path

import pytest

import tucker_core
from tools.pages import api as api_docs


def test_the_committed_page_is_up_to_date() -> None:
    committed = api_docs.PAGE.read_text(encoding="utf-8")
    assert committed == api_docs.page(), "run: python -m tools.pages.api"


def test_every_public_name_has_its_entry() -> None:
    headings = [line for line in api_docs.page().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(f"### {name}" for name in tucker_core.__all__)


def test_a_stale_page_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api_docs, "PAGE", tmp_path / "api.md")
    monkeypatch.setattr(sys, "argv", ["api_docs.py"])
    assert api_docs.main() == 0
    monkeypatch.setattr(sys, "argv", ["api_docs.py", "--check"])
    assert api_docs.main() == 0
    api_docs.PAGE.write_text("old", encoding="utf-8")
    assert api_docs.main() == 1
    assert "run: python -m tools.pages.api" in capsys.readouterr().err


def test_numpydoc_becomes_markdown() -> None:
    text = """Do it.

Parameters
----------
a : one line
    and a second

Raises
------
ValueError, TypeError
    If not.

Examples
--------
>>> 1 + 1
2
"""
    assert api_docs.markdown(text) == [
        "Do it.",
        "",
        "**Parameters**",
        "",
        "- `a`: one line and a second",
        "",
        "**Raises**",
        "",
        "- ValueError, TypeError: If not.",
        "",
        "**Examples**",
        "",
        "```python",
        ">>> 1 + 1",
        "2",
        "```",
    ]

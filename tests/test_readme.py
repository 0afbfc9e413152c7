"""README's numbers are those of results/, its links lead somewhere, its commands exist."""

import re
from pathlib import Path

from tools.readme import fill, spread

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_numbers_are_read_from_results() -> None:
    assert fill(README) == README, "run: python -m tools.readme"


def test_a_typed_number_is_noticed() -> None:
    start = README.index("<!-- results:begin -->")
    digit = next(found for found in re.finditer(r"\d", README[start + 30 :]))
    at = start + 30 + digit.start()
    changed = README[:at] + str((int(README[at]) + 1) % 10) + README[at + 1 :]
    assert fill(changed) == README != changed


def test_every_local_link_and_picture_exists() -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README) + re.findall(r'src="([^"]+)"', README)
    assert targets
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing


def test_every_make_target_that_readme_names_exists() -> None:
    tasks = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"make ([a-z]+)", README)) - {"and", "help"}
    assert {"demo", "test"} <= named
    assert all(re.search(rf"\b{name}\b", tasks) for name in named)


def test_every_notebook_is_in_the_table() -> None:
    for notebook in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        assert f"notebooks/{notebook.name}" in README


def test_spread_shows_a_range_only_where_there_is_one() -> None:
    assert spread([1.0, 3.0, 2.0], "{:.0f}") == "2 (1 to 3)"
    assert spread([2.0, 2.0], "{:.0f}") == "2"

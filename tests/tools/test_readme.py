"""README's numbers are those of results/, its links lead somewhere, its commands exist."""

import json
import re
from pathlib import Path

import pytest

from course_kit.notebook.results import chosen
from tools.pages.readme import PAGES, fill, spread
from tools.release.records import is_of
from torch_bridge.benchmarks.recipes import RECORDS
from tucker_core import load

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_numbers_are_read_from_results(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert fill(text, page) == text, "run: python -m tools.pages.readme"


def test_a_typed_number_is_noticed() -> None:
    start = RESULTS.index("<!-- results:begin -->")
    digit = next(found for found in re.finditer(r"\d", RESULTS[start + 30 :]))
    at = start + 30 + digit.start()
    changed = RESULTS[:at] + str((int(RESULTS[at]) + 1) % 10) + RESULTS[at + 1 :]
    assert fill(changed, "docs/results.md") == RESULTS != changed


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=str
)
def test_every_local_link_and_picture_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!http|#)([^)#\s]+)", text) + re.findall(r'src="([^"]+)"', text)
    assert [target for target in targets if not (page.parent / target).exists()] == []


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


def test_every_record_was_made_by_the_recipe_of_its_name() -> None:
    """A recipe that changes makes its results stale: run tools.release.records again."""
    paths = sorted((ROOT / "results").glob("record_*.json"))
    assert paths
    for path in paths:
        run = json.loads(path.read_text(encoding="utf-8"))
        recipe = path.name.split("_")[2]
        assert is_of(path, RECORDS[run["model"], recipe]), path.name
        assert f"--recipe {recipe} --seed {run['seed']} " in run["command"]


@pytest.mark.parametrize("path", sorted((ROOT / "data" / "models").glob("*.ada")), ids=str)
def test_every_shipped_file_is_the_one_that_validation_chose(path: Path) -> None:
    model, recipe = path.stem.split("_")
    run = chosen(model, recipe)
    assert run is not None
    assert path.stat().st_size == run["rows"][0]["n_bytes"] == load(path).n_bytes


def test_networks_beside_results_are_those_that_these_speak_of() -> None:
    paths = sorted((ROOT / "results").glob("*.ada"))
    assert paths
    for path in paths:
        run = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        row, network = run["rows"][-1], load(path)
        assert row["name"] == path.name
        assert row["n_bytes"] == path.stat().st_size == network.n_bytes
        assert (run["model"], row["params"]) == (network.architecture, network.n_params)

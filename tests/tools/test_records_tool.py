"""`python -m tools.release.records`: a recipe that was changed is run again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from course_kit.notebook.results import RESULTS
from tools.release.records import is_of
from torch_bridge.benchmarks.recipes import RECORDS


def test_a_result_of_an_older_recipe_is_none_of_todays(tmp_path: Path) -> None:
    recipe = RECORDS["lenet5", "small"]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"recipe": asdict(recipe)}))
    assert is_of(path, recipe)
    assert not is_of(path, replace(recipe, levels=2.0))
    older = asdict(recipe)
    del older["dense"]["label_smoothing"]  # no setting then: what it does by default
    path.write_text(json.dumps({"recipe": older}))
    assert is_of(path, recipe)
    assert not is_of(path, replace(recipe, dense=replace(recipe.dense, label_smoothing=0.1)))
    path.write_text(json.dumps({"recipe": asdict(recipe)}))
    path.write_text("{}")
    assert not is_of(path, recipe)


def test_published_results_are_of_todays_recipes() -> None:
    for (model, name), recipe in RECORDS.items():
        for path in RESULTS.glob(f"record_{model}_{name}_seed*.json"):
            assert is_of(path, recipe), path

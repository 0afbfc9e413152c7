"""Results that are there already: shown again for the very same run, made anew for any other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ada_tucker.studies.pareto import sweep
from tests.ada_tucker.tiny_cli import Command
from tests.torch_bridge.tiny_runs import RECIPE, interrupt_at, tiny_experiment
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.benchmarks.results import kept_result, run_facts
from tucker_core.files import write_json


@pytest.mark.parametrize(
    "change",
    [
        {"tucker": replace(RECIPE.tucker, epochs=1)},
        {"tucker": replace(RECIPE.tucker, lr=0.02)},
        {"levels": 2.0},
    ],
    ids=("epochs", "lr", "levels"),
)
def test_a_sweep_with_other_settings_is_made_anew(
    change: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = run(tmp_path)
    calls = interrupt_at(monkeypatch, 0)
    assert run(tmp_path) == [first]
    assert calls() == 0
    with pytest.warns(UserWarning, match="of other settings, .*; it is made anew"):
        (changed,) = run(tmp_path, recipe=replace(RECIPE, **change))
    (fresh,) = run(tmp_path / "fresh", recipe=replace(RECIPE, **change))
    assert untimed(changed["rows"]) == untimed(fresh["rows"])
    assert changed["recipe"] != first["recipe"]
    assert changed["fingerprint"] == fresh["fingerprint"] != first["fingerprint"]


@pytest.mark.filterwarnings("always::UserWarning")
def test_the_command_says_that_a_run_is_made_anew(ada: Command) -> None:
    line = ("pareto", "lenet300", "--budgets", 900, "--rates", 0.5, "--quiet", "--epochs")
    assert ada(*line, 1).done().err.startswith("\npicture: ")
    assert ada(*line, 1).done().err.startswith("\npicture: ")
    assert "_b900_r0.5_s0.json is of other settings" in ada(*line, 2, "--json").done().err


def untimed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"seconds": 0.0} for row in rows]


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_a_result_whose_file_is_gone_or_changed_is_made_anew(harm: str, tmp_path: Path) -> None:
    (told,) = run(tmp_path)
    (path,) = (tmp_path / "out").glob("*.ada")
    content = path.read_bytes()
    path.write_bytes(b"ADA") if harm == "changed" else path.unlink()
    with pytest.warns(UserWarning, match="missing or was changed .*made anew"):
        (again,) = run(tmp_path)
    assert path.read_bytes() == content
    assert untimed(again["rows"]) == untimed(told["rows"])


def run(folder: Path, budget: int = 1_000, recipe: Recipe = RECIPE) -> list[dict[str, Any]]:
    job = tiny_experiment(recipe, folder=folder / "runs")
    return sweep(job, [budget], [0.5], [0], folder / "out")


def test_an_interrupted_budget_keeps_its_epochs_while_another_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)  # in QAT of the first budget
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    run(tmp_path, 1_500)
    calls = interrupt_at(monkeypatch, 0)
    run(tmp_path)
    assert calls() == 2  # the two epochs before QAT were kept


def test_rates_that_differ_in_the_seventh_digit_have_files_of_their_own(tmp_path: Path) -> None:
    job = tiny_experiment()
    sweep(job, [1_000], [0.1234567, 0.1234568], [0], tmp_path)
    assert len(list(tmp_path.glob("*.ada"))) == 2


def test_ablation_takes_epochs_and_learning_rate(ada: Command, tmp_path: Path) -> None:
    options = ("--seeds", 0, "--epochs", 1, "--lr", 0.004, "--quiet", "--json")
    told = json.loads(ada("ablate", "core", *options).done().out)
    assert (told["recipe"]["tucker"]["epochs"], told["recipe"]["tucker"]["lr"]) == (1, 0.004)


def test_reading_a_kept_result(tmp_path: Path) -> None:
    path, file = tmp_path / "a.json", tmp_path / "a.ada"
    assert kept_result(path, "f") is None
    file.write_bytes(b"net")
    write_json(path, {"rows": [1]} | run_facts("f", [file]))
    kept = kept_result(path, "f")
    assert kept is not None
    assert kept["rows"] == [1]
    with pytest.warns(UserWarning, match=r"a\.json is of other settings.*made anew"):
        assert kept_result(path, "g") is None
    write_json(path, {"fingerprint": "f", "files": {}})
    with pytest.raises(ValueError, match=r"a\.json holds no rows.*delete it"):
        kept_result(path, "f")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is no JSON"),
        (b"[]", "holds a list; a JSON object is needed"),
        ('{"name": "größe"}'.encode("cp1252"), "is no text in UTF-8.*save it as UTF-8"),
        ('{"rows": 1}'.encode("utf-16"), "is no text in UTF-8"),
        (b'{"rows": [1', "is no JSON.*mend it or delete it"),
    ],
)
def test_a_result_that_cannot_be_read_is_named(content: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=f"a.json {text}"):
        kept_result(tmp_path / "a.json", "f")

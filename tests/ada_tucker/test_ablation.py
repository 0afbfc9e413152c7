"""The studies: each setting at equal parameters, coarser integers in smaller files, honest labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ada_tucker.studies import ablation
from course_kit.figures.ablation import ablation_figure, budgets_figure
from tests.ada_tucker.tiny_cli import command_in
from tests.torch_bridge.tiny_runs import CONFIG, tiny_experiment
from torch_bridge.benchmarks.experiment import Experiment


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """LeNet-300 on a few digits; every study trains for two epochs."""
    short = replace(
        ablation.base_recipe(), dense=CONFIG, tucker=replace(CONFIG, lr=1e-2), teaching=CONFIG,
        copies=1,
    )  # fmt: skip
    monkeypatch.setattr(ablation, "base_recipe", lambda: short)
    return tiny_experiment(short)


SETTINGS = {"order": 4, "dims": 5, "start": 2, "core": 2, "distil": 2, "bits": 7}


@pytest.mark.parametrize("name", SETTINGS)
def test_study_changes_one_thing_at_equal_parameters(name: str, experiment: Experiment) -> None:
    outcomes = ablation.study(name, experiment, [0, 1])
    assert len(outcomes) == 2 * len({o.setting for o in outcomes}) == 2 * SETTINGS[name]
    biases = 10
    for outcome in outcomes:
        assert 0.95 * ablation.BUDGET <= outcome.params <= ablation.BUDGET + biases
        assert 0 <= outcome.test_error <= 100
    told = ablation.content(name, outcomes) | {"data_set": "MNIST-5k"}
    axes = ablation_figure(told).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == list(dict.fromkeys(o.setting for o in outcomes))


def test_study_of_shared_cores_stays_within_each_budget_and_is_drawn_as_curves(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "BUDGETS", (600, 1_200))
    outcomes = ablation.study("shared", experiment, [0])
    assert set(SETTINGS) | {"shared", "shape"} == set(ablation.STUDIES)
    assert [outcome.setting for outcome in outcomes] == [
        f"{model}, {way}, {budget}"
        for model in ("lenet300", "lenet5")
        for budget in (600, 1200)
        for way in ("own cores", "one shared core")
    ]
    for outcome in outcomes:
        budget = int(outcome.setting.split(", ")[-1])
        assert 0.8 * budget <= outcome.params <= budget + 10
    told = ablation.content("shared", outcomes) | {"data_set": "MNIST-5k"}
    for axes in budgets_figure(told).axes:
        drawn = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
        assert [line.get_label() for line in drawn] == ["own cores", "one shared core"]
        assert all(np.size(line.get_xdata()) == 2 for line in drawn)


def test_study_of_shapes_changes_the_first_weight_alone_under_one_ceiling(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "ORDERS", (2, 4))
    monkeypatch.setattr(ablation, "LADDER", ((20, 20, 21, 28), (2, 6, 25, 784)))
    outcomes = ablation.study("shape", experiment, [0])
    assert [outcome.setting for outcome in outcomes] == [
        "order 2: 300 x 784",
        "order 3: 300 x 28 x 28",
        "order 2: 480 x 490",
        "order 4: 20 x 20 x 21 x 28",  # of the orders and of the ladder, trained once
        "order 4: 2 x 6 x 25 x 784",
    ]
    ceiling = ablation.FIRST_BUDGET + ablation.REST_BUDGET + 10  # biases are counted, too
    assert all(0.9 * ceiling < outcome.params <= ceiling for outcome in outcomes)


def test_fewer_bits_make_smaller_files(experiment: Experiment) -> None:
    sizes = [outcome.n_bytes for outcome in ablation.study("bits", experiment, [0])]
    assert sizes == sorted(set(sizes))


def test_unknown_study_is_named(
    experiment: Experiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="study 'magic' is unknown; choose from order"):
        ablation.study("magic", experiment, [0])
    command_in(tmp_path, monkeypatch, capsys)("ablate", "magic", "--quiet").error("'magic'")

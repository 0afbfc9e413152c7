"""The studies: each setting at equal parameters, coarser integers in smaller files, honest labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ada_tucker.studies import ablation
from course_kit.figures.ablation import ablation_figure
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


@pytest.mark.parametrize("name", ablation.STUDIES)
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

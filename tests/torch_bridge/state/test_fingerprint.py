"""Fingerprints: the same run has the same one, and whatever decides a result changes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.torch_bridge.tiny_runs import (
    CONFIG,
    RECIPE,
    small_net,
    tiny_digits,
    tiny_experiment,
    training_tensors,
)
from torch_bridge import fit
from torch_bridge.benchmarks.compressed import compress
from torch_bridge.state.fingerprint import digest, fingerprint
from torch_bridge.training import loop
from torch_bridge.training.model_facts import model_facts


def test_it_does_not_depend_on_the_order_of_facts() -> None:
    assert fingerprint(a=1, b=(2, None)) == fingerprint(b=(2, None), a=1)
    assert len({fingerprint(a=1), fingerprint(a=2), fingerprint(b=2)}) == 3


def test_what_has_another_text_in_every_process_is_refused() -> None:
    with pytest.raises(TypeError):
        fingerprint(a=object())


def test_it_depends_on_the_version_of_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(a=1)
    monkeypatch.setattr("torch_bridge.state.fingerprint.SCHEMA", 99)
    assert fingerprint(a=1) != before


def test_digest_sees_contents_whatever_their_strides() -> None:
    tensor = torch.arange(6.0).reshape(2, 3)
    assert digest([tensor.T]) == digest([tensor.T.contiguous()])
    assert digest([tensor]) != digest([tensor + 1])
    assert digest([tensor.requires_grad_()]) == digest([tensor.detach()])


def test_digest_sees_shapes_and_dtypes_of_the_same_bytes() -> None:
    tensor = torch.zeros(2, 3)
    others = [tensor.T, tensor.reshape(6), tensor.int(), tensor.bfloat16(), torch.zeros(0)]
    found = {digest([t.contiguous()]) for t in (tensor, *others)}
    assert len(found) == 1 + len(others)
    assert digest([tensor, tensor]) != digest([torch.zeros(4, 3)])


def test_model_facts_see_which_weights_learn_and_which_layers_there_are() -> None:
    frozen, other = small_net(), small_net()
    dict(frozen.named_parameters())["1.bias"].requires_grad_(False)
    other.register_module("2", torch.nn.Tanh())
    facts = [fingerprint(model=model_facts(m)) for m in (small_net(), frozen, other)]
    assert len(set(facts)) == 3
    assert fingerprint(model=model_facts(small_net())) == facts[0]


def made(**options: Any) -> str:
    """Fingerprint of a compressed run."""
    return compress(tiny_experiment(**options)).fingerprint()


def test_every_setting_of_an_experiment_changes_its_fingerprint() -> None:
    data = tiny_digits()
    changed = data.test_images.copy()
    changed[0, 0, 0] ^= 1
    jobs = [
        made(),
        made(seed=1),
        made(data=replace(data, test_images=changed)),
        made(data=replace(data, name="other")),
        *(
            made(recipe=replace(RECIPE, **change))
            for change in (
                {"budget": 1_300}, {"levels": 2.0}, {"copies": 3}, {"method": "scada"},
                {"tucker": replace(RECIPE.tucker, epochs=3)},
                {"qat": replace(RECIPE.qat, lr=2e-3)},
            )
        ),
    ]  # fmt: skip
    assert len(set(jobs)) == len(jobs)
    assert made() == jobs[0]


def test_what_auto_came_to_is_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run begun in bfloat16 on one machine is not gone on with in float32 on another."""
    images, labels, validation = training_tensors()

    def run() -> Path | None:
        net, config = small_net(), replace(CONFIG, epochs=1)
        options: dict[str, Any] = {"checkpoint": tmp_path / "run.npz", "progress": False}
        return fit(net, [images], labels, validation, config, **options).checkpoint

    files, marks = [], []
    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(loop, "pick_precision", lambda *_, dtype=dtype: dtype)
        monkeypatch.setattr(
            "torch_bridge.benchmarks.experiment.pick_precision", lambda *_, d=dtype: d
        )
        files.append(run())
        marks.append(made())
    assert files[0] != files[1]
    assert marks[0] != marks[1]
    assert len(list(tmp_path.glob("run-*.npz"))) == 2


def test_validation_images_that_chose_the_epoch_are_part_of_it(tmp_path: Path) -> None:
    images, labels, (held, held_labels) = training_tensors()
    made = [
        fit(
            small_net(), [images], labels, validation, replace(CONFIG, epochs=1),
            checkpoint=tmp_path / "run.npz", progress=False,
        ).checkpoint
        for validation in ((held, held_labels), (held[:50], held_labels[:50]))
    ]  # fmt: skip
    assert made[0] != made[1]

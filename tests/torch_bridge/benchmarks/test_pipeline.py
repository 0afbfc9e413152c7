"""The whole road on a few digits: training, QAT, the file, its error, and the demo's folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ada_tucker.cli.demo import run_demo
from tests.torch_bridge.tiny_runs import (
    RECIPE,
    TEST,
    TRAIN,
    VAL,
    interrupt_at,
    tiny_digits,
    tiny_experiment,
)
from torch_bridge import build_model, load_network
from torch_bridge.benchmarks.compressed import compress
from torch_bridge.benchmarks.experiment import Experiment, fix_inner_biases
from torch_bridge.benchmarks.methods import Init
from torch_bridge.benchmarks.recipes import RECIPES, recipe_for
from torch_bridge.benchmarks.results import Row, rows_table
from torch_bridge.training.evaluate import error_rate
from torch_bridge.training.precision import check_device
from tucker_core import dense_params, from_bytes, load


def experiment(folder: Path | None = None, **options: Any) -> Experiment:
    """Set up the small LeNet on the tiny digits."""
    return tiny_experiment(folder=folder, **options)


def biases_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Give the biases by name."""
    return {name: p for name, p in model.named_parameters() if name.endswith("bias")}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row], Experiment]:
    """Run the demo once on the tiny digits."""
    out = tmp_path_factory.mktemp("demo")
    job = experiment()
    return out, [Row(**row) for row in run_demo(job, out).rows], job


Demo = tuple[Path, list[Row], Experiment]


def test_demo_leaves_file_pictures_and_result(demo: Demo) -> None:
    names = {path.name for path in demo[0].iterdir()}
    wanted = {"lenet300.ada", "lenet300.png", "lenet300_qr.svg", "lenet300_qr.png", "result.json"}
    assert names == wanted


def test_demo_rows(demo: Demo) -> None:
    out, rows, _ = demo
    dense, augmented, small = rows
    params = dense_params("lenet300")
    assert dense.name == "dense, no augmentation"
    assert augmented.name == "dense, with augmentation"
    assert small.name == "lenet300.ada, decoded"
    for row in (dense, augmented):
        assert (row.params, row.n_bytes, row.ratio) == (params, 4 * params, 1.0)
    assert small.n_bytes == (out / "lenet300.ada").stat().st_size
    assert small.ratio == pytest.approx(4 * params / small.n_bytes)
    assert small.params <= RECIPE.budget + 10
    table = rows_table(rows, "MNIST-5k")
    assert "MNIST-5k" in table
    assert f"{small.n_bytes:,}" in table


def test_demo_error_is_that_of_the_decoded_file(demo: Demo) -> None:
    out, rows, job = demo
    model = load_network(build_model("lenet300"), load(out / "lenet300.ada"))
    assert rows[-1].test_error == error_rate(model.eval(), job.images.test)
    assert rows[-1].val_error == error_rate(model, job.images.validation)


def numbers(content: Any) -> Iterator[float]:
    """Walk over all numbers of a JSON value."""
    if isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from numbers(value)
    elif isinstance(content, int | float):
        yield content


def test_result_file_tells_everything_needed_to_repeat_the_run(demo: Demo) -> None:
    content = json.loads((demo[0] / "result.json").read_text(encoding="utf-8"))
    assert content["command"].startswith("ada-tucker")
    assert (content["model"], content["data_set"], content["seed"]) == ("lenet300", "MNIST-5k", 0)
    assert content["images"] == {"train": TRAIN, "validation": VAL, "test": TEST}
    assert content["recipe"]["budget"] == RECIPE.budget
    assert {"python", "numpy", "torch"} <= content["versions"].keys()
    assert {"machine", "date"} <= content.keys()
    assert [row["n_bytes"] for row in content["rows"]] == [row.n_bytes for row in demo[1]]
    assert all(math.isfinite(number) for number in numbers(content))


def test_demo_of_the_same_seed_writes_the_same_file(demo: Demo, tmp_path: Path) -> None:
    rows = [Row(**row) for row in run_demo(experiment(), tmp_path).rows]
    assert (tmp_path / "lenet300.ada").read_bytes() == (demo[0] / "lenet300.ada").read_bytes()
    assert [replace(r, seconds=0.0) for r in rows] == [replace(r, seconds=0.0) for r in demo[1]]


def small_file(job: Experiment, max_bytes: int | None = None) -> bytes:
    """Train a compressed network and quantise it; gives its file."""
    small = compress(job)
    small.train()
    small.quantize(max_bytes)
    return small.content


def test_another_seed_writes_another_file(demo: Demo) -> None:
    assert small_file(experiment(seed=1)) != (demo[0] / "lenet300.ada").read_bytes()


def test_inner_biases_are_not_in_the_file(demo: Demo) -> None:
    names = [p.name for p in load(demo[0] / "lenet300.ada").parameters]
    assert names == ["fc1.weight", "fc2.weight", "fc3.weight", "fc3.bias"]


@pytest.mark.parametrize("fraction", [0.95, 0.7])
def test_max_bytes_is_honoured(fraction: float, demo: Demo) -> None:
    limit = int(fraction * demo[1][-1].n_bytes)
    assert 0.8 * limit < len(small_file(experiment(), limit)) <= limit


def test_max_bytes_too_small_names_the_smallest_size() -> None:
    with pytest.raises(ValueError, match=r"max_bytes is 60; .*budget of 1200 .* gives \d+ bytes"):
        small_file(experiment(), 60)


def test_another_max_bytes_quantises_anew(tmp_path: Path) -> None:
    """A checkpoint of other steps must not pass for this one's."""
    small_file(experiment(tmp_path))
    assert small_file(experiment(tmp_path), 500) == small_file(experiment(), 500)


def test_quantised_model_computes_what_its_file_decodes_to(tmp_path: Path) -> None:
    small = compress(experiment())
    small.train()
    small.quantize()
    row = small.write(tmp_path / "a.ada", "file")
    network = load(tmp_path / "a.ada")
    decoded = load_network(build_model("lenet300"), network).eval()
    images = small.experiment.images
    assert row.params == network.n_params == small.plan.n_params + 10
    assert row.val_error == small.runs["qat"].val_error == error_rate(decoded, images.validation)
    assert row.test_error == error_rate(decoded, images.test)


@pytest.mark.parametrize("epoch", range(1, 9))
def test_interrupted_demo_goes_on_to_the_same_file(
    epoch: int, demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two epochs each of: dense, dense augmented, Tucker, QAT."""
    with monkeypatch.context() as patch:
        interrupt_at(patch, epoch)
        with pytest.raises(KeyboardInterrupt):
            run_demo(experiment(tmp_path / "runs"), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.ada"))
    calls = interrupt_at(monkeypatch, 0)
    run_demo(experiment(tmp_path / "runs"), tmp_path / "out")
    assert calls() == 9 - epoch  # the interrupted epoch is trained again, those before are not
    written = (tmp_path / "out" / "lenet300.ada").read_bytes()
    assert written == (demo[0] / "lenet300.ada").read_bytes()


def test_lenet5_too(tmp_path: Path) -> None:
    one = replace(RECIPE.tucker, epochs=1)
    recipe = replace(RECIPE, tucker=one, qat=one, copies=0)
    network = from_bytes(small_file(experiment(model="lenet5", recipe=recipe)))
    assert network.architecture == "lenet5"
    assert network.dense_bytes == 4 * 431_080


def test_hosvd_init_is_better_than_scratch_and_distillation_runs() -> None:
    longer = replace(RECIPE.dense, epochs=5)
    recipe = replace(RECIPE, dense=longer, tucker=replace(RECIPE.tucker, distil=0.5, lr=1e-5))
    recipe = replace(recipe, budget=120_000)
    dense, _ = experiment(recipe=recipe).train_dense(augment=False)
    inits: tuple[Init, Init] = ("hosvd", "scratch")
    jobs = [experiment(recipe=replace(recipe, init=init)) for init in inits]
    hosvd, scratch = (compress(job, dense).train().val_error for job in jobs)
    assert hosvd < scratch


@pytest.mark.parametrize(("init", "distil"), [("hosvd", 0.0), ("scratch", 0.5)])
def test_dense_network_that_is_needed_and_missing(init: Any, distil: float) -> None:
    recipe = replace(RECIPE, init=init, tucker=replace(RECIPE.tucker, distil=distil))
    with pytest.raises(ValueError, match="a dense network is needed"):
        compress(experiment(recipe=recipe))


def test_only_inner_biases_are_fixed() -> None:
    model = build_model("lenet300", seed=0)
    fix_inner_biases(model)
    biases = biases_of(model)
    assert {name for name, bias in biases.items() if bias.requires_grad} == {"fc3.bias"}
    assert {name for name, bias in biases.items() if bias.any()} == {"fc3.bias"}


def test_pool_is_made_once() -> None:
    images: Any = experiment().images
    pool = images.training(RECIPE, 0).pool
    assert images.training(RECIPE, 0).pool is pool
    assert len(pool) == RECIPE.copies
    (plain,) = images.training(RECIPE, 0, augment=False).pool
    np.testing.assert_array_equal(plain, tiny_digits().train_images)


def test_auto_is_the_best_device_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert check_device("auto") == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert check_device("auto") == torch.device("mps")


def test_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert check_device("auto") == torch.device("cpu")
    with pytest.raises(
        ValueError, match=r"device 'tpu' is not available; this machine has \['cpu'\]"
    ):
        check_device("tpu")


def test_every_model_has_a_recipe_for_both_data_sets() -> None:
    for model, data in RECIPES:
        assert recipe_for(model, data).budget > 0
    with pytest.raises(ValueError, match="no recipe for lenet5 on CIFAR; there are: lenet5 on"):
        recipe_for("lenet5", "CIFAR")

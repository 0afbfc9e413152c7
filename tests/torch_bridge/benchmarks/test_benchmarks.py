"""The benchmarks end to end on a few tiny images: dense, compressed, read back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.torch_bridge.tiny_cifar import tiny_set
from torch_bridge import build_model
from torch_bridge.benchmarks import BENCHMARKS, Experiment, benchmark_named
from torch_bridge.benchmarks.compressed import compress
from torch_bridge.benchmarks.images import in_memory
from torch_bridge.benchmarks.methods import decode
from torch_bridge.benchmarks.plan import is_depthwise, plan_benchmark
from torch_bridge.benchmarks.runs import compress_benchmark, run_dense
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.models import MODELS, CifarResNet
from torch_bridge.models.fold_batch_norm import fold_batch_norms
from torch_bridge.state.tensors import load_weights, save_weights
from torch_bridge.training.evaluate import error_rate
from tucker_core import ARCHITECTURES, load


def bench_in(folder: Path, name: str, **changes: Any) -> Experiment:
    """A benchmark on tiny images, its dense training changed."""
    images = in_memory(tiny_set(), IMAGE_SETS["cifar10"], torch.device("cpu"))
    recipe = benchmark_named(name).recipe
    recipe = replace(recipe, dense=replace(recipe.dense, **changes))
    return Experiment(
        name, images, recipe, benchmark=name, out=folder, folder=folder, progress=False
    )


def test_every_benchmark_names_a_network_and_a_data_set() -> None:
    for name, benchmark in BENCHMARKS.items():
        assert benchmark.name == name
        assert benchmark.model in MODELS
        assert benchmark.data in IMAGE_SETS


def test_dense_run_leaves_result_and_weights(tmp_path: Path, resnet8: str) -> None:
    bench = bench_in(tmp_path, resnet8)
    row = run_dense(bench)
    stem = "bench_resnet8_cifar-10-tiny_dense-1_seed0"
    content = json.loads((tmp_path / f"{stem}.json").read_text())
    assert content["rows"][0]["test_error"] == row.test_error
    assert content["images"] == {"train": 40, "validation": 12, "test": 16}
    assert len(content["history"]["dense"]) == 1
    model = load_weights(tmp_path / f"{stem}.npz", CifarResNet(8))
    assert error_rate(model, bench.images.test) == row.test_error


@pytest.mark.parametrize("native", [False, True])
def test_result_says_what_auto_precision_came_to(
    native: bool, tmp_path: Path, resnet8: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    run_dense(bench_in(tmp_path, resnet8, precision="auto"))
    content = json.loads(next(tmp_path.glob("*_seed0.json")).read_text())
    assert content["precisions"] == {"dense": "bfloat16" if native else "float32"}


def test_dense_run_goes_on_from_weights(tmp_path: Path, resnet8: str) -> None:
    start = tmp_path / "start.npz"
    model = build_model(resnet8, seed=5)
    save_weights(start, model)
    run_dense(bench_in(tmp_path, resnet8, lr=1e-12), start)
    stem = "bench_resnet8_cifar-10-tiny_dense-1-more_seed0"
    after = load_weights(tmp_path / f"{stem}.npz", CifarResNet(8))
    torch.testing.assert_close(dict(after.named_parameters()), dict(model.named_parameters()))
    assert json.loads((tmp_path / f"{stem}.json").read_text())["init"]["file"] == "start.npz"


def test_dense_run_can_imitate_what_it_was(tmp_path: Path, resnet8: str) -> None:
    model, known = build_model(resnet8, seed=5), IMAGE_SETS["cifar10"]
    save_weights(tmp_path / "start.npz", model)
    after = []
    for folder, shift in ((tmp_path / "true", 0), (tmp_path / "false", 1)):
        bench, images = bench_in(folder, resnet8, distil=1.0), tiny_set()
        images = replace(images, train_labels=(images.train_labels + shift) % 10)
        bench.images = in_memory(images, known, torch.device("cpu"))
        run_dense(bench, tmp_path / "start.npz")
        stem = folder / "bench_resnet8_cifar-10-tiny_dense-1-taught_seed0"
        content = json.loads(stem.with_suffix(".json").read_text())
        assert content["recipe"]["dense"]["distil"] == 1
        assert content["history"]["dense"][0]["loss"] > 0  # what it imitates does not follow it
        after.append(load_weights(stem.with_suffix(".npz"), CifarResNet(8)).state_dict())
    torch.testing.assert_close(*after, rtol=0, atol=0)  # labels play no part
    with pytest.raises(
        ValueError, match=r"distil is 0\.5: .* give the weights that it starts from"
    ):
        run_dense(bench_in(tmp_path, resnet8, distil=0.5))


@pytest.mark.parametrize(
    ("method", "name"), [("ada", "resnet8"), ("scada", "resnet8"), ("ada", "resnet20")]
)
def test_compressed_network_is_written_read_back_and_within_its_target(
    method: str, name: str, tmp_path: Path, resnet8: str
) -> None:
    bench = bench_in(tmp_path, name)
    dense = tmp_path / "dense.npz"
    save_weights(dense, build_model(name, seed=0))
    recipe = BENCHMARKS[resnet8].recipe
    bench.recipe = replace(recipe, method=method, qat=replace(recipe.qat, epochs=3))
    rows = compress_benchmark(bench, dense)
    path = tmp_path / f"bench_{name}_cifar-10-tiny_{method}-15x-4_seed0.ada"
    network = load(path)
    assert rows[1].n_bytes == path.stat().st_size
    assert rows[1].ratio == 4 * rows[0].params / rows[1].n_bytes
    assert rows[1].test_error == error_rate(decode(network), bench.images.test)
    content = json.loads(path.with_suffix(".json").read_text())
    assert content["points_lost"] == rows[1].test_error - rows[0].test_error
    assert set(content["history"]) == {"tucker", "qat"}


def test_folded_network_computes_the_same_without_statistics() -> None:
    model = build_model("resnet20", seed=0)
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.state_dict().items():
        if "running" in name or "bn" in name:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    images = torch.rand(2, 3, 32, 32, generator=generator)
    expected = model.eval()(images)
    folded = fold_batch_norms(model)
    torch.testing.assert_close(folded(images), expected, rtol=1e-4, atol=1e-4)
    assert not list(folded.buffers())


@pytest.mark.parametrize("name", ["resnet20", "resnet32", "resnet56", "resnet110"])
def test_files_know_the_parameters_of_a_folded_resnet(name: str) -> None:
    model = fold_batch_norms(build_model(name))
    assert {n: tuple(p.shape) for n, p in model.named_parameters()} == ARCHITECTURES[name]


def test_depthwise_convolutions_are_left_alone() -> None:
    model = nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, groups=2))
    assert [is_depthwise(layer) for layer in model] == [True, False]
    assert [layer.name for layer in plan_benchmark(model, 200).layers] == ["1.weight"]


@pytest.mark.parametrize("budget", [60_000, 500_000])
def test_plan_keeps_under_its_budget(budget: int) -> None:
    assert plan_benchmark(build_model("convnet", seed=0), budget).n_params <= budget


def test_ranks_go_where_the_energy_is() -> None:
    model = nn.Sequential(nn.Conv2d(16, 16, 3), nn.Conv2d(16, 16, 3))
    flat: Any = model[0].weight
    flat.data[:] = flat.data[:1, :1, :1, :1]  # of rank one
    plan = plan_benchmark(model, 1_500)
    assert plan["0.weight"].n_params < 100 < plan["1.weight"].n_params


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_weights(tmp_path / "a.npz", CifarResNet(8))
    with pytest.raises(ValueError, match="does not fit CifarResNet"):
        load_weights(tmp_path / "a.npz", CifarResNet(14))
    (tmp_path / "b.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"b\.npz is no weights file"):
        load_weights(tmp_path / "b.npz", CifarResNet(8))
    with pytest.raises(FileNotFoundError):
        load_weights(tmp_path / "c.npz", CifarResNet(8))


@pytest.mark.parametrize("method", ["ada", "rounding"])
def test_a_fraction_of_the_parameters_is_kept_to_and_steers_the_bytes(
    method: str, tmp_path: Path, resnet8: str
) -> None:
    bench = bench_in(tmp_path, "resnet8")
    dense = tmp_path / "dense.npz"
    save_weights(dense, build_model("resnet8", seed=0))
    recipe = replace(BENCHMARKS[resnet8].recipe, ratio=None, fraction=0.2, bits=4.0, method=method)
    bench.recipe = replace(recipe, qat=replace(recipe.qat, epochs=3))
    whole, small = compress_benchmark(bench, dense)
    assert small.name == f"bench_resnet8_cifar-10-tiny_{method}-20pc-4bit-4_seed0.ada"
    assert (small.params <= 0.2 * whole.params) == (method == "ada")


def test_a_recipe_has_one_size(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ratio is 15.* and fraction 0\.1; give one"):
        replace(BENCHMARKS["resnet20"].recipe, ratio=15.0, fraction=0.1)
    small = replace(BENCHMARKS["resnet20"].recipe, ratio=None, fraction=0.005)
    with pytest.raises(
        ValueError, match=r"fraction is 0\.005: 1,348 parameters are not enough for"
    ):
        compress(replace(bench_in(tmp_path, "resnet20"), recipe=small), build_model("resnet20"))


@pytest.mark.parametrize(
    "wrong", [{"ratio": 0.0}, {"ratio": 9.0, "method": "cp"}, {"ratio": None, "fraction": 1.5}]
)
def test_impossible_targets_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needed"):
        replace(BENCHMARKS["resnet20"].recipe, **wrong)

"""Training of the benchmarks: it learns, resumes to the same bits, stops at the first bad number."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.torch_bridge.tiny_pictures import REGIME, held_out, picture_net, pictures, supply
from torch_bridge import attach_quantizers, compress_model
from torch_bridge.quantization.qat import quantized_tensors
from torch_bridge.state import checkpoint
from torch_bridge.training import loop
from torch_bridge.training.augment import Augmentation
from torch_bridge.training.config import TrainConfig, WeightDecay
from torch_bridge.training.diagnose import TrainingError, first_fault
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.evaluate import error_rate
from torch_bridge.training.loop import FitResult, train
from torch_bridge.training.optim import make_optimizer, parameter_kinds
from tucker_core import LayerPlan, NetworkPlan, plan_reshape


def run(model: nn.Module, regime: TrainConfig = REGIME, **options: Any) -> FitResult:
    options.setdefault("progress", False)
    return train(model, supply(), held_out(), regime, **options)


def weights(model: nn.Module) -> Tensor:
    return torch.cat([t.double().flatten() for t in model.state_dict().values()])


def test_learns_to_tell_bright_from_dark() -> None:
    model = picture_net()
    before = error_rate(model, held_out())
    trained = run(model, replace(REGIME, epochs=12))
    assert trained.val_error == error_rate(model, held_out())
    assert trained.val_error < 20 < before
    losses = [row["loss"] for row in trained.history.table()]
    assert losses[-1] < losses[0] / 2


VARIANTS = {
    "plain": REGIME,
    "adamw, one-cycle": replace(REGIME, optimizer="adamw", lr=1e-2, schedule="one-cycle"),
    "average": replace(REGIME, ema=0.9),
    "teacher": replace(REGIME, distil=0.5, label_smoothing=0.1),
    "half": replace(REGIME, precision="bfloat16"),
}


@pytest.mark.parametrize("regime", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("broken_off", [1, 2])
def test_resumes_to_the_same_bits(
    regime: TrainConfig, broken_off: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start() -> nn.Module:
        return picture_net(dropout=0.3)

    teacher = picture_net(seed=5)
    whole = start()
    unbroken = run(whole, regime, teacher=teacher)
    real, epochs = error_rate, 0

    def stop(*arguments: Any) -> float:
        nonlocal epochs
        epochs += 1
        if epochs > broken_off:
            raise KeyboardInterrupt  # in the middle of an epoch: trained, not yet saved
        return real(*arguments)

    path = tmp_path / "ada-7.5x.npz"
    with monkeypatch.context() as patch:
        patch.setattr(loop, "error_rate", stop)
        with pytest.raises(KeyboardInterrupt):
            run(start(), regime, teacher=teacher, checkpoint=path)
    again = start()
    resumed = run(again, regime, teacher=teacher, checkpoint=path)
    assert torch.equal(weights(again), weights(whole))
    without_time = [row[:-1] for row in resumed.history.rows]
    assert without_time == [row[:-1] for row in unbroken.history.rows]
    (table,) = tmp_path.glob("ada-7.5x-*.csv")
    with table.open() as file:
        assert [int(float(row["epoch"])) for row in csv.DictReader(file)] == [1, 2, 3]
    assert len(json.loads(table.with_suffix(".json").read_text())) == 3


def test_another_run_does_not_go_on_from_a_foreign_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    run(picture_net(), replace(REGIME, epochs=1), checkpoint=path)
    model, fresh = picture_net(), picture_net()
    run(model, replace(REGIME, epochs=1, lr=0.01), checkpoint=path)
    run(fresh, replace(REGIME, epochs=1, lr=0.01))
    assert torch.equal(weights(model), weights(fresh))


def test_full_disk_leaves_the_old_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.npz"
    real = checkpoint.save_checkpoint
    written: list[Path] = []

    def full_the_second_time(target: Path, *rest: Any) -> None:
        if written:
            monkeypatch.setattr("torch_bridge.state.checkpoint.np.savez", full)
        else:
            written.append(target)
        real(target, *rest)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loop, "save_checkpoint", full_the_second_time)
    with pytest.raises(OSError, match="No space left"):
        run(picture_net(), checkpoint=path)
    (kept,) = written
    with np.load(kept) as stored:
        assert int(stored["plain/epoch"]) == 1
    assert {p.suffix for p in tmp_path.iterdir()} == {".csv", ".json", ".npz"}
    assert len(list(tmp_path.iterdir())) == 3


class Breaks(nn.Module):
    """Gives infinity from its second batch on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x / 0 if self.calls > 2 else x


def test_not_a_number_stops_and_names_layer_and_step() -> None:
    model = nn.Sequential(*picture_net().children(), Breaks())
    with pytest.raises(TrainingError, match=r"output of 8 is not finite at step 2 of epoch 1"):
        run(model)


def test_first_fault_names_parameters_outputs_gradients() -> None:
    model: Any = picture_net()
    images = torch.zeros(1, 3, 8, 8)
    assert first_fault(model, images) == "the loss"
    bias = model[3].bias
    bias.grad = torch.full_like(bias, torch.inf)
    assert first_fault(model, images) == "the gradient of 3.bias"
    assert first_fault(model, images / 0) == "the output of 0"
    bias.data[0] = torch.nan
    assert first_fault(model, images) == "the parameter 3.bias"


def test_kinds_hold_every_parameter_once_and_have_their_own_decay() -> None:
    model = picture_net()
    compress_model(model, 500)
    attach_quantizers(model, 4.0)
    kinds = parameter_kinds(model)
    assert {k: len(found) > 0 for k, found in kinds.items()} == {
        "weights": True, "tucker": True, "norms": True, "biases": True, "steps": True,
    }  # fmt: skip
    everything = [id(p) for found in kinds.values() for p in found]
    assert sorted(everything) == sorted(id(p) for p in model.parameters())
    decay = WeightDecay(weights=1.0, tucker=2.0, norms=3.0, biases=4.0)
    groups = make_optimizer(model, replace(REGIME, weight_decay=decay, plain_lr=0.5)).param_groups
    assert [(g["weight_decay"], g["lr"]) for g in groups] == [
        (1.0, 0.5), (2.0, REGIME.lr), (3.0, 0.5), (4.0, 0.5), (0.0, REGIME.step_lr),
    ]  # fmt: skip


@pytest.mark.parametrize(("wanted", "rises"), [(100.0, True), (1e6, False)])
def test_price_on_bits_follows_the_size(wanted: float, rises: bool, tmp_path: Path) -> None:
    model = picture_net()
    compress_model(model, 700)
    attach_quantizers(model, 4.0)
    path = tmp_path / "run.npz"
    real = sum(quantizer.entropy(levels) for quantizer, levels in quantized_tensors(model))
    trained = run(model, replace(REGIME, rate=0.01, bits=wanted), checkpoint=path)
    assert 0.1 < trained.history.table()[-1]["kilobits"] < 10
    (kept,) = tmp_path.glob("run-*.npz")
    with np.load(kept) as stored:
        assert float(stored["plain/rate/first_bits"]) == pytest.approx(real)
        assert (float(stored["plain/rate/weight"]) > 0.01) == rises


def test_augmentation_moves_whole_images_inside_a_black_frame() -> None:
    images, _ = pictures(40)
    images = images.clamp_min(1)
    augmentation = Augmentation(shift=2)
    drawn = augmentation.draw(40, torch.Generator().manual_seed(0))
    moved = augmentation.apply(images, drawn)
    assert drawn.min() == 0
    assert drawn[:, :2].max() == 4
    for image, result, (down, right, mirrored) in zip(images, moved, drawn.tolist(), strict=True):
        framed = torch.zeros(12, 12, 3, dtype=torch.uint8)
        framed[2:10, 2:10] = image
        part = framed[down : down + 8, right : right + 8]
        assert torch.equal(result, part.flip(1) if mirrored else part)


def test_processes_share_every_batch_between_them() -> None:
    both = [list(supply().epoch(0, 8, 3, DistributedContext(rank, 2))) for rank in (0, 1)]
    alone = list(supply().epoch(0, 8, 3, DistributedContext()))
    assert len(alone) == 4
    for whole, first, second in zip(alone, *both, strict=True):
        assert torch.equal(whole[0], torch.cat([first[0], second[0]]))
        assert torch.equal(whole[1], torch.cat([first[1], second[1]]))


def test_cores_of_order_four_and_five_are_no_images() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 192), nn.ReLU(), nn.Linear(192, 4))
    first = LayerPlan("1.weight", plan_reshape((192, 192), 5), (3,) * 5)
    second = LayerPlan("3.weight", plan_reshape((4, 192), 4), (2,) * 4)
    compress_model(model, NetworkPlan((first, second)))
    run(model, replace(REGIME, epochs=1))
    assert all(p.is_contiguous() for p in model.parameters())


def test_batches_that_cannot_be_made_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_size is 40; there are only 32 training images"):
        run(picture_net(), replace(REGIME, batch_size=40))
    with pytest.raises(ValueError, match="batch_size is 8; 3 processes need a multiple"):
        run(picture_net(), context=DistributedContext(0, 3))


@pytest.mark.slow
@pytest.mark.parametrize("tucker", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_compiled_network_trains_alike(tucker: bool) -> None:
    losses = []
    for compiled in (False, True):
        model = picture_net()
        if tucker:
            compress_model(model, 500)
        learning = replace(REGIME, compile=compiled, distil=0.5)
        trained = run(model, learning, teacher=picture_net())
        losses.append([row["loss"] for row in trained.history.table()])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"lr": -1.0}, {"warmup": 2.0}, {"schedule": "step"}, {"rate": -1.0}],
)
def test_impossible_regimes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is"):
        replace(REGIME, **wrong)


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
def test_learning_rate_rises_to_one_and_falls_to_almost_nothing(schedule: Any) -> None:
    regime = replace(REGIME, schedule=schedule, warmup=0.2)
    shares = [regime.lr_fraction(step, 100) for step in range(100)]
    assert shares[:20] == sorted(shares[:20])
    assert shares[19] == max(shares) == 1.0
    assert shares[19:] == sorted(shares[19:], reverse=True)
    assert 0 < shares[-1] < 0.02

"""Training: it learns, it repeats, it resumes to the same bits, and it stops at the first NaN."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.torch_bridge.tiny_runs import interrupt_at, small_net, training_tensors
from torch_bridge import attach_quantizers, to_network
from torch_bridge.training import loop
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.diagnose import TrainingError
from torch_bridge.training.evaluate import EvaluationSet, evaluate, predict
from torch_bridge.training.fit import fit
from torch_bridge.training.loop import FitResult
from torch_bridge.training.objective import Teacher
from tucker_core import to_bytes

CONFIG = TrainConfig(epochs=4, lr=1e-2, batch_size=64, choose_last=2)
SGD = replace(CONFIG, optimizer="sgd", lr=0.05)
configs = pytest.mark.parametrize("config", [CONFIG, SGD], ids=["adamw", "sgd"])


def run(model: nn.Module, config: TrainConfig = CONFIG, **options: Any) -> FitResult:
    """Train on the tiny digits without a bar; `pool` and `labels` replace theirs."""
    images, labels, validation = training_tensors()
    pool = options.pop("pool", [images, images.flip(0)])
    labels = options.pop("labels", labels)
    return fit(model, pool, labels, validation, config, progress=False, **options)


def run_until(epoch: int, model: nn.Module, config: TrainConfig, checkpoint: Path) -> None:
    """Train until Ctrl-C comes in the given epoch."""
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, epoch)
        with pytest.raises(KeyboardInterrupt):
            run(model, config, checkpoint=checkpoint)


def untimed(result: FitResult) -> FitResult:
    """Leave the seconds out."""
    return replace(result, seconds=0.0)


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    """Tell whether two models of one kind hold the same bits."""
    others = second.state_dict()
    return all(torch.equal(tensor, others[key]) for key, tensor in first.state_dict().items())


@configs
@pytest.mark.parametrize("kind", ["dense", "tucker"])
def test_learns(config: TrainConfig, kind: str) -> None:
    images, labels, validation = training_tensors()
    model = small_net(kind)
    before = evaluate(model, images, labels)
    result = run(model, replace(config, epochs=14, lr=2 * config.lr), pool=[images])
    assert before > 70
    assert evaluate(model, images, labels) < 15
    assert result.val_error == evaluate(model, *validation) < 45
    assert result.seconds > 0


def trained_and_rounded(levels: float) -> nn.Module:
    """A network trained in Tucker form whose numbers are then rounded, on the training images."""
    images, _, _ = training_tensors()
    model = small_net("tucker")
    run(model, replace(CONFIG, epochs=14), pool=[images])
    attach_quantizers(model, levels)
    return model


def test_training_repairs_a_coarse_rounding() -> None:
    images, labels, _ = training_tensors()
    model = trained_and_rounded(0.8)
    before = evaluate(model, images, labels)
    run(model, replace(CONFIG, epochs=20, lr=0.05), pool=[images])
    assert before > 25
    assert evaluate(model, images, labels) < before / 2


def test_a_price_on_bits_makes_a_smaller_file() -> None:
    sizes = []
    for price in (0.0, 1.0, 5.0):
        model = trained_and_rounded(2.0)
        run(model, replace(CONFIG, epochs=20, lr=0.1, rate=price), pool=training_tensors()[:1])
        sizes.append(len(to_bytes(to_network(model, "net"))))
    assert sizes[0] > 1.05 * sizes[1]
    assert sizes[1] > 1.05 * sizes[2]


@configs
def test_same_seed_same_bits_other_seed_others(config: TrainConfig) -> None:
    models = [small_net("tucker") for _ in range(3)]
    results = [run(m, replace(config, seed=s)) for m, s in zip(models, (1, 1, 2), strict=True)]
    assert same_weights(models[0], models[1])
    assert untimed(results[0]) == untimed(results[1])
    assert not same_weights(models[0], models[2])


@configs
@pytest.mark.parametrize("kind", ["dense", "tucker", "rounded"])
@pytest.mark.parametrize("interrupted", [(1,), (2,), (4,), (2, 1)])
def test_interrupted_run_resumes_to_the_same_bits(
    config: TrainConfig, kind: str, interrupted: tuple[int, ...], tmp_path: Path
) -> None:
    whole = small_net(kind)
    expected = run(whole, config)
    for epoch in interrupted:
        run_until(epoch, small_net(kind), config, tmp_path / "run.npz")
    resumed = small_net(kind)
    found = run(resumed, config, checkpoint=tmp_path / "run.npz")
    assert untimed(found) == untimed(expected)
    assert same_weights(resumed, whole)


def test_finished_run_trains_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = small_net(), small_net()
    expected = run(first, checkpoint=tmp_path / "run.npz")
    calls = interrupt_at(monkeypatch, 1)
    assert run(second, checkpoint=tmp_path / "run.npz") == expected
    assert calls() == 0
    assert same_weights(first, second)


def test_frozen_parameters_stay_and_resume(tmp_path: Path) -> None:
    whole, resumed = small_net("tucker"), small_net("tucker")
    for model in (whole, resumed):
        bias: Any = model[1].bias  # type: ignore[index]
        nn.init.zeros_(bias).requires_grad_(False)
    run(whole)
    run_until(3, resumed, CONFIG, tmp_path / "run.npz")
    with torch.no_grad():  # the same start again, as a new process would make it
        resumed.load_state_dict(small_net("tucker").state_dict())
        bias.zero_()
    run(resumed, checkpoint=tmp_path / "run.npz")
    assert same_weights(whole, resumed)
    assert not whole.state_dict()["1.bias"].any()


OTHERS: dict[str, dict[str, Any]] = {
    "seed": {"config": replace(CONFIG, seed=5)},
    "learning rate": {"config": replace(CONFIG, lr=1e-3)},
    "labels": {"labels": training_tensors()[1].flip(0)},
    "images": {"pool": [training_tensors()[0].flip(1)]},
    "start": {"start": 5},
    "rounding": {"levels": 1.5},
    "teacher": {"config": replace(CONFIG, distil=0.5), "teacher": Teacher(small_net(seed=8))},
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_run_does_not_resume_from_a_foreign_checkpoint(what: str, tmp_path: Path) -> None:
    options = dict(OTHERS[what])
    start, levels = options.pop("start", 0), options.pop("levels", 4.0)

    def other() -> nn.Module:
        model = small_net("tucker", seed=start)
        attach_quantizers(model, levels)
        return model

    run(small_net("rounded"), checkpoint=tmp_path / "run.npz")
    alone, after = other(), other()
    expected = run(alone, **options)
    assert untimed(run(after, checkpoint=tmp_path / "run.npz", **options)) == untimed(expected)
    assert same_weights(alone, after)


@configs
def test_loss_that_is_not_finite_stops_and_says_where(config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError,
        match=r"toy: .* not finite at step \d+ of epoch 1; .*than 1e\+30\. nothing is",
    ):
        run(
            small_net(), replace(config, lr=1e30, clip=1e30), title="toy", checkpoint=tmp_path / "a"
        )
    assert list(tmp_path.iterdir()) == []


def test_last_good_checkpoint_survives_a_nan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, _, _ = training_tensors()
    pool = [images.float(), torch.full_like(images.float(), math.inf)]
    message = (
        r" is not finite at step 0 of epoch 2; .* than 0.01. the checkpoint after epoch 1 is kept"
    )
    with pytest.raises(TrainingError, match=message):
        run(small_net(), pool=pool, checkpoint=tmp_path / "run.npz")
    (kept,) = tmp_path.glob("run-*.npz")
    good = kept.read_bytes()
    calls = interrupt_at(monkeypatch, 1)
    with pytest.raises(TrainingError, match=message):  # it goes on after epoch 1, and fails again
        run(small_net(), pool=pool, checkpoint=tmp_path / "run.npz")
    assert calls() == 0
    assert kept.read_bytes() == good


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_distillation_moves_outputs_towards_the_teacher(precision: Any) -> None:
    """In float32 as well, where autocast warns if it is asked for that dtype."""
    images, labels, _ = training_tensors()
    teacher = small_net(seed=8)
    run(teacher, replace(CONFIG, epochs=8), pool=[images])
    target = F.softmax(predict(teacher, images), 1)

    def gap(share: float, teacher: Teacher | None) -> float:
        student = small_net(seed=1)
        config = replace(CONFIG, epochs=8, distil=share, precision=precision)
        run(student, config, teacher=teacher, labels=labels.flip(0), pool=[images])  # nonsense
        own = F.log_softmax(predict(student, images), 1)
        return float(F.kl_div(own, target, reduction="batchmean"))

    wise = Teacher(teacher)
    imitating, half, alone = gap(1.0, wise), gap(0.5, wise), gap(0.0, wise)
    assert imitating < half < alone
    assert imitating < 0.5 * alone
    assert gap(0.0, None) == alone


def test_teacher_is_not_changed() -> None:
    teacher, same = small_net(seed=8), small_net(seed=8)
    run(small_net(), replace(CONFIG, epochs=1, distil=0.5), teacher=Teacher(teacher))
    assert same_weights(teacher, same)
    assert all(p.grad is None for p in teacher.parameters())


BAD: list[tuple[str, Any]] = [
    ("epochs", 0), ("epochs", -1), ("lr", 0.0), ("lr", -1e-3), ("lr", math.nan),
    ("batch_size", 0), ("optimizer", "adam"),
    ("choose_last", -1),
    ("rate", -1.0), ("step_lr", math.inf),
    ("distil", 1.5), ("distil", -0.1), ("precision", "float16"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_settings_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} is "):
        replace(CONFIG, **{name: value})


@pytest.mark.parametrize("choose_last", [1, 2, 4, 9])
@pytest.mark.parametrize(
    "errors",
    [[1.0, 4.0, 2.0, 3.0], [4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 2.0, 2.0]],
)
def test_best_of_the_last_epochs_is_kept(
    choose_last: int, errors: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Tensor]] = []

    def scripted(model: nn.Module, images: EvaluationSet) -> float:
        seen.append({key: value.clone() for key, value in model.state_dict().items()})
        return errors[len(seen) - 1]

    monkeypatch.setattr(loop, "error_rate", scripted)
    model = small_net()
    result = run(model, replace(CONFIG, choose_last=choose_last))
    best = min(range(max(0, 4 - choose_last), 4), key=lambda k: (errors[k], -k))  # latest of equals
    assert (result.epoch, result.val_error) == (best + 1, errors[best])
    assert all(torch.equal(seen[best][k], v) for k, v in model.state_dict().items())


def test_fewer_images_than_a_batch() -> None:
    images, labels, _ = training_tensors()
    model = small_net()
    run(model, pool=[images[:20]], labels=labels[:20])
    assert not same_weights(model, small_net())


def test_evaluate_counts_in_percent_and_predict_batches_alike() -> None:
    images, labels, _ = training_tensors()
    model = small_net()
    said = predict(model, images, batch_size=7)
    torch.testing.assert_close(said, predict(model, images))
    assert said.dtype == torch.float32
    wrong = int((said.argmax(1) != labels).sum())
    assert evaluate(model, images, labels) == 100 * wrong / len(labels)

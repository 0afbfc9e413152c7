"""Training and testing of networks on images that lie whole in memory.

Batches are taken straight from memory tensors. The order of an epoch depends on seed and epoch
alone, so a run that was interrupted goes on from its last checkpoint to the very same result.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.quantization.qat import quantized_tensors, rate
from torch_bridge.state.checkpoint import (
    checkpoint_of,
    load_checkpoint,
    restore_weights,
    save_checkpoint,
)
from torch_bridge.state.fingerprint import digest, fingerprint
from torch_bridge.state.progress import progress_bar
from torch_bridge.training.config import check_settings
from torch_bridge.training.evaluate import evaluate, pick_precision, to_input
from torch_bridge.training.model_facts import model_facts
from torch_bridge.training.objective import Teacher, distillation

_RAMP = 0.2


class TrainingError(RuntimeError):
    """Training cannot go on; the message says at which step and what is left."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes
    ----------
    epochs, batch_size : passes over the training set; images a step
    optimizer : "adamw" or "sgd" (Nesterov momentum 0.9)
    lr : highest learning rate of the one-cycle schedule (linear warm-up, then cosine to zero)
    warmup : share of the steps spent on the warm-up
    weight_decay, clip : decoupled decay; largest norm of the gradient
    choose_last : the checkpoint of least validation error among that many last epochs is kept
    distil, temperature : share of the loss that pulls towards the teacher's softened outputs
    seed : order of the batches
    rate : weight in the loss of every 1,000 bits that the file is expected to take (see `rounding.rate`);
        it rises from 0 over the first fifth of the steps
    step_lr : highest learning rate of the quantizers' steps and spreads
    precision : "bfloat16" or "float32" arithmetic in the layers, or "auto" for what the device does best
    """

    epochs: int
    lr: float
    batch_size: int = 256
    optimizer: Literal["adamw", "sgd"] = "adamw"
    warmup: float = 0.05
    weight_decay: float = 0.0
    clip: float = 5.0
    choose_last: int = 3
    distil: float = 0.0
    temperature: float = 3.0
    seed: int = 0
    rate: float = 0.0
    step_lr: float = 5e-3
    precision: Literal["auto", "bfloat16", "float32"] = "auto"

    def __post_init__(self) -> None:
        """Refuse settings that cannot train anything."""
        check_settings(
            self,
            positive=("epochs", "lr", "batch_size", "choose_last", "clip", "temperature"),
            not_negative=("rate", "step_lr", "weight_decay"),
            shares=("distil", "warmup"),
            choices={
                "precision": ("auto", "bfloat16", "float32"), "optimizer": ("adamw", "sgd")
            },
        )  # fmt: skip


@dataclass(frozen=True)
class FitResult:
    """What a training run came to; the model itself holds the chosen weights.

    Attributes
    ----------
    val_error : validation error in percent of the chosen epoch
    epoch : which epoch was chosen, from 1
    seconds : training time, summed over interruptions
    checkpoint : the file that was written after each epoch, if any
    """

    val_error: float
    epoch: int
    seconds: float
    checkpoint: Path | None = field(default=None, compare=False)


def fit(
    model: nn.Module,
    pool: Sequence[Tensor],
    labels: Tensor,
    validation: tuple[Tensor, Tensor],
    config: TrainConfig,
    *,
    teacher: Teacher | None = None,
    checkpoint: Path | None = None,
    title: str = "training",
    progress: bool = True,
) -> FitResult:
    """Train a model in place and leave it with the weights of the best validation error.

    Parameters
    ----------
    model : on the device to train on
    pool : copies of the training images, bytes (n, height, width); epoch e takes copy e mod len(pool)
    labels : (n,)
    validation : images and labels that choose the epoch; never trained on
    config : how
    teacher : whose softened outputs are learned with the share `config.distil`
    checkpoint : file to write after each epoch, and to go on from if the same run wrote it; its name gets
        the run's fingerprint, so that runs that differ in anything keep theirs beside each other
    title : name on the progress bar
    progress : show a progress bar

    Raises
    ------
    TrainingError
        If the loss is no longer finite; the checkpoint of the last good epoch is kept.
    """
    run = _Run(model, labels, config, teacher, len(labels), title)
    mark = fingerprint(
        config=asdict(config),
        precision=str(run.dtype),
        device=run.device.type,
        model=model_facts(model),
        teacher=None if teacher is None else teacher.mark(),
        data=digest([labels, *pool]),
        validation=digest(validation),
    )
    if checkpoint is not None:
        checkpoint = checkpoint_of(checkpoint, mark)
        run.restore(load_checkpoint(checkpoint, mark))
    steps = config.epochs * run.steps
    with progress_bar(title, steps, "step", shown=progress, done=run.epoch * run.steps) as bar:
        while run.epoch < config.epochs:
            run.one_epoch(pool, validation, bar)
            if checkpoint is not None:
                save_checkpoint(checkpoint, mark, run.state())
    model.load_state_dict(run.best)
    model.eval()
    return FitResult(run.best_error, run.best_epoch, run.seconds, checkpoint)


class _Run:
    """The moving parts of one training run."""

    def __init__(
        self, model: nn.Module, labels: Tensor, config: TrainConfig, teacher: Teacher | None,
        n: int, title: str,
    ) -> None:  # fmt: skip
        self.model, self.config, self.teacher, self.title = model, config, teacher, title
        self.device = next(model.parameters()).device
        self.labels = labels.to(self.device, torch.int64)
        self.steps = max(1, n // config.batch_size)
        self.weights = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = _optimizer(model, config)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.dtype = pick_precision(self.device, config.precision)
        self.epoch, self.seconds = 0, 0.0
        self.best: dict[str, Tensor] = {}
        self.best_error, self.best_epoch = math.inf, 0

    def _rate(self, step: int) -> float:
        """One cycle: share of the highest learning rate at a step."""
        total = self.config.epochs * self.steps
        warm = max(1.0, self.config.warmup * total)
        return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))

    def one_epoch(
        self, pool: Sequence[Tensor], validation: tuple[Tensor, Tensor], bar: Any
    ) -> None:
        started = time.perf_counter()
        images = pool[self.epoch % len(pool)]
        listens = self.teacher is not None and self.config.distil > 0
        targets = self.teacher.logits(images) if listens and self.teacher else None
        self.model.train()
        generator = torch.Generator().manual_seed(self.config.seed * 100_003 + self.epoch)
        order = torch.randperm(len(images), generator=generator)
        for step, batch in enumerate(torch.split(order, self.config.batch_size)[: self.steps]):
            loss = self._step(
                to_input(images[batch].to(self.device)), self.labels[batch.to(self.device)],
                None if targets is None else targets[batch].to(self.device),
            )  # fmt: skip
            if not math.isfinite(loss):
                raise TrainingError(
                    f"{self.title}: loss is {loss} at step {step} of epoch {self.epoch + 1}; try a lower "
                    f"learning rate than {self.config.lr}. {self._left()}"
                )
            bar.update()
        self.epoch += 1
        error = evaluate(self.model, *validation)
        if self.epoch > self.config.epochs - self.config.choose_last and error <= self.best_error:
            self.best_error, self.best_epoch = error, self.epoch
            self.best = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        bar.set_postfix(val_error=f"{error:.2f}%")
        self.seconds += time.perf_counter() - started

    def _step(self, inputs: Tensor, labels: Tensor, targets: Tensor | None) -> float:
        with self._autocast():
            logits = self.model(inputs).float()
        loss = F.cross_entropy(logits, labels)
        if targets is not None:
            imitation = distillation(targets, logits, self.config.temperature)
            loss = torch.lerp(loss, imitation, self.config.distil)
        if self.config.rate:
            loss = loss + self.config.rate * self._ramp() * rate(self.model) / 1000
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.weights, self.config.clip)
        self.optimizer.step()
        self.schedule.step()
        return float(loss.detach())

    def _ramp(self) -> float:
        """Share of the rate's weight at this step: linear over the first fifth of all steps."""
        step = self.schedule.last_epoch
        return min(1.0, (step + 1) / (_RAMP * self.config.epochs * self.steps))

    def _autocast(self) -> torch.autocast:
        half = self.dtype != torch.float32
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def _left(self) -> str:
        if self.epoch == 0:
            return "No epoch was completed."
        return f"The checkpoint after epoch {self.epoch} is kept."

    def state(self) -> dict[str, Any]:
        optimizer = self.optimizer.state_dict()["state"]
        return {
            "model": self.model.state_dict(), "optimizer": optimizer, "best": self.best,
            "epoch": self.epoch, "seconds": self.seconds, "best_error": self.best_error,
            "best_epoch": self.best_epoch,
        }  # fmt: skip

    def restore(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        restore_weights(self.model, self.optimizer, state)
        self.best = state.get("best", {})
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        self.best_error, self.best_epoch = state["best_error"], state["best_epoch"]
        self.schedule.last_epoch = self.epoch * self.steps
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self._rate(self.schedule.last_epoch)


def _optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Weights at the learning rate, the quantizers' numbers at theirs and without decay."""
    own = {id(p) for quantizer, _ in quantized_tensors(model) for p in quantizer.parameters()}
    weights = [p for p in model.parameters() if p.requires_grad and id(p) not in own]
    steps = [p for p in model.parameters() if p.requires_grad and id(p) in own]
    groups: list[dict[str, Any]] = [{"params": weights, "weight_decay": config.weight_decay}]
    if steps:
        groups.append({"params": steps, "lr": config.step_lr, "weight_decay": 0.0})
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, config.lr, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, config.lr, betas=(0.9, 0.99))

"""The training loop of every network, on one device or several, that can be broken off at any time.

Everything random in an epoch follows from seed and epoch. A checkpoint after each epoch holds the rest,
so that a run that was killed goes on to the very same weights.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.forward.choice import choose_implementations
from torch_bridge.forward.implementation import computing_as
from torch_bridge.state.checkpoint import (
    checkpoint_of,
    load_checkpoint,
    restore_weights,
    save_checkpoint,
)
from torch_bridge.state.fingerprint import fingerprint
from torch_bridge.state.memory import freed_memory_kept
from torch_bridge.state.progress import progress_bar
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.data import Batch, TrainingData
from torch_bridge.training.diagnose import TrainingError, first_fault
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.evaluate import EvaluationSet, error_rate
from torch_bridge.training.history import History
from torch_bridge.training.keep import WeightsToKeep
from torch_bridge.training.model_facts import model_facts
from torch_bridge.training.objective import LOOK_EVERY, Objective, looks_now
from torch_bridge.training.optim import make_optimizer
from torch_bridge.training.precision import autocast, pick_precision, put_channels_last


@dataclass(frozen=True)
class FitResult:
    """What a training run came to; the model itself holds the weights that were kept.

    Attributes
    ----------
    val_error : validation error in percent of the epoch that was kept
    epoch : which epoch that was, from 1
    seconds : training time, summed over interruptions
    history : one row an epoch
    checkpoint : the file that was written after each epoch, if any
    """

    val_error: float
    epoch: int
    seconds: float
    history: History = field(default_factory=History, compare=False)
    checkpoint: Path | None = field(default=None, compare=False)


def train(
    model: nn.Module,
    data: TrainingData,
    validation: EvaluationSet,
    config: TrainConfig,
    *,
    teacher: nn.Module | None = None,
    context: DistributedContext | None = None,
    checkpoint: Path | None = None,
    title: str = "training",
    progress: bool = True,
) -> FitResult:
    """Train a model in place.

    Parameters
    ----------
    model : on the context's device
    data : the training images
    validation : images that are never trained on
    config : how to train
    teacher : a network, on the same device, that is learned from with the fraction `config.distil`;
        for data that do not bring its outputs
    context : the processes that train together; by default this one alone, where the model is
    checkpoint : .npz file to write after each epoch, and to go on from if the same run wrote it; its
        name gets the run's fingerprint, so that runs that differ in anything keep theirs beside each
        other; the history lies beside it as .csv and .json
    title : name on the progress bar
    progress : show a progress bar

    Raises
    ------
    ValueError
        If there are fewer images than one batch, or the processes cannot share a batch evenly or were
        given different things.
    TrainingError
        If something is no longer finite: names step and layer; the last checkpoint is kept.
    """
    context = context or DistributedContext(device=next(model.parameters()).device)
    context.check_batch(config.batch_size)
    if config.channels_last:
        put_channels_last(model)
    context.check_same(
        "images or settings", fingerprint(config=asdict(config), data=data.fingerprint())
    )
    with training_run(model, data, config, context, teacher=teacher, title=title) as run:
        return run.train(validation, checkpoint, progress=progress)


@contextmanager
def training_run(
    model: nn.Module,
    data: TrainingData,
    config: TrainConfig,
    context: DistributedContext,
    *,
    teacher: nn.Module | None = None,
    title: str = "training",
) -> Iterator["TrainingRun"]:
    """Give a run for a block in which the model's layers compute as was decided for it.

    Parameters
    ----------
    model, data, config, context, teacher, title : as for `train`
    """
    chosen = choose_implementations(
        model, data.sample().to(context.device), config.batch_size // context.size,
        implementation=config.implementation, dtype=pick_precision(context.device, config.precision),
    )  # fmt: skip
    with computing_as(model, chosen), freed_memory_kept():
        run = TrainingRun(model, data, config, teacher, context, title)
        run.implementations = chosen
        yield run


class TrainingRun:
    """The moving parts of one training run.

    Attributes
    ----------
    implementations : name of each weight in Tucker form -> how its layer computes
    """

    def __init__(
        self, model: nn.Module, data: TrainingData, config: TrainConfig,
        teacher: nn.Module | None, context: DistributedContext, title: str,
    ) -> None:  # fmt: skip
        self.model, self.data, self.config = model, data, config
        self.context, self.title, self.device = context, title, context.device
        self.steps = data.steps(config.batch_size)
        self._teacher = teacher
        built: Any = torch.compile if config.compile else lambda net: net
        asked = None if teacher is None or not config.distil else built(teacher.eval())
        self.objective = Objective(model, config, self.steps, asked)
        self.optimizer = make_optimizer(model, config)
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.net: Any = context.wrap(built(model))
        self.keep = WeightsToKeep(model, config)
        self.dtype = pick_precision(self.device, config.precision)
        self.losses: list[Tensor] = []
        self.implementations: dict[str, str] = {}
        self.history, self.epoch, self.step, self.seconds = History(), 0, 0, 0.0

    def train(
        self,
        validation: EvaluationSet,
        checkpoint: Path | None,
        *,
        progress: bool,
    ) -> FitResult:
        """Go on from the checkpoint, if there is one, and take all epochs that are left."""
        fingerprint = self.fingerprint(validation)
        if checkpoint is not None:
            path = checkpoint = checkpoint_of(checkpoint, fingerprint)
            self.restore(self.context.from_first(lambda: load_checkpoint(path, fingerprint)))
        steps, done = self.config.epochs * self.steps, self.epoch * self.steps
        shown = progress and self.context.is_first
        with (
            progress_bar(self.title, steps, "step", shown=shown, done=done) as bar,
            _exactly(self.config.deterministic),
        ):
            while self.epoch < self.config.epochs:
                self.one_epoch(validation, bar)
                if checkpoint is not None and self.context.is_first:
                    save_checkpoint(checkpoint, fingerprint, self.state())
                    self.history.write(checkpoint)
        return self.finish(checkpoint)

    def fingerprint(self, validation: EvaluationSet) -> str:
        """Hash of all that decides the result, in which implementation each layer computes included."""
        return fingerprint(
            config=asdict(self.config),
            implementations=self.implementations,
            precision=str(self.dtype),
            device=self.device.type,
            processes=self.context.size,
            model=model_facts(self.model),
            teacher=None if self._teacher is None else model_facts(self._teacher),
            data=self.data.fingerprint(),
            validation=validation.fingerprint(),
        )

    def one_epoch(self, validation: EvaluationSet, bar: Any) -> None:
        """Train on all batches once, then test on the validation images."""
        started = time.perf_counter()
        self.losses = []
        self.model.train()
        seed = self.config.seed * 100_003 + self.epoch
        with _dropout_from(seed + self.context.rank):
            for batch in self.data.epoch(self.epoch, self.config.batch_size, seed, self.context):
                self.one_step(batch)
                bar.update()
        self.epoch += 1
        # an error that chooses weights is measured as that of the file will be; another only watched
        dtype = torch.float32 if self.config.choose_last else self.dtype
        with autocast(self.device, dtype), parametrize.cached():
            val_error = error_rate(self.keep.evaluated, validation)
        self.keep.after_epoch(self.epoch, val_error)
        loss = float(self.context.mean(torch.stack(self.losses).mean()))
        bar.set_postfix(loss=f"{loss:.3f}", val_error=f"{val_error:.2f}%")
        seconds = time.perf_counter() - started
        self.seconds += seconds
        lr, bits = self.optimizer.param_groups[0]["lr"], self.objective.rate_control.bits
        self.history.add(self.epoch, lr, loss, val_error, bits / 1000, seconds)

    def one_step(self, batch: Batch) -> None:
        """Take one step on a batch."""
        config = self.config
        fraction = config.lr_fraction(self.step, config.epochs * self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * fraction
        with self.objective.rounded():
            with (
                autocast(self.device, self.dtype),
                parametrize.cached(),
            ):  # weights are reconstructed once
                logits = self.net(batch.inputs).float()
            targets = batch.targets if config.distil else None
            if targets is None:
                with autocast(self.device, self.dtype):
                    targets = self.objective.targets(batch.inputs)
            done = len(self.losses)
            loss = self.objective.loss(logits, batch.labels, targets, self.step, done)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.trained, config.clip)
        self.losses.append(loss.detach() + 0 * norm)  # not finite if a gradient is not
        self._look(batch.inputs)
        self.optimizer.step()
        self.keep.after_step()
        self.step += 1

    def _look(self, inputs: Tensor) -> None:
        """Stop at the first loss that is no number; on a CPU before it can spoil the weights."""
        done, every = len(self.losses), 1 if looks_now(self.device, 1) else LOOK_EVERY
        if done % every and done < self.steps:
            return
        bad = ~torch.stack(self.losses[-every:]).isfinite()
        if not bool(bad.any()):
            return
        step = done - len(bad) + int(bad.int().argmax())
        left = (
            f"the checkpoint after epoch {self.epoch} is kept" if self.epoch else "nothing is kept"
        )
        with autocast(self.device, self.dtype):
            fault = first_fault(self.model, inputs)
        raise TrainingError(
            f"{self.title}: {fault} is not finite at step {step} of epoch "
            f"{self.epoch + 1}; try a lower learning rate than {self.config.lr}. {left}."
        )

    def finish(self, checkpoint: Path | None = None) -> FitResult:
        """Leave the weights to keep in the model, and the first process's statistics."""
        self.keep.finish()
        self.context.spread(self.model)
        self.model.eval()
        val_error = self.context.from_first(lambda: self.keep.val_error)
        return FitResult(val_error, self.keep.epoch, self.seconds, self.history, checkpoint)

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch needs."""
        return {
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()["state"],
            "keep": self.keep.state(), "rate": self.objective.rate_control.state(),
            "epoch": self.epoch, "step": self.step, "seconds": self.seconds,
            "history": self.history.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go on from a checkpoint."""
        if state is None:
            return
        restore_weights(self.model, self.optimizer, state)
        self.keep.restore(state["keep"])
        self.objective.rate_control.restore(state["rate"])
        self.history.restore(state["history"])
        self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]


@contextmanager
def _dropout_from(seed: int) -> Iterator[None]:
    """Draw what the network itself draws from this seed; the global generators are untouched."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def _exactly(wanted: bool) -> Iterator[None]:
    """Refuse operations whose bits may differ from run to run."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(wanted or before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)

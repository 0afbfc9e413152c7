"""Training of a network on colour images, on one device or several, that can be broken off at any time.

Everything random in an epoch follows from seed and epoch. A checkpoint after each epoch holds the rest,
so that a run that was killed goes on to the very same weights.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from torch_bridge.quantization.qat import overrun, rate
from torch_bridge.state.checkpoint import (
    checkpoint_of,
    load_checkpoint,
    restore_weights,
    save_checkpoint,
)
from torch_bridge.state.fingerprint import fingerprint
from torch_bridge.state.progress import progress_bar
from torch_bridge.training.config import Regime
from torch_bridge.training.data import Supply
from torch_bridge.training.diagnose import first_fault
from torch_bridge.training.distributed import World
from torch_bridge.training.evaluate import pick_precision
from torch_bridge.training.fit import TrainingError
from torch_bridge.training.history import Journal
from torch_bridge.training.images import Held, error_rate, put_channels_last
from torch_bridge.training.model_facts import model_facts
from torch_bridge.training.objective import distillation
from torch_bridge.training.optim import make_optimizer

_RAMP = 0.2  # share of the steps over which the price on bits rises
_FALL = 0.6  # share of the steps over which the wanted size falls to what it shall be
_STEER = 0.02  # how fast a price follows the size of the file: e-fold in 500 steps at 10 % too much
_MOST = 0.2  # but no faster than at 20 %, or it would still rise when the size falls at last
_COUNT_EVERY = 50  # steps between two counts of what the integers really take
_PUSH = 5.0  # how strongly it follows at once
_LOOK_EVERY = 20  # steps between looks at the loss on a GPU, because each look lets it run dry


@dataclass(frozen=True)
class Trained:
    """What a training run came to; the model itself holds the last weights.

    Attributes
    ----------
    val_error : validation error in percent of the last epoch
    seconds : training time, summed over interruptions
    journal : one row an epoch
    """

    val_error: float
    seconds: float
    journal: Journal


def train(
    model: nn.Module,
    supply: Supply,
    validation: Held,
    regime: Regime,
    *,
    teacher: nn.Module | None = None,
    world: World | None = None,
    checkpoint: Path | None = None,
    title: str = "training",
    progress: bool = True,
    on_epoch: Callable[[Journal], object] | None = None,
) -> Trained:
    """Train a model in place.

    Parameters
    ----------
    model : on the world's device
    supply : the training images
    validation : images that are never trained on
    regime : how to train
    teacher : a network, on the same device, that is learned from with the share `regime.distil`
    world : the processes that train together; by default this one alone, where the model is
    checkpoint : .npz file to write after each epoch, and to go on from if the same run wrote it; its name
        gets the run's fingerprint; the journal lies beside it as .csv and .json
    title : name on the progress bar
    progress : show a progress bar
    on_epoch : called with the journal after every epoch, by the first process; draws in a notebook

    Raises
    ------
    ValueError
        If there are fewer images than one batch, or the processes cannot share a batch evenly or were
        given different things.
    TrainingError
        If something is no longer finite: names step and layer; the last checkpoint is kept.
    """
    world = world or World(device=next(model.parameters()).device)
    _check_batch(regime.batch_size, len(supply), world.size)
    if regime.channels_last:
        put_channels_last(model)
    given = {"regime": asdict(regime), "data": supply.mark()}
    world.check_same("images or settings", fingerprint(**given))
    run = Run(model, supply, regime, teacher, world, title)
    mark = fingerprint(
        **given,
        precision=str(run.dtype),
        device=world.device.type,
        processes=world.size,
        model=model_facts(model),
        teacher=None if teacher is None else model_facts(teacher),
        validation=validation.mark(),
    )
    if checkpoint is not None:
        path = checkpoint = checkpoint_of(checkpoint, mark)
        run.restore(world.from_first(lambda: load_checkpoint(path, mark)))
    steps, done = regime.epochs * run.steps, run.epoch * run.steps
    shown = progress and world.is_first
    with (
        progress_bar(title, steps, "step", shown=shown, done=done) as bar,
        _exactly(regime.deterministic),
    ):
        while run.epoch < regime.epochs:
            run.one_epoch(validation, bar)
            if checkpoint is not None and world.is_first:
                save_checkpoint(checkpoint, mark, run.state())
                run.journal.write(checkpoint)
            if on_epoch is not None and world.is_first:
                on_epoch(run.journal)
    run.finish()
    return Trained(run.val_error, run.seconds, run.journal)


class Run:
    """The moving parts of one training run."""

    def __init__(
        self, model: nn.Module, supply: Supply, regime: Regime,
        teacher: nn.Module | None, world: World, title: str,
    ) -> None:  # fmt: skip
        self.model, self.supply, self.regime = model, supply, regime
        built: Any = torch.compile if regime.compile else lambda net: net
        self.teacher = built(teacher.eval()) if teacher is not None and regime.distil else None
        self.world, self.title, self.device = world, title, world.device
        self.steps = len(supply) // regime.batch_size
        self.optimizer = make_optimizer(model, regime)
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.net: Any = world.wrap(built(model))
        average = get_ema_multi_avg_fn(regime.ema)  # type: ignore[no-untyped-call]
        self.ema = (
            AveragedModel(model, multi_avg_fn=average, use_buffers=True) if regime.ema else None
        )
        self.dtype = pick_precision(self.device, regime.precision)
        self.losses: list[Tensor] = []
        self.journal, self.epoch, self.step, self.seconds = Journal(), 0, 0, 0.0
        self.price, self.val_error = regime.rate, math.nan
        self.bits, self.first_bits, self.overrun = 0.0, 0.0, 1.0

    def one_epoch(self, validation: Held, bar: Any) -> None:
        """Train on all batches once, then test on the validation images."""
        started = time.perf_counter()
        self.losses = []
        self.model.train()
        seed = self.regime.seed * 100_003 + self.epoch
        with _dropout_from(seed + self.world.rank):
            batches = self.supply.epoch(self.regime.batch_size, seed, self.world)
            for inputs, labels in batches:
                self.one_step(inputs, labels)
                bar.update()
        self.epoch += 1
        kept: nn.Module = self.model if self.ema is None else self.ema.module
        with self._autocast(), parametrize.cached():
            self.val_error = error_rate(kept, validation)
        loss = float(self.world.mean(torch.stack(self.losses).mean()))
        bar.set_postfix(loss=f"{loss:.3f}", val_error=f"{self.val_error:.2f}%")
        seconds = time.perf_counter() - started
        self.seconds += seconds
        lr = self.optimizer.param_groups[0]["lr"]
        self.journal.add(self.epoch, lr, loss, self.val_error, self.bits / 1000, seconds)

    def one_step(self, inputs: Tensor, labels: Tensor) -> None:
        """Take one step on a batch."""
        regime, total = self.regime, self.regime.epochs * self.steps
        share = regime.share(self.step, total)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * share
        with self._autocast(), parametrize.cached():  # every weight is rebuilt once
            logits = self.net(inputs).float()
        loss = F.cross_entropy(logits, labels, label_smoothing=regime.label_smoothing)
        if self.teacher is not None:
            with self._autocast(), torch.no_grad():
                targets = self.teacher(inputs).float()
            imitation = distillation(targets, logits, regime.temperature)
            loss = torch.lerp(loss, imitation, regime.distil)
        if self.price:
            bits = rate(self.model)
            if len(self.losses) % _COUNT_EVERY == 0:
                self.overrun = overrun(self.model)
            self.bits = self.overrun * float(bits.detach())
            loss = loss + self._price_at((self.step + 1) / total) * bits / 1000
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.trained, regime.clip)
        self.losses.append(loss.detach() + 0 * norm)  # not finite if a gradient is not
        self._look(inputs)
        self.optimizer.step()
        if self.ema is not None:
            self.ema.update_parameters(self.model)
        self.step += 1

    def _price_at(self, done: float) -> float:
        """The price on 1,000 bits when that share of the steps is done.

        Without a wanted size it rises to what it is. Else it rises while the network is larger than
        wanted and falls while it is smaller; what is wanted falls evenly, from the first size on.
        """
        if not self.regime.bits:
            return self.price * min(1.0, done / _RAMP)
        self.first_bits = self.first_bits or self.bits
        fallen = min(1.0, done / _FALL)
        wanted = self.first_bits ** (1 - fallen) * self.regime.bits**fallen
        above = max(-1.0, min(1.0, self.bits / wanted - 1))
        self.price *= math.exp(_STEER * max(-_MOST, min(_MOST, above)))
        return self.price * math.exp(_PUSH * above)

    def _look(self, inputs: Tensor) -> None:
        """Stop at the first loss that is no number; on a CPU before it can spoil the weights."""
        done, every = len(self.losses), 1 if self.device.type == "cpu" else _LOOK_EVERY
        if done % every and done < self.steps:
            return
        bad = ~torch.stack(self.losses[-every:]).isfinite()
        if not bool(bad.any()):
            return
        step = done - len(bad) + int(bad.int().argmax())
        left = (
            f"the checkpoint after epoch {self.epoch} is kept" if self.epoch else "nothing is kept"
        )
        with self._autocast():
            fault = first_fault(self.model, inputs)
        raise TrainingError(
            f"{self.title}: {fault} is not finite at step {step} of epoch "
            f"{self.epoch + 1}; try a lower learning rate than {self.regime.lr}. {left}."
        )

    def _autocast(self) -> torch.autocast:
        half = self.dtype != torch.float32
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def finish(self) -> None:
        """Leave averaged weights in the model, if there are any, and the first process's statistics."""
        if self.ema is not None:
            self.model.load_state_dict(self.ema.module.state_dict())
        self.world.spread(self.model)
        self.val_error = self.world.from_first(lambda: self.val_error)

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch needs."""
        return {
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()["state"],
            "ema": {} if self.ema is None else self.ema.state_dict(),
            "epoch": self.epoch, "step": self.step, "seconds": self.seconds, "price": self.price,
            "bits": self.bits, "first_bits": self.first_bits, "val_error": self.val_error,
            "journal": self.journal.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any] | None) -> None:
        """Go on from a checkpoint."""
        if state is None:
            return
        restore_weights(self.model, self.optimizer, state)
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.journal.restore(state["journal"])
        for name in ("epoch", "step", "seconds", "price", "bits", "first_bits", "val_error"):
            setattr(self, name, state[name])


def _check_batch(batch_size: int, images: int, processes: int) -> None:
    if batch_size > images:
        raise ValueError(f"batch_size is {batch_size}; there are only {images} training images")
    if batch_size % processes:
        raise ValueError(
            f"batch_size is {batch_size}; {processes} processes need a multiple of that"
        )


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

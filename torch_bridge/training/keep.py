"""Which weights a training leaves: the last, the best of the last few epochs, or averages."""

import math
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from torch_bridge.training.config import TrainConfig


class WeightsToKeep:
    """Watches a training and holds what shall be left of it.

    Parameters
    ----------
    model : that is trained
    config : its `ema`, `choose_last` and `epochs`

    Attributes
    ----------
    val_error, epoch : validation error in percent of what is kept so far, and its epoch, from 1
    """

    def __init__(self, model: nn.Module, config: TrainConfig) -> None:
        self._model, self._config = model, config
        average = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]
        self._ema = (
            AveragedModel(model, multi_avg_fn=average, use_buffers=True) if config.ema else None
        )
        self._best: dict[str, Tensor] = {}
        self._best_error = math.inf
        self.val_error, self.epoch = math.nan, 0

    @property
    def evaluated(self) -> nn.Module:
        """What validation looks at."""
        return self._model if self._ema is None else self._ema.module

    def after_step(self) -> None:
        """Take the new weights into the average."""
        if self._ema is not None:
            self._ema.update_parameters(self._model)

    def after_epoch(self, epoch: int, val_error: float) -> None:
        """Take note of an epoch; of equals the later one is better, as it was trained longer."""
        if not self._config.choose_last:
            self.val_error, self.epoch = val_error, epoch
            return
        may_be_chosen = epoch > self._config.epochs - self._config.choose_last
        if may_be_chosen and val_error <= self._best_error:
            self._best_error = self.val_error = val_error
            self.epoch = epoch
            self._best = {k: v.detach().clone() for k, v in self._model.state_dict().items()}

    def finish(self) -> None:
        """Put what is kept into the model."""
        if self._ema is not None:
            self._model.load_state_dict(self._ema.module.state_dict())
        elif self._best:
            self._model.load_state_dict(self._best)

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold of it."""
        return {
            "ema": {} if self._ema is None else self._ema.state_dict(),
            "best": self._best,
            "best_error": self._best_error,
            "val_error": self.val_error,
            "epoch": self.epoch,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        if self._ema is not None:
            self._ema.load_state_dict(state["ema"])
        self._best, self._best_error = state.get("best", {}), state["best_error"]
        self.val_error, self.epoch = state["val_error"], state["epoch"]

"""The weight of the rate term: how much a bit of the file costs in the loss, step by step.

Without a target it rises from zero to what it is. With one it is steered: it rises while the network is
larger than it should be by now and falls while it is smaller, and what it should be falls evenly from the
first size to the target.
"""

import math

from torch import nn

from torch_bridge.quantization.qat import overrun
from torch_bridge.training.config import TrainConfig

_RAMP = 0.2  # fraction of the steps over which the weight rises
_FALL = 0.6  # fraction of the steps over which the target size falls to what it shall be
_STEER = 0.02  # how fast the weight follows the size: e-fold in 500 steps at 10 % too much
_MOST = 0.2  # but no faster than at 20 %, or it would still rise when the size falls at last
_PUSH = 5.0  # how strongly it follows at once
_COUNT_EVERY = 50  # steps between two counts of what the integers really take


class RateControl:
    """What every 1,000 bits weigh in the loss.

    Parameters
    ----------
    config : rate weight, target, epochs
    steps_per_epoch : how many steps an epoch has

    Attributes
    ----------
    weight : lambda, before the ramp
    bits : size of all integers at the last step, as expected and corrected by a count
    """

    def __init__(self, config: TrainConfig, steps_per_epoch: int) -> None:
        self.target, self.steps = config.bits, config.epochs * steps_per_epoch
        self._rising = _RAMP * config.epochs * steps_per_epoch
        self.weight, self.bits = config.rate, 0.0
        self._first_bits, self._overrun = 0.0, 1.0

    def weight_at(self, step: int, expected_bits: float, model: nn.Module, *, count: bool) -> float:
        """The weight for a step, counted from 0 over all epochs.

        Parameters
        ----------
        step : number of the step
        expected_bits : what `qat.rate` says of the model
        model : whose integers are counted now and then
        count : whether to count now
        """
        if count:
            self._overrun = overrun(model)
        self.bits = self._overrun * expected_bits
        if not self.target:
            return self.weight * min(1.0, (step + 1) / self._rising)
        self._first_bits = self._first_bits or self.bits
        fallen = min(1.0, (step + 1) / self.steps / _FALL)
        wanted = self._first_bits ** (1 - fallen) * self.target**fallen
        above = max(-1.0, min(1.0, self.bits / wanted - 1))
        self.weight *= math.exp(_STEER * max(-_MOST, min(_MOST, above)))
        return self.weight * math.exp(_PUSH * above)

    @staticmethod
    def counts(step_of_epoch: int) -> bool:
        """Whether the integers are counted at this step of an epoch."""
        return step_of_epoch % _COUNT_EVERY == 0

    def state(self) -> dict[str, float]:
        """What the next epoch needs."""
        return {"weight": self.weight, "bits": self.bits, "first_bits": self._first_bits}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from a checkpoint."""
        self.weight, self.bits = state["weight"], state["bits"]
        self._first_bits = state["first_bits"]

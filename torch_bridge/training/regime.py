"""How a benchmark is trained: one frozen record, and what follows from it at each step."""

import math
from dataclasses import dataclass, field
from typing import Literal

from torch_bridge.settings import check_settings


@dataclass(frozen=True)
class Decay:
    """Weight decay by kind of parameter.

    Attributes
    ----------
    weights : of convolutions and linear layers
    tucker : of cores and factors
    norms : of batch-norm's weights and biases
    biases : of all other biases
    """

    weights: float = 5e-4
    tucker: float = 0.0
    norms: float = 0.0
    biases: float = 0.0


@dataclass(frozen=True)
class Regime:
    """How to train.

    Attributes
    ----------
    epochs, batch_size : passes over the training set; images a step, over all processes
    lr : highest learning rate
    optimizer : "sgd" (Nesterov momentum 0.9) or "adamw"
    schedule : "cosine", linear warm-up and then half a cosine to zero, or "one-cycle", linear up to the
        peak and linear down to zero
    warmup : share of the steps on the way up
    plain_lr : highest learning rate of what is neither core nor factor; None for `lr`
    step_lr : highest learning rate of the quantizers' steps and spreads
    decay : weight decay by kind of parameter
    label_smoothing : share of the target that is spread over all classes
    clip : largest norm of the gradient
    distil, temperature : share of the loss that pulls towards the teacher's softened outputs
    ema : how much of the averaged weights stays at each step, 0 for no average
    rate : weight in the loss of every 1,000 bits that the file is expected to take
    bits : bits that all integers together may take; the weight then starts at `rate`
        and is steered
    precision : "bfloat16" or "float32" arithmetic in the layers, or "auto" for what the device does best
    channels_last : keep the colours of a pixel beside each other in memory
    compile : let `torch.compile` build the network
    deterministic : only operations that give the same bits each time (always so on a CPU)
    seed : order of the images, augmentation, dropout
    """

    epochs: int
    lr: float
    batch_size: int = 128
    optimizer: Literal["sgd", "adamw"] = "sgd"
    schedule: Literal["cosine", "one-cycle"] = "cosine"
    warmup: float = 0.05
    plain_lr: float | None = None
    step_lr: float = 5e-3
    decay: Decay = field(default_factory=Decay)
    label_smoothing: float = 0.0
    clip: float = 5.0
    distil: float = 0.0
    temperature: float = 3.0
    ema: float = 0.0
    rate: float = 0.0
    bits: float = 0.0
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    channels_last: bool = True
    compile: bool = False
    deterministic: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that cannot train anything."""
        check_settings(
            self,
            positive=("epochs", "lr", "batch_size", "clip", "temperature"),
            not_negative=("rate", "bits", "step_lr"),
            shares=("distil", "label_smoothing", "warmup", "ema"),
            choices={
                "optimizer": ("sgd", "adamw"),
                "schedule": ("cosine", "one-cycle"),
                "precision": ("auto", "bfloat16", "float32"),
            },
        )

    def share(self, step: int, steps: int) -> float:
        """Share of the highest learning rate at a step, counted from 0, of so many steps in all.

        Examples
        --------
        >>> regime = Regime(epochs=1, lr=0.1, warmup=0.5)
        >>> [round(regime.share(step, 10), 2) for step in (0, 4, 5, 9)]
        [0.2, 1.0, 1.0, 0.1]
        """
        warm = max(1.0, self.warmup * steps)
        if step + 1 <= warm:
            return (step + 1) / warm
        done = (step - warm) / max(1.0, steps - warm)
        if self.schedule == "one-cycle":
            return 1 - done
        return 0.5 * (1 + math.cos(math.pi * done))

"""How a benchmark is trained: one frozen record, and what follows from it at each step."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


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


def check_settings(
    record: object,
    *,
    positive: Sequence[str] = (),
    not_negative: Sequence[str] = (),
    shares: Sequence[str] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Refuse a record whose fields hold what they cannot mean.

    Parameters
    ----------
    record : holds the fields as attributes
    positive, not_negative : names of finite numbers above 0, or from 0 on
    shares : names of numbers from 0 to 1
    choices : name of a text -> what it may be

    Raises
    ------
    ValueError
        At the first field that is wrong.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> check_settings(SimpleNamespace(lr=0.0), positive=["lr"])
    Traceback (most recent call last):
    ValueError: lr is 0.0; a positive number is needed
    """
    limits: tuple[tuple[Sequence[str], Callable[[Any], bool], str], ...] = (
        (positive, lambda value: 0 < value < math.inf, "a positive number"),
        (not_negative, lambda value: 0 <= value < math.inf, "a number >= 0"),
        (shares, lambda value: 0 <= value <= 1, "a share, 0 to 1,"),
    )
    for names, fits, wanted in limits:
        for name in names:
            if not fits(getattr(record, name)):
                raise ValueError(f"{name} is {getattr(record, name)}; {wanted} is needed")
    for name, known in (choices or {}).items():
        if getattr(record, name) not in known:
            found = getattr(record, name)
            raise ValueError(f"{name} is {found!r}; one of {', '.join(known)} is needed")


def exactly(value: float) -> str:
    """The shortest text of a number that no other number has, for names of files.

    Examples
    --------
    >>> exactly(15.0), exactly(4e-3), exactly(0.1234567)
    ('15', '0.004', '0.1234567')
    """
    return repr(float(value)).removesuffix(".0")

"""How a network is trained: one frozen record for every network, dense, compressed or rounded."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Schedule = Literal["one-cycle-cosine", "cosine", "one-cycle"]


@dataclass(frozen=True)
class WeightDecay:
    """Decoupled weight decay by kind of parameter.

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
class TrainConfig:
    """How to train.

    Attributes
    ----------
    epochs, batch_size : passes over the training set; images a step, over all processes
    lr : highest learning rate
    optimizer : "adamw" or "sgd" (Nesterov momentum 0.9)
    warmup : fraction of the steps on the way up to the highest learning rate
    weight_decay : one for all parameters but the quantizers', or one by kind
    clip : largest norm of the gradient
    choose_last : the weights of least validation error among that many last epochs are kept; 0 keeps
        those of the last epoch
    distil, temperature : fraction of the loss that pulls towards the teacher's softened outputs
    seed : order of the images, augmentation, dropout
    rate : weight in the loss of every 1,000 bits that the file is expected to take (see `qat.rate`); it
        rises from 0 over the first fifth of the steps
    step_lr : highest learning rate of the quantizers' steps and spreads
    precision : "bfloat16" or "float32" arithmetic in the layers, or "auto" for what the device does best
    schedule : "one-cycle-cosine", a linear warm-up times half a cosine over all steps; "cosine", linear
        warm-up and then half a cosine to zero; "one-cycle", linear up to the peak and down to zero
    plain_lr : highest learning rate of what is neither core nor factor; None for `lr`
    label_smoothing : fraction of the target that is spread over all classes
    ema : how much of the averaged weights stays at each step, 0 for no average
    bits : bits that all integers together may take; the rate weight then starts at `rate` and is steered
    channels_last : keep the colours of a pixel beside each other in memory
    compile : let `torch.compile` build the network
    deterministic : only operations that give the same bits each time (always so on a CPU)
    implementation : in which the layers in Tucker form compute: "auto" for what needs less work, layer by
        layer, or "reconstructed" or "factorized" for all that can
    """

    epochs: int
    lr: float
    batch_size: int = 256
    optimizer: Literal["adamw", "sgd"] = "adamw"
    warmup: float = 0.05
    weight_decay: float | WeightDecay = 0.0
    clip: float = 5.0
    choose_last: int = 3
    distil: float = 0.0
    temperature: float = 3.0
    seed: int = 0
    rate: float = 0.0
    step_lr: float = 5e-3
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    schedule: Schedule = "one-cycle-cosine"
    plain_lr: float | None = None
    label_smoothing: float = 0.0
    ema: float = 0.0
    bits: float = 0.0
    channels_last: bool = False
    compile: bool = False
    deterministic: bool = False
    implementation: Literal["auto", "reconstructed", "factorized"] = "auto"

    def __post_init__(self) -> None:
        """Refuse settings that cannot train anything."""
        check_settings(
            self,
            positive=("epochs", "lr", "batch_size", "clip", "temperature"),
            not_negative=("rate", "bits", "step_lr", "choose_last"),
            fractions=("distil", "label_smoothing", "warmup", "ema"),
            choices={
                "optimizer": ("adamw", "sgd"),
                "schedule": ("one-cycle-cosine", "cosine", "one-cycle"),
                "precision": ("auto", "bfloat16", "float32"),
                "implementation": ("auto", "reconstructed", "factorized"),
            },
        )
        if not isinstance(self.weight_decay, WeightDecay):
            check_settings(self, not_negative=("weight_decay",))
        if self.ema and self.choose_last:
            raise ValueError(
                f"ema is {self.ema} and choose_last is {self.choose_last}; averaged weights are those of "
                "the last epoch: set choose_last=0"
            )

    def lr_fraction(self, step: int, steps: int) -> float:
        """Fraction of the highest learning rate at a step, counted from 0, of so many steps in all.

        Examples
        --------
        >>> config = TrainConfig(epochs=1, lr=0.1, warmup=0.5, schedule="cosine")
        >>> [round(config.lr_fraction(step, 10), 2) for step in (0, 4, 5, 9)]
        [0.2, 1.0, 1.0, 0.1]
        """
        warm = max(1.0, self.warmup * steps)
        if self.schedule == "one-cycle-cosine":
            return min(1.0, (step + 1) / warm) * _half_cosine(min(1.0, step / steps))
        if step + 1 <= warm:
            return (step + 1) / warm
        done = (step - warm) / max(1.0, steps - warm)
        return 1 - done if self.schedule == "one-cycle" else _half_cosine(done)

    def decay_of(self, kind: str) -> float:
        """Weight decay of a kind of parameter; the quantizers' own have none."""
        if kind == "steps":
            return 0.0
        if isinstance(self.weight_decay, WeightDecay):
            return float(getattr(self.weight_decay, kind))
        return self.weight_decay


def _half_cosine(done: float) -> float:
    """1 at the start, 0 at the end."""
    return 0.5 * (1 + math.cos(math.pi * done))


def check_settings(
    record: object,
    *,
    positive: Sequence[str] = (),
    not_negative: Sequence[str] = (),
    fractions: Sequence[str] = (),
    levels: Sequence[str] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Refuse a record whose fields hold what they cannot mean.

    Parameters
    ----------
    record : holds the fields as attributes
    positive, not_negative : names of finite numbers above 0, or from 0 on
    fractions : names of numbers from 0 to 1
    levels : names of rounding steps per root mean square, beyond which steps are 0 or infinite
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
        (fractions, lambda value: 0 <= value <= 1, "a fraction, 0 to 1,"),
        (levels, lambda value: 1e-3 <= value <= 1e6, "a number from 0.001 to 1,000,000"),
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

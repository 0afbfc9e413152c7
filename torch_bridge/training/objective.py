"""What is minimised: cross-entropy, distillation from a teacher, and the rate term.

Learning from a trained network as well as from the labels is after Hinton, Vinyals, Dean, arXiv
1503.02531. The teacher may be any network that reads the same images, a larger one included.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.quantization.flat_quantizers import FlatQuantizers
from torch_bridge.quantization.qat import quantized_tensors
from torch_bridge.state.fingerprint import digest
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.evaluate import predict
from torch_bridge.training.precision import autocast, pick_precision
from torch_bridge.training.rate_control import RateControl

LOOK_EVERY = 20  # steps between looks at what a GPU has computed, for each of which it runs dry


class Teacher:
    """A trained network whose outputs others learn to imitate, asked once for each copy of the images.

    Parameters
    ----------
    model : the network, on the device it shall compute on

    Examples
    --------
    >>> from torch_bridge.models import LeNet300
    >>> teacher = Teacher(LeNet300())
    >>> teacher.logits(torch.zeros(2, 28, 28, dtype=torch.uint8)).shape
    torch.Size([2, 10])
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        self._dtype = pick_precision(self._device, "auto")
        self._known: dict[int, tuple[Tensor, Tensor]] = {}  # images are kept, so ids stay theirs

    def logits(self, images: Tensor) -> Tensor:
        """Logits (n, classes) of byte images (n, height, width), from memory if it saw this tensor."""
        if id(images) not in self._known:
            with autocast(self._device, self._dtype):
                self._known[id(images)] = (images, predict(self._model, images))
        return self._known[id(images)][1]

    def fingerprint(self) -> str:
        """The teacher's kind, weights and precision, on which all that it says depends."""
        values = digest(self._model.state_dict().values())
        return f"{type(self._model).__name__} {values} {self._dtype} {self._device.type}"


class Objective:
    """The loss of a batch.

    Parameters
    ----------
    model : the network that is trained, which the rate term looks at
    config : weights of the terms
    steps_per_epoch : how many steps an epoch has
    teacher : a network that says the targets of each batch, where the batches do not bring them
    """

    def __init__(
        self, model: nn.Module, config: TrainConfig, steps_per_epoch: int, teacher: Any = None
    ) -> None:
        self.model, self.config, self.teacher = model, config, teacher
        self.rate_control = RateControl(config, steps_per_epoch)
        self._quantizers = FlatQuantizers(quantized_tensors(model))
        self._bits = 0.0  # when they were last looked at

    def rounded(self) -> AbstractContextManager[None]:
        """Round all tensors of the model at once, for a forward pass and its loss."""
        if self.config.compile:  # a compiler fuses the operations itself
            return nullcontext()
        return self._quantizers.rounded()

    def targets(self, inputs: Tensor) -> Tensor | None:
        """What the teacher says of a batch; call it in the precision of the training."""
        if self.teacher is None or not self.config.distil:
            return None
        with torch.no_grad():
            said: Tensor = self.teacher(inputs).float()
        return said

    def loss(
        self, logits: Tensor, labels: Tensor, targets: Tensor | None, step: int, step_of_epoch: int
    ) -> Tensor:
        """Cross-entropy, drawn towards the targets, plus what the bits weigh at this step."""
        config = self.config
        loss = F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        if targets is not None:
            loss = torch.lerp(
                loss, distillation(targets, logits, config.temperature), config.distil
            )
        if config.rate:
            control, bits = self.rate_control, self._quantizers.bits()
            if looks_now(bits.device, step_of_epoch):
                self._bits = float(bits.detach())
            count = control.counts(step_of_epoch)
            weight = control.weight_at(step, self._bits, self.model, count=count)
            loss = loss + weight * bits / 1000
        return loss


def looks_now(device: torch.device, step_of_epoch: int) -> bool:
    """Whether to look at this step at a number that the device has computed.

    Examples
    --------
    >>> looks_now(torch.device("cpu"), 7), looks_now(torch.device("cuda"), 7)
    (True, False)
    """
    return device.type == "cpu" or step_of_epoch % LOOK_EVERY == 0


def distillation(targets: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """Divergence of softened outputs from the teacher's, times temperature^2; both (n, classes).

    Examples
    --------
    >>> float(distillation(torch.zeros(1, 10), torch.zeros(1, 10), 3.0))
    0.0
    """
    target, own = F.log_softmax(targets / temperature, 1), F.log_softmax(logits / temperature, 1)
    divergence = F.kl_div(own, target, log_target=True, reduction="batchmean")
    return temperature * temperature * divergence

"""Learning from a trained network as well as from the labels (Hinton, Vinyals, Dean, arXiv 1503.02531).

The teacher may be any network that reads the same images, a larger one included. What it says of an
image never changes, so it is asked once per copy of the training images and remembered.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge.state.fingerprint import digest
from torch_bridge.training.evaluate import pick_precision, predict


class Teacher:
    """A trained network whose outputs others learn to imitate.

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
            half = self._dtype != torch.float32
            with torch.autocast(self._device.type, torch.bfloat16, enabled=half):
                self._known[id(images)] = (images, predict(self._model, images))
        return self._known[id(images)][1]

    def mark(self) -> str:
        """The teacher's kind, weights and precision, on which all that it says depends."""
        values = digest(self._model.state_dict().values())
        return f"{type(self._model).__name__} {values} {self._dtype} {self._device.type}"


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

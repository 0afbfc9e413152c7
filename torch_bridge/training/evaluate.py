"""Running a trained network: images in, predictions and error rates out."""

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from torch_bridge.state.fingerprint import digest
from torch_bridge.state.untouched import evaluating
from tucker_core.architectures import PIXEL_MEAN, PIXEL_STD

_BATCH = 1_000


class EvaluationSet(Protocol):
    """Images that are never trained on, to validate or to test with."""

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def fingerprint(self) -> str:
        """Hash of what they are."""
        ...

    def batches(self, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """All images once, in order: inputs (n, colours, height, width) and labels (n,)."""
        ...


class EvaluationImages:
    """Images in memory that are never trained on.

    Parameters
    ----------
    images, labels : images as `to_input` takes them and integers (n,)
    normalisation : of images with colours, see `to_input`
    """

    def __init__(self, images: Tensor, labels: Tensor, normalisation: Any = None) -> None:
        self.images, self.labels, self.normalisation = images, labels, normalisation

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.labels)

    def fingerprint(self) -> str:
        """Hash of images, labels and their normalising."""
        return f"{digest([self.images, self.labels])} {self.normalisation}"

    def batches(self, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """All images once, in order."""
        for start in range(0, len(self), _BATCH):
            images = self.images[start : start + _BATCH].to(device)
            yield to_input(images, self.normalisation), self.labels[start : start + _BATCH]


def to_input(images: Tensor, normalisation: Any = None) -> Tensor:
    """What a network takes of images, floats (n, colours, height, width), channels last.

    Parameters
    ----------
    images : digits (n, height, width) from 0 to 255, normalised as MNIST is; bytes (n, height, width,
        colours), normalised as asked; or floats (n, colours, height, width), whose values are taken as
        they are
    normalisation : mean and std of pixels with colours

    Raises
    ------
    ValueError
        If the images are none of these.

    Notes
    -----
    With one channel both memory orders are the same bytes. Saying channels_last by the strides makes
    the layers after the first keep that order: a training step of LeNet-5 in bfloat16 takes 24 ms
    instead of 40, most of it in the pooling.
    """
    if images.is_floating_point() and images.dim() == 4:
        return _one_channel_last(images) if images.shape[1] == 1 else images
    if images.dtype == torch.uint8 and images.dim() == 4 and normalisation is not None:
        coloured: Tensor = normalisation.apply(images)
        return coloured
    if images.dim() != 3:
        raise ValueError(
            f"images are {images.dtype} of shape {tuple(images.shape)}; digits (n, height, width), bytes "
            "(n, height, width, colours) with a normalisation, or floats (n, colours, height, width) are "
            "needed"
        )
    floats = (images.float() / 255 - PIXEL_MEAN) / PIXEL_STD
    return _one_channel_last(floats[:, None])


def _one_channel_last(images: Tensor) -> Tensor:
    """The same bytes of images (n, 1, height, width), called channels last by their strides."""
    height, width = images.shape[2:]
    return images.contiguous().as_strided(images.shape, (height * width, 1, width, 1))


@torch.inference_mode()
def predict(model: nn.Module, images: Tensor, *, batch_size: int = _BATCH) -> Tensor:
    """Logits (n, classes) of images as `to_input` takes them, in float32, by the model in `eval` mode."""
    device = next(model.parameters()).device
    batches = torch.split(images, batch_size)
    with evaluating(model):
        return torch.cat([model(to_input(batch.to(device))).float().cpu() for batch in batches])


def evaluate(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Error rate in percent of a model on images, as `to_input` takes them, with labels (n,)."""
    with evaluating(model):
        return error_rate(model, EvaluationImages(images, labels))


@torch.inference_mode()
def error_rate(model: nn.Module, images: EvaluationSet) -> float:
    """Error rate in percent of a model on images with labels, in the model's own precision."""
    device = next(model.parameters()).device
    model.eval()
    wrong = torch.zeros((), dtype=torch.int64, device=device)  # looked at once, at the end
    for inputs, labels in images.batches(device):
        wrong += (model(inputs).argmax(1) != labels.to(device)).sum()
    return 100 * int(wrong) / len(images)

"""Running a trained network: images in, predictions and error rates out."""

import torch
from torch import Tensor, nn

from torch_bridge.state.untouched import evaluating
from tucker_core.architectures import PIXEL_MEAN, PIXEL_STD


def to_input(images: Tensor) -> Tensor:
    """Bytes of shape (n, height, width) -> normalised floats (n, 1, height, width), channels last.

    With one channel both memory orders are the same bytes. Saying channels_last by the strides makes
    the layers after the first keep that order: a training step of LeNet-5 in bfloat16 takes 24 ms
    instead of 40, most of it in the pooling.
    """
    floats = (images.float() / 255 - PIXEL_MEAN) / PIXEL_STD
    n, height, width = floats.shape
    return floats.as_strided((n, 1, height, width), (height * width, 1, width, 1))


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, *, batch_size: int = 1_000) -> Tensor:
    """Logits (n, classes) of byte images (n, height, width), in float32, by the model in `eval` mode."""
    device = next(model.parameters()).device
    batches = torch.split(images, batch_size)
    with evaluating(model):
        return torch.cat([model(to_input(batch.to(device))).float().cpu() for batch in batches])


def evaluate(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Error rate in percent of a model on byte images (n, height, width) with labels (n,)."""
    wrong = predict(model, images).argmax(1) != labels
    return 100 * int(wrong.sum()) / len(labels)


def pick_precision(device: torch.device, wanted: str) -> torch.dtype:
    """The dtype to compute layers in: bfloat16 where the device has instructions for it.

    Examples
    --------
    >>> pick_precision(torch.device("cpu"), "float32")
    torch.float32
    """
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    native = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if native else torch.float32


def check_device(name: str) -> torch.device:
    """The device of that name, if this machine has it.

    Raises
    ------
    ValueError
        If it is unknown or not there; says what is.
    """
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(name, False):
        raise ValueError(
            f"device {name!r} is not available; this machine has {[n for n, ok in there.items() if ok]}"
        )
    return torch.device(name)

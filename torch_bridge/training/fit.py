"""Train a model on images that lie whole in memory, the short way."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from torch_bridge.training.config import TrainConfig
from torch_bridge.training.data import AugmentedCopies
from torch_bridge.training.evaluate import EvaluationImages
from torch_bridge.training.loop import FitResult, train
from torch_bridge.training.objective import Teacher


def fit(
    model: nn.Module,
    pool: Sequence[Tensor],
    labels: Tensor,
    validation: tuple[Tensor, Tensor],
    config: TrainConfig,
    *,
    teacher: Teacher | None = None,
    checkpoint: Path | None = None,
    title: str = "training",
    progress: bool = True,
) -> FitResult:
    """Train a model in place and leave it with the weights of the best validation error.

    Parameters
    ----------
    model : on the device to train on
    pool : copies of the training images, as `to_input` takes them; epoch e takes copy e mod len(pool)
    labels : (n,)
    validation : images and labels that choose the epoch; never trained on
    config : how
    teacher : whose softened outputs are learned with the fraction `config.distil`
    checkpoint : file to write after each epoch, and to go on from if the same run wrote it
    title : name on the progress bar
    progress : show a progress bar

    Raises
    ------
    TrainingError
        If the loss is no longer finite; the checkpoint of the last good epoch is kept.
    """
    device = next(model.parameters()).device
    data = AugmentedCopies(pool, labels, device, teacher if config.distil else None)
    return train(
        model, data, EvaluationImages(*validation), config,
        checkpoint=checkpoint, title=title, progress=progress,
    )  # fmt: skip

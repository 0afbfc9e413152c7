"""The road from images to a tested file: train dense, train in Tucker form, round, write, test.

Every error rate of a compressed network is measured on the network decoded from its file. What is
chosen (epoch, rounding) is chosen on the validation images; the test images are looked at once.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from tqdm import tqdm

from torch_bridge.augment import augmented_copies
from torch_bridge.compress import CompressionReport, compress_model
from torch_bridge.datasets import DataSet
from torch_bridge.models import build_model
from torch_bridge.recipes import Recipe
from torch_bridge.storage import load_network, to_network
from torch_bridge.train import FitResult, evaluate, fit
from tucker_core import CompressedNetwork, dense_params, from_bytes, load, save, to_bytes

METHODS = ("ada",)


@dataclass(frozen=True)
class Row:
    """One line of the result table.

    Attributes
    ----------
    name : what was tested
    params : numbers stored
    n_bytes : 4 per parameter for a dense net, the size of the file for a compressed one
    ratio : bytes of the dense network of this architecture / n_bytes
    val_error, test_error : percent
    seconds : training time
    """

    name: str
    params: int
    n_bytes: int
    ratio: float
    val_error: float
    test_error: float
    seconds: float


class Experiment:
    """A model, a data set, a recipe and a seed, with the pool of training images they imply.

    Parameters
    ----------
    model_name : "lenet5" or "lenet300"
    data : the images
    recipe : how to train
    seed : of everything that is drawn
    device : "cpu", "cuda" or "mps"
    folder : where checkpoints are kept, so that an interrupted run can go on; None keeps none
    progress : show progress bars
    """

    def __init__(
        self, model_name: str, data: DataSet, recipe: Recipe, *, seed: int = 0, device: str = "cpu",
        folder: Path | None = None, progress: bool = True,
    ) -> None:  # fmt: skip
        self.model_name, self.data, self.recipe, self.seed = model_name, data, recipe, seed
        self.device = check_device(device)
        self.folder, self.progress = folder, progress
        self.train_images, self.train_labels = _tensors(data.train_images, data.train_labels)
        self.validation = _tensors(data.val_images, data.val_labels)
        self.test = _tensors(data.test_images, data.test_labels)
        self._pool: list[Tensor] | None = None

    def pool(self, augment: bool) -> list[Tensor]:
        """Copies of the training images: augmented ones, made once, or the images themselves."""
        if not augment:
            return [self.train_images]
        if self._pool is None:
            recipe = self.recipe
            self._pool = augmented_copies(
                self.train_images,
                recipe.copies,
                recipe.distortion,
                self.seed,
                progress=self.progress,
            )
        return self._pool

    def train_dense(self, *, augment: bool) -> tuple[nn.Module, FitResult]:
        """Train the dense network, with or without augmentation."""
        model = build_model(self.model_name, seed=self.seed).to(self.device)
        title = f"dense {self.model_name}{', augmented' if augment else ''}"
        return model, self._fit(model, title, augment, None)

    def train_tucker(
        self, *, start: Literal["scratch", "hosvd"] = "scratch", dense: nn.Module | None = None
    ) -> tuple[nn.Module, CompressionReport, FitResult]:
        """Train the Tucker twin, from scratch or from the HOSVD of a dense net; a teacher if distilling.

        Its inner biases are fixed at zero, so that a file need not store them.

        Raises
        ------
        ValueError
            If the start or the distillation needs a dense network and there is none.
        """
        if dense is None and (start == "hosvd" or self.recipe.tucker.distil):
            raise ValueError(
                "a dense network is needed for --start hosvd and for --distil; train one first"
            )
        model = build_model(self.model_name, seed=self.seed)
        if start == "hosvd" and dense is not None:
            model.load_state_dict(dense.state_dict())
        generator = torch.Generator().manual_seed(self.seed)
        report = compress_model(model, self.recipe.budget, init=start, generator=generator)
        fix_inner_biases(model)
        model.to(self.device)
        return model, report, self._fit(model, f"ADA-Tucker {self.model_name}", True, dense)

    def _fit(
        self, model: nn.Module, title: str, augment: bool, teacher: nn.Module | None
    ) -> FitResult:
        config = self.recipe.tucker if title.startswith("ADA") else self.recipe.dense
        checkpoint = None
        if self.folder is not None:
            name = title.lower().replace(", ", "-").replace(" ", "-")
            checkpoint = self.folder / f"{name}-{self.data.name.lower()}-seed{self.seed}.npz"
        return fit(
            model, self.pool(augment), self.train_labels, self.validation,
            replace(config, seed=self.seed),
            teacher=teacher, checkpoint=checkpoint, title=title, progress=self.progress,
        )  # fmt: skip

    def round_off(
        self, model: nn.Module, max_bytes: int | None = None
    ) -> tuple[CompressedNetwork, float]:
        """Round to the coarsest steps whose validation error stays within the recipe's tolerance.

        With `max_bytes` the finest steps are taken whose file is small enough instead.

        Returns
        -------
        the network and its validation error in percent, both decoded from the bytes of a file

        Raises
        ------
        ValueError
            If no rounding brings the file down to `max_bytes`; the smallest size is named.
        """
        limit = evaluate(model, *self.validation) + self.recipe.tolerance
        chosen: tuple[CompressedNetwork, float] | None = None
        smallest = 0
        for levels in tqdm(
            self.recipe.levels, desc="rounding", leave=False, disable=not self.progress
        ):
            network = from_bytes(to_bytes(to_network(model, self.model_name, levels)))
            smallest = network.n_bytes or 0
            if max_bytes is not None and smallest > max_bytes:
                continue
            error = self.error(network, self.validation)
            if max_bytes is None and chosen is not None and error > limit:
                break
            chosen = network, error
            if max_bytes is not None:
                break
        if chosen is None:
            raise ValueError(
                f"max_bytes is {max_bytes}; a budget of {self.recipe.budget} numbers gives {smallest} "
                "bytes at the coarsest rounding: lower the budget or allow more bytes"
            )
        return chosen

    def error(self, network: CompressedNetwork, images: tuple[Tensor, Tensor]) -> float:
        """Error in percent of a decoded network, run as an ordinary dense one."""
        model = load_network(build_model(self.model_name), network).to(self.device)
        return evaluate(model, *images)

    def dense_row(self, name: str, model: nn.Module, result: FitResult) -> Row:
        """Test a dense network, once."""
        params = dense_params(self.model_name)
        error = evaluate(model, *self.test)
        return Row(name, params, 4 * params, 1.0, result.val_error, error, result.seconds)

    def file_row(self, name: str, path: Path, val_error: float, seconds: float) -> Row:
        """Read a file back and test the decoded network, once."""
        network = load(path)
        size = path.stat().st_size
        error = self.error(network, self.test)
        return Row(
            name, network.n_params, size, network.dense_bytes / size, val_error, error, seconds
        )

    def write(self, path: Path, network: CompressedNetwork) -> None:
        """Write the file; its folder is made if need be."""
        save(path, network)


def fix_inner_biases(model: nn.Module) -> None:
    """Set every bias but the last layer's to zero and keep it there."""
    biases = [p for name, p in model.named_parameters() if name.split(".")[-1] == "bias"]
    for bias in biases[:-1]:
        nn.init.zeros_(bias)
        bias.requires_grad_(False)


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


def _tensors(images: Any, labels: Any) -> tuple[Tensor, Tensor]:
    return torch.tensor(images), torch.tensor(labels)

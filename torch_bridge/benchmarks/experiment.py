"""The road from images to a tested file: train dense, train in Tucker form, round, write, test.

Every error rate of a compressed network is measured on the network decoded from its file. What is
chosen (the epoch) is chosen on the validation images; the test images are looked at once.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.compression.compress import CompressionReport, compress_model
from torch_bridge.compression.load_network import load_network
from torch_bridge.compression.survey import compressible_layers
from torch_bridge.compression.to_network import to_network
from torch_bridge.datasets import DataSet
from torch_bridge.models import build_model
from torch_bridge.quantization.qat import attach_quantizers
from torch_bridge.state.fingerprint import digest, fingerprint
from torch_bridge.training.augment import augmented_copies
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.evaluate import evaluate
from torch_bridge.training.fit import fit
from torch_bridge.training.loop import FitResult
from torch_bridge.training.objective import Teacher
from torch_bridge.training.precision import check_device, pick_precision
from torch_bridge.weights.count import count_params
from torch_bridge.weights.parametrization import weight_shape
from torch_bridge.weights.sharing import share
from tucker_core import (
    CompressedNetwork,
    LayerPlan,
    NetworkPlan,
    ReshapePlan,
    dense_params,
    from_bytes,
    load,
    to_bytes,
)

METHODS = {"ada": "ADA-Tucker", "scada": "SCADA-Tucker"}
LEVELS = [16.0 * 0.9**k for k in range(40)]  # per root mean square, tried for a size that is wanted
COARSEST = LEVELS[-1]
__all__ = ["COARSEST", "METHODS", "Experiment", "Row", "check_device", "fix_inner_biases"]


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

    Attributes
    ----------
    checkpoints : the files that were kept there
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
        self.checkpoints: list[Path] = []
        self._pool: list[Tensor] | None = None
        self._teacher: Teacher | None = None
        self.teacher_seconds = 0.0

    def with_recipe(self, recipe: Recipe, seed: int) -> "Experiment":
        """The same model, data and settings with another recipe and seed."""
        return Experiment(
            self.model_name, self.data, recipe, seed=seed, device=self.device.type,
            folder=self.folder, progress=self.progress,
        )  # fmt: skip

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
        return model, self._fit(model, title, self.recipe.dense, augment=augment)

    def train_tucker(
        self, *, start: Literal["scratch", "hosvd"] = "scratch", dense: nn.Module | None = None
    ) -> tuple[nn.Module, CompressionReport, FitResult]:
        """Train the Tucker twin, from scratch or from the HOSVD of a dense net.

        Its inner biases are fixed at zero, so that a file need not store them. If the recipe distils,
        the twin learns from `dense`, or from the recipe's own teacher, which is then trained first.

        Raises
        ------
        ValueError
            If the start or the distillation needs a dense network and there is none.
        """
        listens = self.recipe.tucker.distil > 0
        if dense is None and (start == "hosvd" or (listens and not self.recipe.teacher)):
            raise ValueError(
                "a dense network is needed to begin with its HOSVD or to learn from it; train one first"
            )
        model = build_model(self.model_name, seed=self.seed)
        if start == "hosvd" and dense is not None:
            model.load_state_dict(dense.state_dict())
        report = self.compress(model, start)
        model.to(self.device)
        if listens and self._teacher is None:
            self._teacher = Teacher(self.train_teacher() if dense is None else dense)
        title = f"{METHODS[self.recipe.method]} {self.model_name}"
        result = self._fit(model, title, self.recipe.tucker, augment=True)
        return model, replace(report, params=count_params(model)), result

    def compress(self, model: nn.Module, start: Literal["scratch", "hosvd"]) -> CompressionReport:
        """Put a dense network into the Tucker form of the recipe, in place."""
        report = compress_model(
            model, self._plan(model), init=start, shared_core=self.recipe.method == "scada",
            generator=torch.Generator().manual_seed(self.seed),
        )  # fmt: skip
        for first, *others in self.recipe.shared:
            share(model, first, *others)
        fix_inner_biases(model)
        return report

    def train_teacher(self) -> nn.Module:
        """Train the dense network that the recipe lets the twin learn from; its time is kept."""
        name = self.recipe.teacher
        model = build_model(name, seed=self.seed).to(self.device)
        result = self._fit(model, f"teacher {name}", self.recipe.teaching, augment=True)
        self.teacher_seconds = result.seconds
        return model.eval()

    def _plan(self, model: nn.Module) -> NetworkPlan | int:
        """The recipe's own dims and core shapes, or its budget."""
        shapes = {name: weight_shape(layer) for name, layer in compressible_layers(model)}
        if not self.recipe.layers:
            return self.recipe.budget
        plans = []
        for name, dims, rank in self.recipe.layers:
            shape = shapes[name]
            reshape = ReshapePlan(shape, dims, tuple(range(len(shape))))
            plans.append(LayerPlan(name, reshape, rank, self.recipe.method == "scada"))
        return NetworkPlan(tuple(plans))

    def _fit(
        self, model: nn.Module, title: str, config: TrainConfig, *, augment: bool
    ) -> FitResult:
        checkpoint = None
        if self.folder is not None:
            name = title.lower().replace(", ", "-").replace(" ", "-")
            checkpoint = self.folder / f"{name}-{self.data.name.lower()}-seed{self.seed}.npz"
        result = fit(
            model, self.pool(augment), self.train_labels, self.validation,
            replace(config, seed=self.seed), teacher=self._teacher, checkpoint=checkpoint,
            title=title, progress=self.progress,
        )  # fmt: skip
        if result.checkpoint is not None:
            self.checkpoints.append(result.checkpoint)
        return result

    def fingerprint(self) -> str:
        """Hash of everything that decides what a run of this recipe comes to."""
        recipe, data = self.recipe, self.data
        configs = (recipe.dense, recipe.tucker, recipe.rounding, recipe.teaching)
        start = build_model(self.model_name, seed=self.seed)
        return fingerprint(
            model=self.model_name,
            start=digest(start.state_dict().values()),
            recipe=asdict(recipe),
            seed=self.seed,
            data=[data.name, digest([self.train_images, self.train_labels])],
            held=digest([*self.validation, *self.test]),
            device=self.device.type,
            precisions=[str(pick_precision(self.device, c.precision)) for c in configs],
        )

    def round_in(
        self, model: nn.Module, max_bytes: int | None = None
    ) -> tuple[CompressedNetwork, float, FitResult]:
        """Round cores and factors and train on, so that the network learns to live with the steps.

        Parameters
        ----------
        model : a trained Tucker twin; it is changed in place
        max_bytes : largest file wanted; the steps grow until the file is small enough

        Returns
        -------
        the network and its validation error in percent, both decoded from the bytes of a file, and
        what the training came to

        Raises
        ------
        ValueError
            If no rounding brings the file down to `max_bytes`; the smallest size is named.
        """
        levels, config = self.recipe.levels, self.recipe.rounding
        if max_bytes is not None:  # steps that just fit, and stay
            levels = self._levels_for(model, max_bytes)
            config = replace(config, rate=0.0, step_lr=0.0)
        attach_quantizers(model, levels)
        result = self._fit(model, f"rounding {self.model_name}", config, augment=True)
        network = from_bytes(to_bytes(to_network(model, self.model_name)))
        size = network.n_bytes or 0
        if max_bytes is not None and size > max_bytes:
            raise ValueError(
                f"max_bytes is {max_bytes}; the file came out at {size}: lower the budget"
            )
        return network, self.error(network, self.validation), result

    def _levels_for(self, model: nn.Module, max_bytes: int) -> float:
        """Finest levels whose file stays 3 % below `max_bytes`, as sizes move a little in training."""
        size = 0
        for levels in LEVELS:
            size = len(to_bytes(to_network(model, self.model_name, levels)))
            if size <= 0.97 * max_bytes:
                return levels
        raise ValueError(
            f"max_bytes is {max_bytes}; a budget of {self.recipe.budget} numbers gives {size} bytes at "
            "the coarsest rounding: lower the budget or allow more bytes"
        )

    def error(self, network: CompressedNetwork, images: tuple[Tensor, Tensor]) -> float:
        """Error in percent of a decoded network, run as an ordinary dense one."""
        model = load_network(build_model(self.model_name), network).to(self.device)
        return evaluate(model, *images)

    def dense_row(self, name: str, model: nn.Module, result: FitResult) -> Row:
        """Test a dense network, once."""
        params = dense_params(self.model_name)
        error = evaluate(model, *self.test)
        return Row(name, params, 4 * params, 1.0, result.val_error, error, result.seconds)

    def float_row(self, name: str, model: nn.Module, result: FitResult) -> Row:
        """Test a network in Tucker form that was not rounded, once; it has 4 bytes for every number."""
        stored = sum(p.numel() for p in model.parameters() if p.requires_grad)
        seconds = self.teacher_seconds + result.seconds
        size, dense = 4 * stored, 4 * dense_params(self.model_name)
        error = evaluate(model, *self.test)
        return Row(name, stored, size, dense / size, result.val_error, error, seconds)

    def file_row(self, name: str, path: Path, val_error: float, seconds: float) -> Row:
        """Read a file back and test the decoded network, once."""
        network = load(path)
        size = path.stat().st_size
        error = self.error(network, self.test)
        return Row(
            name, network.n_params, size, network.dense_bytes / size, val_error, error, seconds
        )


def fix_inner_biases(model: nn.Module) -> None:
    """Set every bias but the last layer's to zero and keep it there."""
    biases = [p for name, p in model.named_parameters() if name.split(".")[-1] == "bias"]
    for bias in biases[:-1]:
        nn.init.zeros_(bias)
        bias.requires_grad_(False)


def _tensors(images: Any, labels: Any) -> tuple[Tensor, Tensor]:
    return torch.tensor(images), torch.tensor(labels)

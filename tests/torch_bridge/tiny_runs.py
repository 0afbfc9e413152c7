"""Runs small enough for a unit test: a few hundred digits, small networks, two epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from torch_bridge import attach_quantizers, build_model, compress_model, to_network
from torch_bridge.benchmarks.experiment import Experiment, fix_inner_biases
from torch_bridge.benchmarks.images import Digits
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.datasets import DataSet, load_mnist5k
from torch_bridge.training import loop
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.evaluate import EvaluationSet
from torch_bridge.training.evaluate import error_rate as error_rate_of_all
from torch_bridge.training.fit import fit
from torch_bridge.training.loop import FitResult
from torch_bridge.weights.tucker_weight import tucker_layers, tucker_parts
from tucker_core import CompressedNetwork, save

EPOCHS = 2
TRAIN, VAL, TEST = 200, 60, 80
CONFIG = TrainConfig(epochs=EPOCHS, lr=2e-3, batch_size=64, choose_last=2)
RECIPE = Recipe(
    dense=CONFIG,
    tucker=replace(CONFIG, lr=1e-2),
    budget=1_200,
    copies=2,
    qat=replace(CONFIG, lr=1e-3),
)


@cache
def tiny_digits() -> DataSet:
    """Take the first digits of each part of MNIST-5k."""
    data = load_mnist5k()
    return DataSet(
        data.name,
        data.train_images[:TRAIN],
        data.train_labels[:TRAIN],
        data.val_images[:VAL],
        data.val_labels[:VAL],
        data.test_images[:TEST],
        data.test_labels[:TEST],
    )


def tiny_experiment(recipe: Recipe = RECIPE, model: str = "lenet300", **options: Any) -> Experiment:
    """Set up a LeNet on the tiny digits, or on those of the option `data`."""
    images = Digits(options.pop("data", tiny_digits()), torch.device("cpu"))
    return Experiment(model, images, recipe, progress=False, **options)


def training_tensors() -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Give images, labels and validation pair of the tiny digits."""
    data = tiny_digits()
    validation = (torch.tensor(data.val_images), torch.tensor(data.val_labels))
    return torch.tensor(data.train_images), torch.tensor(data.train_labels), validation


def fitted(model: nn.Module, config: TrainConfig, checkpoint: Path | None = None) -> FitResult:
    """Train a model on the tiny digits."""
    images, labels, validation = training_tensors()
    return fit(
        model, [images], labels, validation, config, checkpoint=checkpoint, progress=False
    )  # fmt: skip


def small_net(kind: str = "dense", seed: int = 0) -> nn.Module:
    """Make a small perceptron for digits: "dense", "tucker", or "rounded" (with steps attached)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(784, 24), nn.ReLU(), nn.Linear(24, 10))
    if kind != "dense":
        generator = torch.Generator().manual_seed(seed)
        compress_model(model, 1_000, init="scratch", generator=generator)
    if kind == "rounded":
        attach_quantizers(model, 4.0)
    return model


def small_network(model_name: str = "lenet300", budget: int = 1_000) -> CompressedNetwork:
    """Make an untrained compressed LeNet without inner biases."""
    model = build_model(model_name, seed=0)
    compress_model(model, budget, init="scratch")
    fix_inner_biases(model)
    return to_network(model, model_name, 3.0)


def write_ada(path: Path, model_name: str = "lenet300", budget: int = 1_000) -> bytes:
    """Write an untrained compressed LeNet as an .ada file and give its bytes."""
    save(path, small_network(model_name, budget))
    return path.read_bytes()


def stored_parts(layer: nn.Module) -> list[Tensor]:
    """Give core and existing factors of a layer with a Tucker weight."""
    _, core, factors = tucker_parts(layer)
    return [core, *(factor for factor in factors if factor is not None)]


def all_parts(model: nn.Module) -> dict[str, list[Tensor]]:
    """Give the stored parts of every Tucker weight of a model by its name."""
    return {name: stored_parts(layer) for name, layer in tucker_layers(model)}


def interrupt_at(monkeypatch: pytest.MonkeyPatch, call: int) -> Callable[[], int]:
    """Let the given validation (from 1) be interrupted as by Ctrl-C; gives a count of all calls."""
    calls = 0
    real = error_rate_of_all

    def error_rate(model: nn.Module, images: EvaluationSet) -> float:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return real(model, images)

    monkeypatch.setattr(loop, "error_rate", error_rate)
    return lambda: calls

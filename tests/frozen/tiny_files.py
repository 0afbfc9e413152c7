"""What two tiny runs write, one of digits and one of pictures, and what that depends on.

python -m tests.frozen.tiny_files      take down what this machine writes today
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.torch_bridge.tiny_benchmark import quick
from tests.torch_bridge.tiny_cifar import tiny_set
from tests.torch_bridge.tiny_runs import RECIPE, tiny_experiment
from torch_bridge.benchmarks import BENCHMARKS, Experiment
from torch_bridge.benchmarks.compressed import compress
from torch_bridge.benchmarks.images import in_memory
from torch_bridge.benchmarks.results import environment
from torch_bridge.benchmarks.runs import compress_benchmark, run_dense
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.models import MODELS, CifarResNet

KNOWN = Path(__file__).with_name("tiny_files.json")
FAST: dict[str, Any] = {"epochs": 2, "batch_size": 20}
IMPLEMENTATIONS = ("auto", "reconstructed")


def machine() -> str:
    """What bytes of a trained network depend on besides the code: processor and libraries."""
    return " / ".join(
        (
            str(environment()["machine"]["cpu"]),
            torch.backends.cpu.get_cpu_capability(),
            f"threads {torch.get_num_threads()}",
            f"torch {torch.__version__}",
            f"numpy {np.__version__}",
        )
    )


def digests(implementation: str = "auto") -> dict[str, str]:
    """SHA-256 of both files, of networks that were trained in an implementation."""
    how: dict[str, Any] = {"precision": "float32", "implementation": implementation}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        found = {"lenet300": lenet(Path(folder), how), "resnet8": resnet(Path(folder), patch, how)}
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}


def lenet(folder: Path, plain: dict[str, Any]) -> Path:
    """Train, compress and round a LeNet-300 with a teacher and a rate on 200 digits."""
    recipe = replace(
        RECIPE,
        init="hosvd",
        dense=replace(RECIPE.dense, **plain),
        tucker=replace(RECIPE.tucker, distil=0.5, **plain),
        qat=replace(RECIPE.qat, rate=2e-3, **plain),
    )
    experiment = tiny_experiment(recipe)
    dense, _ = experiment.train_dense()
    small = compress(experiment, dense)
    small.train()
    small.quantize()
    small.write(folder / "lenet300.ada")
    return folder / "lenet300.ada"


def resnet(folder: Path, patch: pytest.MonkeyPatch, plain: dict[str, Any]) -> Path:
    """Train, compress and round a ResNet-8 with a teacher, a steered rate and averaged weights."""
    patch.setitem(MODELS, "resnet8", lambda: CifarResNet(8))
    images = in_memory(tiny_set(), IMAGE_SETS["cifar10"], torch.device("cpu"))
    recipe = quick(replace(BENCHMARKS["resnet20"].recipe, ratio=8.0), **FAST, **plain)
    experiment = Experiment(
        "resnet8", images, recipe,
        benchmark="resnet8", out=folder, folder=folder / "runs", progress=False,
    )  # fmt: skip
    run_dense(experiment)
    (weights,) = folder.glob("bench_resnet8_*dense*.npz")
    compress_benchmark(experiment, weights)
    (path,) = folder.glob("bench_resnet8_*.ada")
    return path


if __name__ == "__main__":
    torch.set_num_threads(1)
    known = json.loads(KNOWN.read_text(encoding="utf-8")) if KNOWN.exists() else {}
    known[machine()] = {name: digests(name) for name in IMPLEMENTATIONS}
    KNOWN.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")

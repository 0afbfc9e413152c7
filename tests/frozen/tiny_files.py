"""What two tiny runs write, one through each of the training loops, and what that depends on.

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

from tests.torch_bridge.tiny_cifar import tiny_set
from tests.torch_bridge.tiny_runs import RECIPE, tiny_digits
from torch_bridge.benchmarks import BENCHMARKS, Bench
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.images import in_memory
from torch_bridge.benchmarks.results import environment
from torch_bridge.benchmarks.twins import Wish, compress_benchmark
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.models import MODELS, CifarResNet
from torch_bridge.training.distributed import DistributedContext
from tucker_core import save

KNOWN = Path(__file__).with_name("tiny_files.json")
FAST: dict[str, Any] = {"epochs": 2, "batch_size": 20, "precision": "float32"}


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


def digests() -> dict[str, str]:
    """SHA-256 of both files."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        found = {"lenet300": lenet(Path(folder)), "resnet8": resnet(Path(folder), patch)}
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}


def lenet(folder: Path) -> Path:
    """Train, compress and round a LeNet-300 with a teacher and a rate on 200 digits."""
    plain: dict[str, Any] = {"precision": "float32"}
    recipe = replace(
        RECIPE,
        dense=replace(RECIPE.dense, **plain),
        tucker=replace(RECIPE.tucker, distil=0.5, **plain),
        rounding=replace(RECIPE.rounding, rate=2e-3, **plain),
    )
    experiment = Experiment("lenet300", tiny_digits(), recipe, progress=False)
    dense, _ = experiment.train_dense(augment=True)
    model, _, _ = experiment.train_tucker(start="hosvd", dense=dense)
    network, _, _ = experiment.round_in(model)
    save(folder / "lenet300.ada", network)
    return folder / "lenet300.ada"


def resnet(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Train, compress and round a ResNet-8 with a teacher, a steered rate and averaged weights."""
    patch.setitem(MODELS, "resnet8", lambda: CifarResNet(8))
    known = BENCHMARKS["resnet20"]
    fast = {s: replace(getattr(known, s), **FAST) for s in ("dense", "tucker", "rounding")}
    benchmark = replace(known, name="resnet8", model="resnet8", **fast)
    images = in_memory(tiny_set(), IMAGE_SETS["cifar10"], torch.device("cpu"))
    bench = Bench(
        benchmark, images, DistributedContext(), folder, folder=folder / "runs", progress=False
    )
    bench.dense(benchmark.dense)
    (weights,) = folder.glob("bench_resnet8_*dense*.npz")
    compress_benchmark(bench, weights, Wish(8.0), benchmark.tucker, benchmark.rounding)
    (path,) = folder.glob("bench_resnet8_*.ada")
    return path


if __name__ == "__main__":
    torch.set_num_threads(1)
    known = json.loads(KNOWN.read_text(encoding="utf-8")) if KNOWN.exists() else {}
    known[machine()] = digests()
    KNOWN.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")

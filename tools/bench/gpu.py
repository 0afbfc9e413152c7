"""All that wants a GPU, in one command of eight minutes at most: `python -m tools.bench.gpu`.

tests      the tests marked gpu
lenet5     LeNet-5 to 691x: trained, compressed, written, read back
resnet20   ResNet-20 on CIFAR-10: dense, ADA-Tucker, SCADA-Tucker, of few epochs
steps      steps per second and peak memory of WRN-28-10, ResNet-50, AlexNet, dense and Tucker

Each part is a process of its own and leaves gpu_<part>.json; one that fails or runs out of time says so
there, and the next goes on. Nothing is downloaded. `--tiny` runs all of it, tiny, on any machine.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from torch_bridge.benchmarks import BENCHMARKS, Experiment
from torch_bridge.benchmarks.compressed import compress
from torch_bridge.benchmarks.cost import measured_apart
from torch_bridge.benchmarks.images import Digits, Images, in_memory
from torch_bridge.benchmarks.recipes import Recipe, recipe_for
from torch_bridge.benchmarks.results import write_result
from torch_bridge.datasets import DataSet, load_mnist
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.precision import check_device
from tucker_core.json_file import read_json
from tucker_core.timing import Stopwatch

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 8.0
TINY_IMAGES = 40  # of each part of a data set
FRACTION = 0.1  # of the dense parameters, for the large networks
EPOCHS = {"dense": 10, "tucker": 4, "qat": 6}  # of ResNet-20: minutes, not a record
LARGE = ("wrn28-10", "resnet50", "alexnet")
_TESTS = ("tests/torch_bridge/training/test_gpu.py", "tests/torch_bridge/weights/test_weight.py")


def tests(device: str, *, tiny: bool) -> dict[str, Any]:
    """Run the tests marked gpu; without one they are skipped."""
    files = _TESTS[:1] if tiny else _TESTS
    words = ["-m", "pytest", "-q", "-m", "gpu", "-n", "0", "-p", "no:cacheprovider", *files]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    return {"code": done.returncode, "said": done.stdout.splitlines()[-20:]}


def lenet5(device: str, *, tiny: bool) -> dict[str, Any]:
    """Take LeNet-5 from images to a file of at most 1 / 691 of its bytes, if there is the full MNIST."""
    data = load_mnist(offline=True, progress=False)
    recipe = recipe_for("lenet5", data.name, "lossless" if data.name == "MNIST" else "demo")
    if tiny:
        data, recipe = _few(data), _quick(recipe, dict.fromkeys(EPOCHS, 1))
    images = Digits(data, torch.device(device))
    return _trained("lenet5", images, recipe, device, ["ada"])


def resnet20(device: str, *, tiny: bool) -> dict[str, Any]:
    """Train ResNet-20 dense and compress it by both methods."""
    known = IMAGE_SETS["cifar10"]
    assert known.load is not None, "it lies in memory"
    recipe = replace(_quick(BENCHMARKS["resnet20"].recipe, EPOCHS), ratio=15.0)
    if tiny:
        recipe = _quick(recipe, dict.fromkeys(EPOCHS, 1))
    data = _noise() if tiny else known.load(None, False)
    images = in_memory(data, known, torch.device(device))
    return _trained("resnet20", images, recipe, device, ["ada", "scada"])


def steps(device: str, *, tiny: bool) -> dict[str, Any]:
    """Time training steps of the large networks at their full batches."""
    rows = []
    for name in ("lenet300",) if tiny else LARGE:
        for fraction in (None, FRACTION):
            options: dict[str, Any] = {
                "batch_size": 8 if tiny else None,
                "steps": 2 if tiny else 20,
            }
            try:
                cost = measured_apart(name, fraction=fraction, device=device, **options)
                cost["steps_per_second"] = round(1 / cost["seconds"], 3)
            except RuntimeError as error:  # too little memory, most likely
                cost = {"benchmark": name, "fraction": fraction, "error": str(error)}
            rows.append(cost)
    return {"rows": rows}


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "tests": tests, "lenet5": lenet5, "resnet20": resnet20, "steps": steps,
}  # fmt: skip


def _trained(
    name: str, images: Images, recipe: Recipe, device: str, methods: list[str]
) -> dict[str, Any]:
    """The dense network and its files: rows and seconds."""
    context, rows = DistributedContext(device=torch.device(device)), []
    experiment = Experiment(name, images, recipe, context=context, progress=False)
    dense, trained = experiment.train_dense()
    rows.append(experiment.dense_row("dense", dense, trained))
    with tempfile.TemporaryDirectory() as folder:
        for method in methods:
            one = replace(experiment, recipe=replace(recipe, method=method))
            small = compress(one, dense)
            small.train()
            small.quantize()
            rows.append(small.write(Path(folder) / f"{name}.ada", method))
    return {"data_set": images.name, "recipe": asdict(recipe), "rows": [asdict(r) for r in rows]}


def _quick(recipe: Recipe, epochs: dict[str, int]) -> Recipe:
    """The recipe with so many epochs of each stage."""
    stages = {s: replace(getattr(recipe, s), epochs=n) for s, n in epochs.items()}
    if min(epochs.values()) == 1:
        stages = {s: replace(config, batch_size=20) for s, config in stages.items()}
        return replace(recipe, copies=1, **stages)
    return replace(recipe, **stages)


def _few(data: DataSet) -> DataSet:
    parts = ("train", "val", "test")
    names = [f"{part}_{what}" for part in parts for what in ("images", "labels")]
    return DataSet(data.name, *(getattr(data, name)[:TINY_IMAGES] for name in names))


def _noise() -> DataSet:
    """Images of CIFAR-10's size; their labels mean nothing."""
    generator = torch.Generator().manual_seed(0)
    size = (TINY_IMAGES, 32, 32, 3)
    images = torch.randint(256, size, generator=generator, dtype=torch.uint8).numpy()
    labels = torch.randint(10, size[:1], generator=generator, dtype=torch.uint8).numpy()
    return DataSet("noise", *(images, labels) * 3)


def run_part(part: str, chosen: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """Run a part in a process of its own; what it left, or what went wrong."""
    path = chosen.out / f"gpu_{part}.json"
    words = [sys.executable, "-m", "tools.bench.gpu", "--part", part, "--out", str(chosen.out)]
    words += ["--device", chosen.device, *(["--tiny"] if chosen.tiny else [])]
    path.unlink(missing_ok=True)
    try:
        if seconds <= 0:
            raise subprocess.TimeoutExpired(words, seconds)
        done = subprocess.run(words, timeout=seconds, capture_output=True, text=True)
        error = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except subprocess.TimeoutExpired:
        error = [f"no time was left of the {chosen.minutes:g} minutes"]
    if error or not path.exists():
        write_result(path, {"part": part, "device": chosen.device, "error": "".join(error)})
    content: dict[str, Any] = read_json(path)
    return content


def main(argv: list[str] | None = None) -> int:
    """Run all parts, or one in this process."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--part", choices=PARTS, help="only this one, in this process")
    options.add_argument("--out", type=Path, default=ROOT / "results", help="folder")
    options.add_argument("--device", default="auto", help="default: cuda, mps or cpu")
    options.add_argument("--minutes", type=float, default=MINUTES, help="in all (default: 8)")
    options.add_argument("--tiny", action="store_true", help="a few images, a minute on a CPU")
    chosen = options.parse_args(argv)
    chosen.device = check_device(chosen.device).type
    if chosen.part:
        watch = Stopwatch()
        content = PARTS[chosen.part](chosen.device, tiny=chosen.tiny)
        head = {"part": chosen.part, "device": chosen.device, "tiny": chosen.tiny}
        gpu = torch.cuda.get_device_name() if chosen.device == "cuda" else None
        said = {**head, "gpu": gpu, "part_seconds": round(watch.seconds, 1), **content}
        write_result(chosen.out / f"gpu_{chosen.part}.json", said)
        return int(content.get("code", 0) > 0)
    if chosen.device == "cpu" and not chosen.tiny:
        raise SystemExit("this machine has no GPU; --tiny runs all parts on the CPU")
    whole, failed = Stopwatch(), 0
    for part in PARTS:
        content = run_part(part, chosen, 60 * chosen.minutes - whole.seconds)
        failed += "error" in content
        print(f"{part}: {content.get('error') or str(content['part_seconds']) + ' s'}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())

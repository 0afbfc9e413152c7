"""Measure what a model of one's own costs: `python -m tools.bench.model [STUDY ...]`.

linear     Linear 4096 x 4096 at 2 % of its parameters, batch 1 and 64: dense, reconstructed, factorized
lenet5     the bundled LeNet-5 files at batch 256, layer by layer and whole
resnet50   plan and HOSVD of a ResNet-50 of 25.6 million random parameters: seconds and peak memory
import     `import torch_bridge` above `import torch`

Each study writes results/profile_*.json; linear and lenet5 are timed on one thread.
"""

import argparse
import statistics
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ada_tucker.cli.profile import profile_content
from torch_bridge import compress_model, load_tucker
from torch_bridge.benchmarks.results import write_result
from torch_bridge.compression.profile import profile_model, profile_table
from torch_bridge.models import LeNet5, build_model
from torch_bridge.training.evaluate import to_input
from torch_bridge.weights.count import count_bytes, count_params
from tucker_core import load
from tucker_core.timing import Stopwatch

ROOT = Path(__file__).resolve().parents[2]
RATIO = 10.0  # how many times fewer parameters the ResNet-50 is given
SAMPLE = 0.005  # seconds between two looks at the memory


def linear(seconds: float) -> dict[str, Any]:
    """Time a large linear layer in its implementations."""
    torch.set_num_threads(1)
    runs = []
    for batch in (1, 64):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4096, 4096))
        report = compress_model(model, 4096 * 4096 // 50, init="scratch")
        profiles = profile_model(model, [torch.randn(batch, 4096)], seconds=seconds)
        print(f"batch {batch}\n{profile_table(profiles)}\n")
        runs.append({"batch": batch, "numbers": report.plan.n_params, **profile_content(profiles)})
    return {"floors": {"batch 1": 5.0, "batch 64": 2.0}, "runs": runs}


def lenet5(seconds: float) -> dict[str, Any]:
    """Time the bundled LeNet-5 files in their implementations."""
    torch.set_num_threads(1)
    runs = []
    for name in ("lenet5_lossless.ada", "lenet5_small.ada", "lenet5_scada.ada"):
        model = load_tucker(LeNet5(), load(ROOT / "data" / "models" / name))
        images = torch.randint(256, (256, 28, 28), generator=torch.Generator().manual_seed(0))
        profiles = profile_model(model, [to_input(images)], seconds=seconds)
        print(f"{name}\n{profile_table(profiles)}\n")
        runs.append({"file": name, "batch": 256, **profile_content(profiles)})
    return {"floors": {"whole network": 1.5}, "runs": runs}


def resnet50(_: float) -> dict[str, Any]:
    """Compress a ResNet-50 of random weights, watching time and memory."""
    torch.manual_seed(0)
    small = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Linear(16, 16))
    compress_model(small, 2, unit="ratio", criterion="spectra")  # loads what is compiled
    before = _resident()
    model = build_model("resnet50", seed=0)
    size, params = count_bytes(model), count_params(model)
    stop, peak = threading.Event(), [0]

    def watch() -> None:
        while not stop.wait(SAMPLE):
            peak[0] = max(peak[0], _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    stopwatch = Stopwatch()
    plan = compress_model(model, RATIO, unit="ratio", criterion="spectra", dry_run=True).plan
    planned = stopwatch.seconds
    report = compress_model(model, plan)
    took = stopwatch.seconds, stopwatch.cpu_seconds
    stop.set()
    watcher.join()
    print(report.table())
    found = {
        "params": params, "model_bytes": size, "params_after": report.params, "ratio": RATIO,
        "plan_seconds": round(planned, 2), "seconds": round(took[0], 2),
        "processor_seconds": round(took[1], 2),
        "peak_bytes_above_start": peak[0] - before,
        "peak_of_model": round((peak[0] - before) / size, 3),
        "limits": {"seconds": 60, "peak_of_model": 3},
    }  # fmt: skip
    print(found)
    return found


def import_time(_: float) -> dict[str, Any]:
    """Time the imports in fresh processes."""
    code = (
        "import time; a = time.process_time(); import torch; b = time.process_time(); "
        "import torch_bridge; print(b - a, time.process_time() - b)"
    )
    runs = []
    for _ in range(7):
        out = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        runs.append(tuple(map(float, out.stdout.split())))
    alone, above = (round(statistics.median(times), 3) for times in zip(*runs, strict=True))
    print(
        f"torch {alone} s, torch_bridge above it {above} s (processor time, median of {len(runs)})"
    )
    return {"torch_seconds": alone, "above_torch_seconds": above, "limit": 0.3, "runs": runs}


def _resident() -> int:
    """Bytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return 4096 * pages


STUDIES = {"linear": linear, "lenet5": lenet5, "resnet50": resnet50, "import": import_time}


def main() -> int:
    """Run the studies named, all by default."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument(
        "studies",
        nargs="*",
        choices=[*STUDIES, []],
        metavar="STUDY",
        help=f"some of {', '.join(STUDIES)} (default: all)",
    )
    options.add_argument(
        "--seconds", type=float, default=2.0, help="to time each layer (default: 2)"
    )
    options.add_argument("--out", type=Path, default=ROOT / "results", help="folder")
    chosen = options.parse_args()
    names = chosen.studies or list(STUDIES)
    if len(names) > 1:  # each in a process of its own: memory that one frees is not another's
        for name in names:
            common = ["--seconds", str(chosen.seconds), "--out", str(chosen.out)]
            subprocess.run([sys.executable, "-m", "tools.bench.model", name, *common], check=True)
        return 0
    content = STUDIES[names[0]](chosen.seconds)
    command = f"python -m tools.bench.model {names[0]}"
    path = chosen.out / f"profile_{names[0]}.json"
    write_result(path, {"command": command, "seed": 0, **content})
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What it brings to keep freed memory: `python -m tools.bench_allocator`.

A training step of ResNet-20 in float32 on one thread, in new processes that keep what they free or give
it back, by turns; the least time of each, and its peak of memory, go into results/bench_allocator.json.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from torch_bridge.allocator import keep_freed_memory
from torch_bridge.models import build_model
from torch_bridge.results import environment, write_json
from torch_bridge.training.images import put_channels_last

ROOT = Path(__file__).resolve().parents[1]
MODEL, BATCH, STEPS = "resnet20", 64, 12


def measure(keep: bool) -> dict[str, float]:
    """Seconds of processor time a step and peak memory of this process."""
    if keep and not keep_freed_memory():
        sys.exit("the C library of this system has no such setting")
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    model = build_model(MODEL, seed=0)
    put_channels_last(model)
    images = torch.randn(BATCH, 3, 32, 32, generator=generator)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (BATCH,), generator=generator)
    for step in range(STEPS + 2):
        if step == 2:
            started = time.process_time()
        F.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
    seconds = (time.process_time() - started) / STEPS
    return {
        "seconds": seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Measure in processes of their own, by turns, and write the result."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=3, help="default: 3")
    options.add_argument("--out", type=Path, default=ROOT / "results" / "bench_allocator.json")
    options.add_argument("--one", choices=("kept", "given back"), help="measure in this process")
    chosen = options.parse_args()
    if chosen.one:
        print(json.dumps(measure(chosen.one == "kept")))
        return
    runs: dict[str, list[dict[str, float]]] = {"given back": [], "kept": []}
    for kind in list(runs) * chosen.rounds:
        words = [sys.executable, "-m", "tools.bench_allocator", "--one", kind]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        runs[kind].append(json.loads(done.stdout))
    rows = {
        kind: {key: min(run[key] for run in found) for key in found[0]}
        for kind, found in runs.items()
    }
    ratio = rows["kept"]["seconds"] / rows["given back"]["seconds"]
    print(f"a step takes {ratio:.2f}x the time when freed memory is kept")
    content = {
        "command": "python -m tools.bench_allocator", "model": MODEL, "batch": BATCH, "threads": 1,
        "rows": rows, "relative": ratio, **environment(),
    }  # fmt: skip
    write_json(chosen.out, content)


if __name__ == "__main__":
    main()

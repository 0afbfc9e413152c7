"""Time whole training steps of LeNet-5, dense and in Tucker form: `python -m tools.bench.step`.

One step is forward, loss, backward, clipping and Adam on a batch of 256 images, as `fit` takes it; the
Tucker twin has the demo's budget. What is reported is the time relative to the dense step.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from torch_bridge.benchmarks.recipes import recipe_for
from torch_bridge.benchmarks.results import write_result
from torch_bridge.compression.compress import compress_model
from torch_bridge.models import build_model
from torch_bridge.training.evaluate import to_input
from tucker_core import format_table
from tucker_core.timing import Job, interleaved

ROOT = Path(__file__).resolve().parents[2]
MODEL, BATCH = "lenet5", 256
LIMIT, AIM = 1.1, 1.0  # time relative to the dense step
PRECISIONS = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def training_step(model: nn.Module, precision: torch.dtype, seed: int) -> Job:
    """Make a function that takes one training step on the same random images each time."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (BATCH, 28, 28), generator=generator, dtype=torch.uint8)
    inputs, labels = to_input(pixels), torch.randint(10, (BATCH,), generator=generator)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision != torch.float32):
            logits = model(inputs).float()
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()

    return step


def jobs(seed: int) -> dict[str, Job]:
    """Give both networks' steps in every precision."""
    steps = {}
    for name, precision in PRECISIONS.items():
        dense, twin = build_model(MODEL, seed=seed), build_model(MODEL, seed=seed)
        compress_model(twin, recipe_for(MODEL, "MNIST").budget, init="scratch")
        steps[f"dense, {name}"] = training_step(dense, precision, seed)
        steps[f"ADA-Tucker, {name}"] = training_step(twin, precision, seed)
    return steps


def lines(times: dict[str, float]) -> list[dict[str, Any]]:
    """One record for each step: its time, relative to the dense one, and what that amounts to."""
    records = []
    for name, took in times.items():
        kind, precision = name.split(", ")
        ratio = took / times[f"dense, {precision}"]
        record = {"step": name, "milliseconds": round(1e3 * took, 2), "relative": round(ratio, 3)}
        if kind != "dense":
            verdict = "aim met" if ratio < AIM else "met" if ratio <= LIMIT else "missed"
            record |= {"at most": LIMIT, "aim below": AIM, "verdict": verdict}
        records.append(record)
    return records


def main() -> int:
    """Measure, print, write results/bench_step.json."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=30.0, help="in all (default: 30)")
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--seed", type=int, default=0, help="default: 0")
    options.add_argument("--out", type=Path, default=ROOT / "results" / "bench_step.json")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    records = lines(interleaved(jobs(chosen.seed), chosen.seconds))
    head = ("step", "milliseconds", "relative", "at most", "aim below", "verdict")
    print(format_table([head, *[tuple(str(r.get(key, "")) for key in head) for r in records]]))
    content = {
        "command": "python -m tools.bench.step", "model": MODEL, "batch": BATCH,
        "seed": chosen.seed, "threads": chosen.threads, "clock": "processor time, all threads",
        "rows": records,
    }  # fmt: skip
    write_result(chosen.out, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())

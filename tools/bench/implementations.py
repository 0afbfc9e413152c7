"""Time layers in both implementations beside the rule: `python -m tools.bench.implementations`.

One job is forward and backward of one layer, float32, one thread. The rates of `forward/cost.py` were
drawn from this: `regret` is the time of what they choose over the time of the better one.
"""

import argparse
import copy
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from torch_bridge import compress_model, use_implementation
from torch_bridge.benchmarks.results import write_result
from torch_bridge.forward.choice import choose_implementations
from torch_bridge.weights.tucker_weight import tucker_parts
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, format_table
from tucker_core.timing import Job, interleaved

ROOT = Path(__file__).resolve().parents[2]
LINEAR = ((10, 100), (100, 300), (500, 800), (1024, 1024))  # outputs, inputs
CONV = ((16, 32, 128), (64, 8, 128), (256, 14, 16))  # channels, places a side, batch
FRACTIONS = (0.02, 0.1, 0.4)  # of the dense parameters
PATTERNS = (1, 2, 4)  # rank of a kernel whose channels keep their full rank


def cases() -> Iterator[tuple[str, nn.Module, Tensor]]:
    """Layers in Tucker form with an input each."""
    layer: nn.Module
    for outputs, inputs in LINEAR:
        for fraction in FRACTIONS:
            layer = nn.Linear(inputs, outputs)
            if _compressed(layer, int(fraction * outputs * inputs)):
                for rows in (1, 32, 256):
                    name = f"linear {outputs}x{inputs} at {fraction:g}, {rows} rows"
                    yield name, layer, torch.randn(rows, inputs)
    for channels, side, batch in CONV:
        images = torch.randn(batch, channels, side, side).to(memory_format=torch.channels_last)
        shape = f"conv {channels} channels {side}x{side}, batch {batch}"
        for fraction in FRACTIONS:
            layer = nn.Conv2d(channels, channels, 3, padding=1)
            if _compressed(layer, int(fraction * channels**2 * 9)):
                yield f"{shape}, at {fraction:g}", layer, images
        for patterns in PATTERNS:
            layer = nn.Conv2d(channels, channels, 3, padding=1)
            dims = channels, channels, 9
            reshape = ReshapePlan((channels, channels, 3, 3), dims, (0, 1, 2, 3))
            plan = LayerPlan("weight", reshape, (channels, channels, patterns))
            compress_model(layer, NetworkPlan((plan,)))
            yield f"{shape}, {patterns} patterns", layer, images


def _compressed(layer: nn.Module, budget: int) -> bool:
    try:
        compress_model(layer, budget, init="scratch")
    except ValueError:  # smaller than the smallest ranks
        return False
    return True


def measure(name: str, layer: nn.Module, inputs: Tensor, seconds: float) -> dict[str, Any]:
    """Time a layer in both implementations."""
    jobs: dict[str, Job] = {}
    inputs.requires_grad_()
    for implementation in ("reconstructed", "factorized"):
        one = copy.deepcopy(layer)
        if use_implementation(one, implementation)["weight"] == implementation:
            jobs[implementation] = _step(one, inputs)
    times = interleaved(jobs, seconds)
    chosen = choose_implementations(layer, inputs.detach()[:1], len(inputs))["weight"]
    return {
        "layer": name,
        "rank": list(tucker_parts(layer)[0].plan.rank),
        "milliseconds": {how: round(1e3 * took, 3) for how, took in times.items()},
        "chosen": chosen,
        "regret": round(times[chosen] / min(times.values()), 3),
        "gain": round(times["reconstructed"] / times[chosen], 3),
    }


def _step(layer: nn.Module, inputs: Tensor) -> Job:
    upstream = torch.ones_like(layer(inputs))
    leaves = [inputs, *layer.parameters()]
    return lambda: torch.autograd.grad(layer(inputs), leaves, upstream)


def main() -> int:
    """Measure, print, write results/bench_implementations.json."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=0.5, help="for each (default: 0.5)")
    options.add_argument(
        "--out", type=Path, default=ROOT / "results" / "bench_implementations.json"
    )
    chosen = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = [measure(*case, chosen.seconds) for case in cases()]
    head = ("layer", "chosen", "regret", "gain")
    print(format_table([head, *[tuple(str(row[key]) for key in head) for row in rows]]))
    regrets = [row["regret"] for row in rows]
    summary = {"median": statistics.median(regrets), "most": max(regrets)}
    print(f"regret: median {summary['median']}, at most {summary['most']}")
    content = {"command": "python -m tools.bench.implementations", "threads": 1, "regret": summary}
    write_result(chosen.out, {**content, "rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())

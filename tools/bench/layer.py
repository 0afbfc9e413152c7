"""Time one layer forward and backward: `python -m tools.bench.layer`.

LeNet-5's first dense layer, 800 -> 500, as dims (20, 25, 50, 16) at rank (6, 6, 7, 5), batch 256, one
thread. What is reported is the time relative to nn.Linear; the gradient by the input counts too.
tltorch's layers are timed too where that package is installed; the table says so where it is not.
"""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn.functional import linear

from torch_bridge.benchmarks.results import write_result
from torch_bridge.forward.linear import factorized_linear
from torch_bridge.weights.product import tucker_product
from tucker_core import format_table
from tucker_core.timing import Job, interleaved

ROOT = Path(__file__).resolve().parents[2]
DIMS, RANK, OUT_MODES, BATCH = (20, 25, 50, 16), (6, 6, 7, 5), 2, 256
INPUTS, OUTPUTS = 800, 500
# Time relative to nn.Linear: at most (floor), and better (aim).
TARGETS = {"ours, weight rebuilt": (1.15, 1.07), "ours, factorised": (0.66, 0.5)}


def jobs() -> dict[str, Job]:
    """Build one training step's work on the layer for each way to compute it."""
    torch.manual_seed(0)
    inputs = torch.randn(BATCH, INPUTS, requires_grad=True)
    upstream = torch.randn(BATCH, OUTPUTS)
    bias = torch.zeros(OUTPUTS, requires_grad=True)
    core = torch.randn(RANK, requires_grad=True)
    factors = [torch.randn(i, j, requires_grad=True) for i, j in zip(DIMS, RANK, strict=True)]
    weight = torch.randn(OUTPUTS, INPUTS, requires_grad=True)

    def step(layer: Callable[[], Tensor], *leaves: Tensor) -> Job:
        return lambda: torch.autograd.grad(layer(), [inputs, bias, *leaves], upstream)

    def chain() -> Tensor:
        tensor = core
        for factor in factors:
            tensor = torch.tensordot(tensor, factor, dims=([0], [1]))
        return linear(inputs, tensor.reshape(OUTPUTS, INPUTS), bias)

    def rebuilt() -> Tensor:
        return linear(inputs, tucker_product(core, factors).reshape(OUTPUTS, INPUTS), bias)

    ways = {
        "nn.Linear": step(lambda: linear(inputs, weight, bias), weight),
        "plain torch chain": step(chain, core, *factors),
        "ours, weight rebuilt": step(rebuilt, core, *factors),
        "ours, factorised": step(
            lambda: factorized_linear(inputs, core, factors, OUT_MODES, bias), core, *factors
        ),
    }
    return ways | _tltorch_jobs(inputs, upstream)


def _tltorch_jobs(inputs: Tensor, upstream: Tensor) -> dict[str, Job]:
    """The same layer by tltorch, rebuilt and factorized; none where it is not installed."""
    if not find_spec("tltorch"):
        return {}
    make, features = import_module("tltorch").FactorizedLinear, (DIMS[OUT_MODES:], DIMS[:OUT_MODES])

    def step(how: str) -> Job:
        layer = make(*features, factorization="tucker", rank=RANK, implementation=how)
        for part in layer.parameters():  # tltorch leaves them as they lie in memory
            torch.nn.init.normal_(part)
        leaves = [inputs, *layer.parameters()]
        return lambda: torch.autograd.grad(layer(inputs), leaves, upstream)

    return {f"tltorch, {how}": step(how) for how in ("reconstructed", "factorized")}


def lines(times: dict[str, float]) -> list[dict[str, Any]]:
    """One record for each way: its time, relative to nn.Linear, and what that amounts to."""
    records = []
    for name, took in times.items():
        ratio = took / times["nn.Linear"]
        record = {"layer": name, "milliseconds": round(1e3 * took, 3), "relative": round(ratio, 3)}
        if name in TARGETS:
            floor, aim = TARGETS[name]
            verdict = "aim met" if ratio <= aim else "floor met" if ratio <= floor else "missed"
            record |= {"floor": floor, "aim": aim, "verdict": verdict}
        records.append(record)
    return records


def main() -> int:
    """Measure, print, write results/bench_layer.json."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=10.0, help="in all (default: 10)")
    options.add_argument("--out", type=Path, default=ROOT / "results" / "bench_layer.json")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        records = lines(interleaved(jobs(), chosen.seconds))
    head = ("layer", "milliseconds", "relative", "floor", "aim", "verdict")
    print(format_table([head, *[tuple(str(r.get(key, "")) for key in head) for r in records]]))
    has_tltorch = find_spec("tltorch") is not None
    missing = [] if has_tltorch else ["tltorch (not installed)"]
    peers = {"tensorly-torch": version("tensorly-torch")} if has_tltorch else {}
    if missing:
        print(f"left out: {', '.join(missing)}")
    command = "python -m tools.bench.layer"
    content = {"command": command, "threads": 1, "left_out": missing, "peers": peers}
    write_result(chosen.out, {**content, "rows": records})
    return 0


if __name__ == "__main__":
    sys.exit(main())

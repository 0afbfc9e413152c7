"""Who should share a core? Energy that truncation loses: `python -m tools.bench.sharing`.

At several fractions of a dense network's parameters: a core for each weight (ADA), one for each group of
weights of equal shape, and one for all (SCADA), each at the dims, ranks and factors that training begins
with. "Stored" may be less than allowed: a core is never wider than the narrowest weight that shares it.

Prints a table and writes results/bench_sharing.json; one thread, some minutes.
"""

import argparse
import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from tools.bench.model import ROOT
from torch_bridge.benchmarks.methods import METHODS, OURS, Budget, dense_weights
from torch_bridge.benchmarks.results import environment
from torch_bridge.models import build_model
from torch_bridge.state.tensors import load_weights
from torch_bridge.weights.parametrization import stored_parts
from torch_bridge.weights.tucker_weight import tucker_layers
from tucker_core import format_table
from tucker_core.files import write_json

NETWORKS = {
    "resnet20": "data/models/resnet20_cifar-10-jpeg-long.npz",
    "resnet32": "data/models/resnet32_cifar-10-jpeg.npz",
}
FRACTIONS = (0.15, 0.10, 0.05, 0.03, 0.02)


def study(name: str, dense: nn.Module, fractions: tuple[float, ...]) -> Iterator[dict[str, Any]]:
    """A row for every fraction and way to share; one that is impossible says why."""
    weights = {key: weight.detach() for key, weight in dense_weights(dense).items()}
    size = sum(weight.numel() for weight in weights.values())
    jobs = [(fraction, method) for fraction in fractions for method in OURS]
    for fraction, method in tqdm(jobs, name, unit="plan"):
        row = {"network": name, "fraction": fraction, "method": method}
        model = copy.deepcopy(dense)
        try:
            METHODS[method].put(model, Budget(bits=32 * fraction * size, each=32))
        except ValueError as error:
            yield row | {"reason": str(error)}
            continue
        stored = sum(weight.numel() for weight in parts(model))
        yield row | {"stored": stored, "energy_lost": round(energy_lost(model, weights), 4)}


def parts(model: nn.Module) -> list[torch.Tensor]:
    """All cores and factors, a shared one once."""
    found = (part for name, layer in tucker_layers(model) for part in stored_parts(layer, name)[1])
    return list(dict.fromkeys(found))


def energy_lost(model: nn.Module, weights: dict[str, torch.Tensor]) -> float:
    """Fraction of the energy of all weights together that a model's reconstructions miss."""
    reconstructed = {
        name: getattr(layer, name.rpartition(".")[2]) for name, layer in tucker_layers(model)
    }
    missed = sum(float(((reconstructed[n].detach() - w) ** 2).sum()) for n, w in weights.items())
    return missed / sum(float((w**2).sum()) for w in weights.values())


def main() -> int:
    """Weigh all networks that are there."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--out", type=Path, default=ROOT / "results", help="folder")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for name, path in NETWORKS.items():
        dense = build_model(name)
        load_weights(ROOT / path, dense)
        rows += study(name, dense, FRACTIONS)
    table = [("network", "fraction", "method", "stored", "energy lost")]
    for row in rows:
        found = (
            (f"{row['stored']:,}", f"{row['energy_lost']:.3f}")
            if "stored" in row
            else ("", row["reason"])
        )
        table.append(
            (row["network"], f"{row['fraction']:.0%}", METHODS[row["method"]].title, *found)
        )
    print(format_table(table))
    content = {"command": "python -m tools.bench.sharing", "rows": rows, "threads": 1}
    write_json(chosen.out / "bench_sharing.json", {**content, **environment()})
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Which benchmarks there are: network, parameters, data set, and what others have published."""

from functools import cache
from typing import Any

import torch

from torch_bridge.benchmarks.catalogue import BENCHMARKS
from torch_bridge.datasets.registry import IMAGE_SETS
from torch_bridge.models import MODELS
from tucker_core import format_table
from tucker_core.results import published

_SHOWN = 3


@cache
def parameters_of(model: str) -> int:
    """Count a network's parameters without drawing them.

    Examples
    --------
    >>> parameters_of("wrn28-10")
    36479194
    """
    with torch.device("meta"):
        return sum(p.numel() for p in MODELS[model]().parameters())


def listing() -> list[dict[str, Any]]:
    """One entry a benchmark: name, parameters, data set, epochs, published results."""
    return [
        {
            "name": name,
            "parameters": parameters_of(known.model),
            "data_set": IMAGE_SETS[known.data].title,
            "epochs": known.recipe.dense.epochs,
            "published": published(name),
        }
        for name, known in BENCHMARKS.items()
    ]


def listing_table() -> str:
    """The list as text: a table, and below it what is published of each network."""
    entries = listing()
    rows = [("name", "parameters", "data set", "epochs")]
    rows += [
        (e["name"], f"{e['parameters']:,}", e["data_set"], str(e["epochs"] or "")) for e in entries
    ]
    lines = [
        format_table(rows),
        "",
        "published: error (all of it, and what it counts: data/records.json)",
    ]
    for entry in entries:
        lines += [f"  {entry['name']}: {_brief(record)}" for record in entry["published"][:_SHOWN]]
    return "\n".join(lines)


def _brief(record: dict[str, Any]) -> str:
    """A record in a few words."""
    size = f", {record['bytes']:,} bytes" if "bytes" in record else ""
    error = f": {record['error']:g} %" if record["error"] is not None else f" ({record['counted']})"
    return f"{record['name']}{size}{error}"

"""Files that agree with the dense network as int8 does: int8, quantised alone, ADA trained alike.

"Quantised alone" is our rounding, training and coder on the dense weights: no Tucker. Both get the same
steps of quantisation-aware training on what the dense network says, from coarse levels to fine ones; the
smallest file that agrees as int8 does on validation inputs is the method's.
"""

import math
from collections.abc import Mapping
from typing import Any

from torch import nn

from tools.zoo.distil import Pool, Schedule, distil
from tools.zoo.files import Sized, copy_of, dense_plan, file_of, int8_file
from tools.zoo.networks import Network, loss
from tools.zoo.tuning import COUNTS, measured, pools
from torch_bridge import attach_quantizers, compress_model
from torch_bridge.weights.count import count_params

AGREEMENT = 0.99
RATE = 2e-4
RATIOS = (1.0, 1.5, 2.5, 4.0)
NAMES = ("int8 per channel, zip", "quantised alone", "ADA")
LEVELS = (1.0, 1.5, 2.5, 4.0, 8.0)
"""Ratio of parameters (1: quantised alone) and levels of what is tried, coarse ones first."""


def study(
    network: Network, steps: int, seed: int, counts: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The smallest files that agree as int8 does.

    Parameters
    ----------
    network : of the zoo, with inputs
    steps : of the optimiser, for every file
    seed : of inputs and their order
    counts : inputs of each part
    """
    dense, sets = network.build(), pools(network, seed, counts or COUNTS)
    int8 = _described(int8_file(dense, copy_of(dense)), sets, network, 1.0, None)
    wanted = min(AGREEMENT, int8["validation_agreement"])
    tried, best = [int8], math.inf
    for ratio in RATIOS:
        for levels in LEVELS:
            row = _trained(dense, sets, network, ratio, levels, steps, seed)
            tried.append(row)
            print(f"  {row}", flush=True)
            if row["validation_agreement"] >= wanted:
                best = min(best, row["n_bytes"])
                break
    fitting = [row for row in tried if row["validation_agreement"] >= wanted]
    return {
        "agreeing": network.agreeing, "wanted": wanted, "steps": steps,
        "dense_params": count_params(dense), "dense_bytes": 4 * count_params(dense),
        "inputs": {part: len(pool.inputs) for part, pool in sets.items()},
        "rows": [_smallest(fitting, name) for name in NAMES],
        "tried": tried,
    }  # fmt: skip


def _smallest(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    own = [row for row in rows if row["name"] == name]
    return min(own, key=lambda row: row["n_bytes"]) if own else {"name": name}


def _trained(
    dense: nn.Module, sets: Mapping[str, Pool], network: Network, ratio: float, levels: float, steps: int,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    student = copy_of(dense)
    if ratio == 1:
        compress_model(student, dense_plan(dense))
    else:
        compress_model(student, ratio, unit="ratio")
        distil(student, sets["train"], loss, Schedule(steps, RATE, seed=seed))
    attach_quantizers(student, levels)
    distil(student, sets["train"], loss, Schedule(steps, RATE, seed=seed + 1))
    name = "quantised alone" if ratio == 1 else "ADA"
    sized = file_of(name, student, copy_of(dense), None)
    return _described(sized, sets, network, ratio, levels)


def _described(
    sized: Sized, sets: Mapping[str, Pool], network: Network, ratio: float, levels: float | None
) -> dict[str, Any]:
    return {
        "name": sized.name, "params": sized.params, "n_bytes": sized.n_bytes,
        "ratio_of_parameters": ratio, "levels": levels,
        "validation_agreement": measured(sized, sets["validation"], network)["agreement"],
        **measured(sized, sets["test"], network),
    }  # fmt: skip

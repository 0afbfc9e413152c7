"""Four times fewer parameters and the same short training for every method, measured on the file.

Methods differ in what they store: the default plan, a factored pair of matrices by either of its two
reshapes ("order 2") or by the plain one ("svd"), and the quarter of the entries that are largest
(magnitude pruning). All are trained on what the dense network says, with the same steps,
batches and optimiser; each takes the learning rate that is best on the validation inputs. Then all are
rounded to the same levels, coded by the same coder, decoded and tested.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tools.zoo.distil import Pool, Schedule, distil, outputs_of, pool_of
from tools.zoo.files import Sized, copy_of, dense_plan, file_of
from tools.zoo.networks import Network, loss
from torch_bridge import compress_model, survey
from torch_bridge.weights.count import count_params
from torch_bridge.weights.parametrization import stored_layers, stored_parts

PARAMETER_RATIO = 4.0
LEVELS = 8.0
RATES = (3e-5, 1e-4, 3e-4)
METHODS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "svd": {"reshape": "svd"},
    "order 2": {"reshape": "order 2"},
    "pruning": {},
}
COUNTS = {"train": 1024, "validation": 192, "test": 384}


def study(
    network: Network, steps: int, seed: int, counts: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Loss and agreement of the decoded file of every method.

    Parameters
    ----------
    network : of the zoo, with inputs
    steps : of the optimiser
    seed : of inputs and their order
    counts : inputs of each part
    """
    dense, sets = network.build(), pools(network, seed, counts or COUNTS)
    rows: list[dict[str, Any]] = []
    for method in METHODS:
        same = "svd" if method == "order 2" and not _has_kernels(dense) else method
        known = next((row for row in rows if row["method"] == same), None)
        row = known or _row(dense, sets, network, same, steps, seed)
        rows.append({**row, "method": method})
    return {
        "ratio_of_parameters": PARAMETER_RATIO, "levels": LEVELS, "steps": steps,
        "inputs": {part: len(pool.inputs) for part, pool in sets.items()},
        "agreeing": network.agreeing, "dense_params": count_params(dense), "rows": rows,
    }  # fmt: skip


def _has_kernels(dense: nn.Module) -> bool:
    """Whether a weight is more than a matrix; if none is, its two reshapes of order 2 are one."""
    return any(len(weight.shape) > 2 for weight in survey(dense).weights)


def pools(network: Network, seed: int, counts: Mapping[str, int]) -> dict[str, Pool]:
    """Inputs of every part with the dense network's answers."""
    assert network.inputs is not None
    dense = network.build()
    return {
        part: pool_of(dense, network.inputs(part, count, 10 * seed + k))
        for k, (part, count) in enumerate(counts.items())
    }


def _row(
    dense: nn.Module, sets: Mapping[str, Pool], network: Network, method: str, steps: int, seed: int
) -> dict[str, Any]:
    tried = []
    for rate in RATES:
        student, after = student_of(dense, method)
        distil(student, sets["train"], loss, Schedule(steps, rate, seed=seed), after_step=after)
        sized = file_of(method, student, copy_of(dense), LEVELS, params=_params(student, method))
        tried.append((measured(sized, sets["validation"], network)["loss"], rate, sized))
        print(f"  {method} {rate:g}: validation loss {tried[-1][0]:.4f}", flush=True)
    _, rate, sized = min(tried, key=lambda entry: entry[0])
    untrained, _ = student_of(dense, method)
    start = file_of(method, untrained, copy_of(dense), LEVELS)
    return {
        "method": method, "params": sized.params, "n_bytes": sized.n_bytes, "lr": rate,
        **measured(sized, sets["test"], network),
        "before": measured(start, sets["test"], network),
    }  # fmt: skip


def measured(sized: Sized, pool: Pool, network: Network) -> dict[str, float]:
    """Loss and agreement of a decoded file on inputs."""
    assert network.agreement is not None
    said = outputs_of(sized.decoded, pool.inputs)
    return {
        "loss": round(float(loss(said, pool.targets)), 5),
        "agreement": round(network.agreement(said, pool.targets), 4),
    }


def student_of(dense: nn.Module, method: str) -> tuple[nn.Module, Callable[[], None] | None]:
    """A compressed copy, and what has to be done after each step.

    Parameters
    ----------
    dense : the network
    method : one of `METHODS`
    """
    student = copy_of(dense)
    if method != "pruning":
        compress_model(student, PARAMETER_RATIO, unit="ratio", **METHODS[method])
        return student, None
    compress_model(student, dense_plan(dense))
    after = _pruned(student)
    after()
    return student, after


def _pruned(student: nn.Module) -> Callable[[], None]:
    """Keep the largest entries of all weights together, each weighed by its tensor's deviation."""
    cores = [stored_parts(layer, name)[1][0] for name, layer in stored_layers(student)]
    total = count_params(student)
    others = total - sum(core.numel() for core in cores)
    room = int(total / PARAMETER_RATIO) - others
    sizes = torch.cat([(core / core.std()).detach().abs().flatten() for core in cores])
    least = sizes.topk(room).values[-1]
    masks: list[Tensor] = [(core / core.std()).detach().abs() >= least for core in cores]

    @torch.no_grad()
    def after() -> None:
        for core, mask in zip(cores, masks, strict=True):
            core.mul_(mask)

    return after


def _params(student: nn.Module, method: str) -> int | None:
    """Parameters that are not zero, where zeros are not stored."""
    if method != "pruning":
        return None
    return sum(int(p.count_nonzero()) for p in student.parameters())

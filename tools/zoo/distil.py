"""Short training of a compressed network on what the dense one says: no labels, no training data.

What the dense network says of a fixed pool of inputs is computed once. Every method gets the same
steps, the same batches and the same optimiser (AdamW, half a cosine, no decay), so that only the
compressed network differs; the learning rate is chosen for each on validation inputs.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from torch_bridge.state.checkpoint import load_checkpoint, restore_weights, save_checkpoint
from torch_bridge.state.fingerprint import digest, fingerprint

Loss = Callable[[Tensor, Tensor], Tensor]
Look = Callable[[], dict[str, float]]
BATCH = 64  # inputs at once where nothing is trained


@dataclass(frozen=True)
class Schedule:
    """How long to train, and how fast.

    Attributes
    ----------
    steps : of the optimiser
    lr : highest learning rate
    batch : inputs a step
    seed : of the order of the inputs
    look_every : steps between two looks at the network, and between two checkpoints; 0 for none
    """

    steps: int
    lr: float
    batch: int = 16
    seed: int = 0
    look_every: int = 0


@dataclass(frozen=True)
class Pool:
    """Inputs and what the dense network says of them.

    Attributes
    ----------
    inputs : (n, ...)
    targets : (n, ...)
    """

    inputs: Tensor
    targets: Tensor


@torch.no_grad()
def outputs_of(network: nn.Module, inputs: Tensor) -> Tensor:
    """What a network says of inputs, as it is used and not as it is trained.

    Examples
    --------
    >>> outputs_of(nn.Linear(3, 2), torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """
    training = network.training
    network.eval()
    said = [network(batch) for batch in torch.split(inputs, BATCH)]
    network.train(training)
    return torch.cat(said)


def pool_of(dense: nn.Module, inputs: Tensor) -> Pool:
    """A pool of inputs with the dense network's answers."""
    return Pool(inputs, outputs_of(dense, inputs))


def distil(
    student: nn.Module,
    pool: Pool,
    loss: Loss,
    schedule: Schedule,
    *,
    after_step: Callable[[], None] | None = None,
    look: Look | None = None,
    checkpoint: Path | None = None,
) -> list[dict[str, float]]:
    """Train a network, in place, to say what the dense one said.

    Parameters
    ----------
    student : a network that takes the pool's inputs
    pool : inputs and targets
    loss : of outputs and targets
    schedule : how
    after_step : called after each step, as pruning needs
    look : measures the network at every look
    checkpoint : written at every look; the same run goes on from it

    Returns
    -------
    a row for each look: step, processor seconds of all steps so far, and what `look` found

    Examples
    --------
    >>> student, pool = nn.Linear(3, 2), pool_of(nn.Linear(3, 2), torch.randn(20, 3))
    >>> rows = distil(student, pool, nn.functional.mse_loss, Schedule(4, 1e-2, 5, look_every=2))
    >>> [row["step"] for row in rows]
    [2, 4]
    """
    optimizer = torch.optim.AdamW(student.parameters(), schedule.lr, weight_decay=0.0)
    run = fingerprint(schedule=asdict(schedule), pool=digest([pool.inputs[:64], pool.targets[:64]]))
    step, spent, rows = _resumed(student, optimizer, checkpoint, run)
    student.train()
    began = time.process_time()
    while step < schedule.steps:
        _step(student, optimizer, pool, loss, schedule, step)
        step += 1
        if after_step is not None:
            after_step()
        if schedule.look_every and (step % schedule.look_every == 0 or step == schedule.steps):
            spent += time.process_time() - began
            found = look() if look else {}
            rows.append({"step": step, "cpu_seconds": round(spent, 1), **found})
            if checkpoint is not None:
                _save(student, optimizer, checkpoint, run, rows)
            began = time.process_time()
    student.eval()
    return rows


def _step(
    student: nn.Module,
    optimizer: torch.optim.Optimizer,
    pool: Pool,
    loss: Loss,
    schedule: Schedule,
    step: int,
) -> None:
    generator = torch.Generator().manual_seed(1_000_003 * schedule.seed + step)
    chosen = torch.randint(len(pool.inputs), (schedule.batch,), generator=generator)
    for group in optimizer.param_groups:
        group["lr"] = schedule.lr * _share(step, schedule.steps)
    optimizer.zero_grad()
    loss(student(pool.inputs[chosen]), pool.targets[chosen]).backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(student.parameters(), 5.0)
    optimizer.step()


def _share(step: int, steps: int) -> float:
    """Of the highest learning rate: a short way up, half a cosine down."""
    warm = max(1.0, 0.05 * steps)
    cosine = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * step / steps)).item())
    return min(1.0, (step + 1) / warm) * cosine


def _resumed(
    student: nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Path | None, run: str
) -> tuple[int, float, list[dict[str, float]]]:
    state = load_checkpoint(checkpoint, run) if checkpoint is not None else None
    if state is None:
        return 0, 0.0, []
    restore_weights(student, optimizer, state)
    rows = [dict(state["rows"][k]) for k in sorted(state["rows"])]
    return int(rows[-1]["step"]), float(rows[-1]["cpu_seconds"]), rows


def _save(
    student: nn.Module,
    optimizer: torch.optim.Optimizer,
    checkpoint: Path,
    run: str,
    rows: list[dict[str, float]],
) -> None:
    state: dict[str, Any] = {
        "model": student.state_dict(),
        "optimizer": optimizer.state_dict()["state"],
        "rows": dict(enumerate(rows)),
    }
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(checkpoint, run, state)

"""Distillation without labels: a compressed model learns to give what the dense one gives."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from torch_bridge.state.progress import progress_bar
from tucker_core.files import replacing


def distill(
    model: nn.Module,
    teacher: nn.Module,
    batches: Sequence[Tensor],
    *,
    epochs: int,
    lr: float = 1e-3,
    checkpoint: Path | None = None,
    progress: bool = True,
) -> None:
    """Train a model, in place, on the outputs of another.

    Parameters
    ----------
    model : compressed
    teacher : the dense one, in the mode that it is used in
    batches : inputs; each epoch takes all of them, in this order
    epochs : passes over the batches
    lr : of AdamW at the start; it falls along a cosine to 0
    checkpoint : a file that is written after each epoch, and that training goes on from where it is there
    progress : show a progress bar

    Raises
    ------
    ValueError
        If the checkpoint is that of another training.

    Examples
    --------
    >>> teacher, model = nn.Linear(3, 2), nn.Linear(3, 2)
    >>> distill(model, teacher, [torch.eye(3)] * 20, epochs=40, lr=0.05, progress=False)
    >>> bool((model(torch.eye(3)) - teacher(torch.eye(3))).abs().max() < 0.05)
    True
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(batches))
    done = 0
    if checkpoint is not None and checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        if kept["of"] != [epochs, len(batches), lr]:
            raise ValueError(f"{checkpoint} is of another training; delete it or name another")
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        schedule.load_state_dict(kept["schedule"])
        done = kept["done"]
    with progress_bar("fine-tuning", epochs, "epoch", shown=progress, done=done) as bar:
        for epoch in range(done, epochs):
            for inputs in batches:
                loss = _distance(model(inputs), _without_gradients(teacher, inputs))
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
            bar.update()
            if checkpoint is not None:
                content = {
                    "of": [epochs, len(batches), lr], "done": epoch + 1,
                    "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                }  # fmt: skip
                with replacing(checkpoint) as temporary:
                    torch.save(content, temporary)


def _without_gradients(teacher: nn.Module, inputs: Tensor) -> object:
    with torch.no_grad():
        return teacher(inputs)


def _distance(found: object, wanted: object) -> Tensor:
    """Squared distance of all floating-point outputs, in parts of their mean square."""
    pairs = zip(tree_leaves(found), tree_leaves(wanted), strict=True)
    terms = [
        (a - b).square().mean() / b.square().mean().clamp_min(1e-12)
        for a, b in pairs
        if isinstance(b, Tensor) and b.is_floating_point()
    ]
    return torch.stack(terms).sum()

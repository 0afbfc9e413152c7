"""What a run depends on, as one short hash that its checkpoints and results carry.

A file is only ever gone on from, or shown again, by a run of the same fingerprint. It covers every
setting, the data, the seed, the first weights, and the precision that "auto" came to on this machine.
"""

import hashlib
import json
from collections.abc import Iterable

import torch
from torch import Tensor, nn

SCHEMA = 2  # raised when what is kept changes, or what the same settings compute


def fingerprint(**facts: object) -> str:
    """Hash everything that decides a run's result into 16 hex digits.

    Parameters
    ----------
    facts : numbers, texts, and nested lists and dicts of these

    Raises
    ------
    TypeError
        If a fact is of another kind, whose text could change from run to run.

    Examples
    --------
    >>> fingerprint(seed=0) == fingerprint(seed=0), fingerprint(seed=0) == fingerprint(seed=1)
    (True, False)
    """
    text = json.dumps({"schema": SCHEMA, "facts": facts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest(tensors: Iterable[Tensor]) -> str:
    """Hash the contents of tensors, their shapes and dtypes into 16 hex digits.

    Examples
    --------
    >>> digest([torch.zeros(2)]) == digest([torch.ones(2)])
    False
    >>> digest([torch.zeros(2, 3)]) == digest([torch.zeros(3, 2)])
    False
    """
    content = hashlib.sha256()
    for tensor in tensors:
        content.update(f"{tensor.dtype} {tuple(tensor.shape)};".encode())
        content.update(_bytes(tensor))
    return content.hexdigest()[:16]


def digest_weights(model: nn.Module) -> str:
    """Hash the values of a model, as published results name the network that they began with."""
    content = hashlib.sha256()
    for tensor in model.state_dict().values():
        content.update(_bytes(tensor))
    return content.hexdigest()[:16]


def digest_file(content: bytes) -> str:
    """Hash the bytes of a file into 16 hex digits.

    Examples
    --------
    >>> digest_file(b"") == digest_file(b"a")
    False
    """
    return hashlib.sha256(content).hexdigest()[:16]


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data

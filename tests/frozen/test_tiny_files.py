"""The same seed on the same kind of machine writes the very same file, today and after any clean-up."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import torch

from tests.frozen.tiny_files import IMPLEMENTATIONS, KNOWN, digests, machine


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums of several threads are added in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_tiny_runs_write_the_known_bytes(one_thread: None, implementation: str) -> None:
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    if machine() not in known:
        pytest.skip(f"no bytes are known of {machine()}")
    assert digests(implementation) == known[machine()][implementation], (
        "a trained file changed; if that is meant, say so in CHANGELOG.md, make the published results "
        "anew, and run: python -m tests.frozen.tiny_files"
    )

"""Freed memory is kept while training and given back afterwards."""

from __future__ import annotations

import resource
import sys

import pytest
import torch

from torch_bridge.state.memory import freed_memory_kept

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
BLOCKS, SIZE = 8, 4 << 20  # float32 numbers, 16 MB each


def faults() -> int:
    """Pages that the system had to give anew while blocks are taken and given back."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        blocks = [torch.ones(SIZE) for _ in range(BLOCKS)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_blocks_come_from_kept_memory_inside_and_not_after() -> None:
    with freed_memory_kept():
        faults()
        inside = faults()
        held = resident()
    assert inside < 1_000, "5 x 128 MB are 160,000 pages of 4 kB"
    assert resident() < held - BLOCKS * SIZE * 4 / 2, "given back"


def resident() -> int:
    """Bytes that the process holds now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return 4096 * int(file.read().split()[1])

"""Freed memory is kept where the C library can: fewer fresh pages, counted in new processes."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from torch_bridge import allocator, cli

PAGES = """
import resource, sys
import numpy as np
from torch_bridge.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def fill():
    np.ones(8_000_000)
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def fresh_pages(kind: str) -> int:
    """Pages that ten large arrays, one after another, get from the system."""
    words = [sys.executable, "-c", PAGES, kind]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_large_arrays_reuse_the_pages_of_freed_ones() -> None:
    assert 20 * fresh_pages("keep") < fresh_pages("give back")


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not allocator.keep_freed_memory()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocator.keep_freed_memory()


def test_the_command_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(cli, "keep_freed_memory", lambda: asked.append(True))
    assert cli.main(["bench", "--list"]) == 0
    assert asked

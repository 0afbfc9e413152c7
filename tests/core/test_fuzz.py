"""Damaged and forged files: each is refused by name or is the original; none hangs or takes memory."""

import contextlib
import time
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest

from tests.core.tiny_networks import same, small_lenet300
from tucker_core import FileFormatError, from_bytes, to_bytes
from tucker_core.codec import Encoder

Damage = Callable[[bytearray, np.random.Generator], None]


def flip(content: bytearray, rng: np.random.Generator) -> None:
    at = int(rng.integers(8 * len(content)))
    content[at // 8] ^= 1 << at % 8


def cut(content: bytearray, rng: np.random.Generator) -> None:
    del content[int(rng.integers(len(content))) :]


def insert(content: bytearray, rng: np.random.Generator) -> None:
    at = int(rng.integers(len(content)))
    content[at:at] = rng.bytes(int(rng.integers(1, 9)))


def overwrite(content: bytearray, rng: np.random.Generator) -> None:
    at = int(rng.integers(min(len(content), 40)))
    content[at] = int(rng.choice([0, 1, 127, 128, 255]))


def sealed(body: bytes) -> bytes:
    """A file with a valid checksum around any body."""
    return b"ADA\x02" + zlib.crc32(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("damage", [flip, cut, insert, overwrite])
def test_twenty_thousand_damaged_files(damage: Damage) -> None:
    rng = np.random.default_rng(0)
    network = small_lenet300()
    content = to_bytes(network)
    refused = 0
    for _ in range(5_000):
        damaged = bytearray(content)
        damage(damaged, rng)
        try:
            assert same(from_bytes(bytes(damaged)), network)
        except FileFormatError:
            refused += 1
    assert refused > 4_000  # an overwritten byte may be the old one


@pytest.mark.parametrize("damage", [flip, cut, insert, overwrite])
def test_damage_behind_a_valid_checksum_never_crashes_hangs_or_takes_memory(damage: Damage) -> None:
    rng = np.random.default_rng(1)
    content = to_bytes(small_lenet300())
    tracemalloc.start()
    slowest = 0.0
    for _ in range(300):
        body = bytearray(content[8:])
        for _ in range(3):
            damage(body, rng) if body else None
        started = time.process_time()
        with contextlib.suppress(FileFormatError):  # anything else would be red
            from_bytes(sealed(bytes(body)))
        slowest = max(slowest, time.process_time() - started)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
    assert slowest < 1


@pytest.mark.parametrize("seed", range(3))
def test_random_bodies_never_crash(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(300):
        with contextlib.suppress(FileFormatError):
            from_bytes(sealed(rng.bytes(int(rng.integers(0, 60)))))


def named(*shape: int) -> Encoder:
    """The start of a file of an unknown architecture with one parameter of that shape."""
    encoder = Encoder()
    encoder.choice(255, 256)
    encoder.text("n")
    encoder.integer(1)
    encoder.text("w")
    encoder.choice(len(shape) - 1, 8)
    for dim in shape:
        encoder.integer(dim)
    return encoder


def test_giant_declared_shapes_take_no_memory_and_no_time() -> None:
    tracemalloc.start()
    started = time.process_time()
    for shape in [(1 << 20, 1 << 20), (1 << 28,) * 8, (1 << 14, 1 << 13), (8191, 32749)]:
        with pytest.raises(FileFormatError, match=r"declares|padded to"):
            from_bytes(sealed(named(*shape).content() + bytes(9)))
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()
    assert time.process_time() - started < 1


def test_an_unknown_architecture_number_and_too_many_parameters_are_named() -> None:
    encoder = Encoder()
    encoder.choice(77, 256)
    with pytest.raises(FileFormatError, match="architecture number 77"):
        from_bytes(sealed(encoder.content()))
    encoder = Encoder()
    encoder.choice(255, 256)
    encoder.text("n")
    encoder.integer(5_000)
    with pytest.raises(FileFormatError, match="5000 where at most 4096"):
        from_bytes(sealed(encoder.content()))

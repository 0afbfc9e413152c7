"""Damaged and forged files: each is refused by name or is the original; none hangs or takes memory."""

import contextlib
import time
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest

from tests.tucker_core.tiny_networks import parameter, same, small_lenet300
from tucker_core import (
    CodedParameter,
    CompressedNetwork,
    FileFormatError,
    ReshapePlan,
    from_bytes,
    to_bytes,
)
from tucker_core.codec import Encoder
from tucker_core.stream import write_network

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


def append(content: bytearray, rng: np.random.Generator) -> None:
    content += rng.bytes(int(rng.integers(1, 9))) if rng.integers(2) else bytes(4)


def change_the_end(content: bytearray, rng: np.random.Generator) -> None:
    content[-1 - int(rng.integers(2))] ^= 1 << int(rng.integers(8))


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


@pytest.mark.parametrize(("damage", "most"), [(append, 0), (change_the_end, 100), (cut, 5)])
def test_what_was_done_to_the_end_behind_a_valid_checksum_is_refused(
    damage: Damage, most: int
) -> None:
    rng = np.random.default_rng(2)
    content = to_bytes(small_lenet300())
    accepted = 0
    for _ in range(200):
        body = bytearray(content[8:])
        damage(body, rng)
        with contextlib.suppress(FileFormatError):
            back = from_bytes(sealed(bytes(body)))
            accepted += 1  # the file of another network
            assert not same(back, small_lenet300())
    assert accepted <= most


class Liar(Encoder):
    """An encoder that now and then writes another choice than it is told."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._rng = np.random.default_rng(seed)
        self._share = self._rng.choice([0.002, 0.02, 0.1])

    def choice(self, value: int, count: int) -> None:
        if 1 < count <= 1 << 16 and self._rng.random() < self._share:
            value = int(self._rng.choice((0, 1, count - 1, int(self._rng.integers(count)))))
        super().choice(value, count)


def named_network() -> CompressedNetwork:
    """Permuted, padded and plain parameters, what is shared, and names."""
    core, factor = (
        np.array([[1, 2], [-3, 0]], np.int32),
        np.arange(12, dtype=np.int32).reshape(6, 2),
    )
    plans = [ReshapePlan((3, 2, 6), (6, 6), (2, 1, 0)), ReshapePlan((6, 6), (6, 6), (0, 1))]
    sharing = [
        CodedParameter(f"w{k}", plan, core, (factor, factor), -7) for k, plan in enumerate(plans)
    ]
    padded = ReshapePlan((7,), (2, 4), (0,), padded=(8,))
    last = CodedParameter("ä", padded, np.ones((2, 4), np.int32), (None, None), 5)
    return CompressedNetwork("any", (*sharing, parameter("v", (3, 5), (3, 4), 1), last))


@pytest.mark.parametrize("network", [small_lenet300(), named_network()])
def test_a_stream_of_lies_is_refused_or_a_network_like_any_other(
    network: CompressedNetwork,
) -> None:
    accepted = 0
    for seed in range(400):
        liar = Liar(seed)
        write_network(liar, network)
        try:
            back = from_bytes(sealed(liar.content()))
        except FileFormatError:
            continue
        accepted += 1
        assert same(from_bytes(to_bytes(back)), back)
    assert 0 < accepted < 300


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
    with pytest.raises(FileFormatError, match="where at most 3 can be"):
        from_bytes(sealed(encoder.content()))


def plain_file(architecture: str, *names: str) -> bytes:
    """A file of parameters of two zeros each."""
    encoder = Encoder()
    encoder.choice(255, 256)
    encoder.text(architecture)
    encoder.integer(len(names))
    for name in names:
        encoder.text(name)
        encoder.choice(0, 8)
        encoder.integer(2)
        encoder.choice(2048, 4096)
        encoder.choice(0, 2)
    for _ in names:
        encoder.choice(0, 31)
    return sealed(encoder.content())


def test_what_no_encoder_writes_is_named() -> None:
    assert [p.name for p in from_bytes(plain_file("n", "w", "v")).parameters] == ["w", "v"]
    with pytest.raises(FileFormatError, match="two parameters are called w;"):
        from_bytes(plain_file("n", "w", "w"))
    with pytest.raises(FileFormatError, match="gives the name of lenet5; it has the number 0"):
        from_bytes(plain_file("lenet5", "w"))
    with pytest.raises(FileFormatError, match=r"two parameters are called \\x1b\[2J;"):
        from_bytes(plain_file("n", "\x1b[2J", "\x1b[2J"))
    encoder = named(2)
    encoder.choice(0, 4096)
    for digit in (129, 128, 0):
        encoder.choice(digit, 256)
    with pytest.raises(FileFormatError, match="w: an integer of 1 ends in a zero"):
        from_bytes(sealed(encoder.content()))

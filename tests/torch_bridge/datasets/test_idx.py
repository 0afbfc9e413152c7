"""The IDX format: round trips, and every way in which a file can be wrong."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.torch_bridge.tiny_mnist import to_idx
from torch_bridge.datasets import DataError, idx, parse_idx, read_idx
from torch_bridge.datasets.idx import UInt8Array

LABELS = np.array([7, 2, 1, 0], np.uint8)


@st.composite
def arrays(draw: st.DrawFn) -> UInt8Array:
    """Draw uint8 arrays of order 1 to 3, no size 0."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=6))
    return draw(hnp.arrays(np.uint8, shape))


@given(arrays())
def test_parse_idx_round_trip(array: UInt8Array) -> None:
    parsed = parse_idx(to_idx(array), "array")
    assert parsed.dtype == np.uint8
    assert parsed.flags.writeable
    np.testing.assert_array_equal(parsed, array)


@given(arrays(), st.data())
def test_parse_idx_refuses_any_truncation(array: UInt8Array, data: st.DataObject) -> None:
    content = to_idx(array)
    length = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(DataError, match=r"^array: truncated: found"):
        parse_idx(content[:length], "array")


@pytest.mark.parametrize("name", ["labels", "labels.gz"])
def test_read_idx_plain_and_gz(tmp_path: Path, name: str) -> None:
    content = to_idx(LABELS)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    np.testing.assert_array_equal(read_idx(str(path)), LABELS)


BAD_FILES = {
    "empty": ("labels", b"", "truncated: found 0 bytes, expected at least the magic's 4"),
    "header": ("labels", to_idx(LABELS)[:7], "truncated: found 7 bytes, expected a header of 8"),
    "few": ("labels", to_idx(LABELS)[:-1], r"truncated: found 3 values, expected 4 .*\(4,\)"),
    "many": ("labels", to_idx(LABELS) + b"\0", "too long: found at least 5 values, expected 4"),
    "type": ("labels", b"\0\0\x0d\1" + bytes(8), "wrong magic: found 0x00000d01, expected 0x0000"),
    "order": ("labels", b"\0\0\x08\0", "wrong magic: found 0x00000800"),
    "zero": ("labels", b"\0\0\x08\1" + bytes(4), "wrong count: found a size of 0"),
    "giant": (
        "labels",
        b"\0\0\x08\3" + b"\xff" * 12,
        r"header declares shape \(4294967295, .* expected at most 67,108,864",
    ),
    "not gzip": ("labels.gz", to_idx(LABELS), "not gzip .*: found first bytes 0x0000, expected 0x"),
    "empty gz": ("labels.gz", b"", "not gzip though named .gz"),
    "gz cut": ("labels.gz", gzip.compress(to_idx(LABELS))[:-5], "truncated: .* gzip stream"),
    "gz crc": (
        "labels.gz",
        gzip.compress(to_idx(LABELS))[:-8] + bytes(8),
        "damaged gzip stream: found CRC check failed",
    ),
    "gz body": ("labels.gz", gzip.compress(b"")[:10] + b"\xff" * 30, "damaged gzip stream"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_read_idx_names_what_is_wrong(tmp_path: Path, case: str) -> None:
    name, content, message = BAD_FILES[case]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["labels", "labels.gz"])
def test_read_idx_missing_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: cannot be read: No such file"):
        read_idx(tmp_path / name)


def test_giant_header_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(b"\0\0\x08\1" + struct.pack(">I", idx.MAX_BYTES - 8) + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="truncated: found 100 values"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * idx.CHUNK_BYTES
    finally:
        tracemalloc.stop()


def test_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(to_idx(LABELS) + bytes(1 << 25), compresslevel=1))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="too long"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * idx.CHUNK_BYTES
    finally:
        tracemalloc.stop()

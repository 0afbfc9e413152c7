"""The decoder in JavaScript, written from docs/file_format.md, gives what `tucker_core` gives."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.playground.engine import Engine
from tests.tucker_core.tiny_networks import parameter, small_lenet300
from tucker_core import (
    ARCHITECTURES,
    CodedParameter,
    CompressedNetwork,
    FileFormatError,
    ReshapePlan,
    coded_bits,
    from_bytes,
    to_bytes,
)

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "data").rglob("*.ada")) + sorted((ROOT / "results").rglob("*.ada"))


def assert_decodes_to_the_same(engine: Engine, content: bytes) -> None:
    assert engine.decode(content) == ""
    network = from_bytes(content)
    assert engine.run("net.architecture") == network.architecture
    assert engine.json("net.parameters.map((p) => p.name)") == [p.name for p in network.parameters]
    for k, one in enumerate(network.parameters):
        assert engine.run(f"net.parameters[{k}].scaleCode") == one.scale_code
        for n, tensor in enumerate((one.core, *one.factors)):
            if tensor is None:
                assert engine.run(f"net.parameters[{k}].tensors[{n}] === null")
                continue
            values = engine.array(f"net.parameters[{k}].tensors[{n}].values", np.int32)
            assert np.array_equal(values, tensor.ravel()), (one.name, n)
    weights = network.to_dense()
    assert engine.json("Object.keys(dense)") == list(weights)
    for name, weight in weights.items():
        bits = engine.array(f"dense[{json.dumps(name)}]", np.uint32)
        assert np.array_equal(bits, weight.ravel().view(np.uint32)), name


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_decode_to_the_same_integers_and_weights(engine: Engine, path: Path) -> None:
    assert_decodes_to_the_same(engine, path.read_bytes())


def odd_networks() -> dict[str, CompressedNetwork]:
    """What no shipped file has: padding, mixed modes, wide ranks, zeros, extremes, other names."""
    rng = np.random.default_rng(25)
    whole = parameter("a/ä", (6, 20), (4, 3, 2), 61)
    shared = CodedParameter("again", whole.reshape, whole.core, whole.factors, -2047)
    mixed = ReshapePlan((4, 6, 5), (10, 12), (2, 0, 1))
    longer = ReshapePlan((10, 997), (10, 27, 37), (0, 1), padded=(10, 999))
    wide = tuple(rng.integers(-9, 10, shape).astype(np.int32) for shape in ((10, 12), (12, 12)))
    extreme = rng.integers(-32_768, 32_769, (3, 50)).astype(np.int32)
    plain = ReshapePlan((3, 50), (3, 50), (0, 1))
    long = ReshapePlan((70_000, 2), (70_000, 2), (0, 1))  # ranks are choices among 70,001
    tall, tower = np.ones((1, 2), np.int32), rng.integers(-1, 2, (70_000, 1)).astype(np.int32)
    cube = np.arange(8, dtype=np.int32).reshape(2, 2, 2)
    thin = [rng.integers(-2, 3, (dim, 2)).astype(np.int32) for dim in (10, 27, 37)]
    return {
        "lenet300": small_lenet300(),
        "nothing": CompressedNetwork("", ()),
        "zero": CompressedNetwork("lenet5", ()),
        "many": CompressedNetwork("n", tuple(parameter(f"p{k}", (9, 8), (2, 2), k) for k in range(90))),
        "long": CompressedNetwork("long", (CodedParameter("long", long, tall, (tower, None), 0),)),
        "shared": CompressedNetwork("none of these", (whole, shared)),
        "odd": CompressedNetwork(
            "odd",
            (
                CodedParameter("mixed", mixed, np.ones((12, 12), np.int32), wide, 77),
                CodedParameter("longer", longer, cube, tuple(thin), 5),
                CodedParameter("extreme", plain, extreme, (None, None), 2047),
                CodedParameter("blank", plain, np.zeros((3, 50), np.int32), (None, None), 0),
            ),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", odd_networks())
def test_odd_networks_decode_to_the_same(engine: Engine, name: str) -> None:
    assert_decodes_to_the_same(engine, to_bytes(odd_networks()[name]))


def test_the_tables_of_known_architectures_are_the_same(engine: Engine) -> None:
    for name, table in ARCHITECTURES.items():
        shapes = {key: list(shape) for key, shape in table.items()}
        assert engine.json(f"parameterTable({name!r})") == shapes
        assert engine.json(f"Object.keys(parameterTable({name!r}))") == list(table)


@pytest.mark.parametrize("path", SHIPPED[:3], ids=lambda path: path.stem)
def test_the_bytes_of_each_part_add_up(engine: Engine, path: Path) -> None:
    content = path.read_bytes()
    assert engine.decode(content) == ""
    told = engine.json("fileParts(net).map(([, bits]) => bits)")
    coded = coded_bits(from_bytes(content))
    assert told[3:] == pytest.approx(list(coded.values()), rel=1e-4)  # the table is rounded
    assert 8 * len(content) - 16 < sum(told) < 8 * len(content) + 8


def sealed(body: bytes) -> bytes:
    return b"ADA\x02" + zlib.crc32(body).to_bytes(4, "little") + body


SMALL = (ROOT / "data" / "models" / "lenet5_small.ada").read_bytes()
DAMAGED = {
    "nothing": (b"", "not an .ada file"),
    "another file": (b"\x89PNG\r\n", "not an .ada file"),
    "cut in the prefix": (SMALL[:6], "ends after 6 bytes"),
    "another version": (b"ADA\x03" + SMALL[4:], "format version 3"),
    "cut": (SMALL[:-1], "damaged or was cut off"),
    "a bit": (SMALL[:400] + bytes([SMALL[400] ^ 1]) + SMALL[401:], "damaged or was cut off"),
    "a byte more": (sealed(SMALL[8:] + b"\0"), "bytes were added, lost or changed"),
    "an architecture of tomorrow": (sealed(b"\x80" + bytes(8)), "number 128, which is not known"),
}


@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_refused_with_a_reason(
    engine: Engine, content: bytes, message: str
) -> None:
    assert message in engine.decode(content)
    with pytest.raises(FileFormatError):
        from_bytes(content)


def test_forged_streams_are_taken_or_refused_by_both(engine: Engine) -> None:
    """Behind a valid checksum: the two agree on what is a file, and neither hangs or breaks."""
    rng = np.random.default_rng(7)
    for k in range(40):
        body = bytearray(SMALL[8:])
        body[int(rng.integers(60))] ^= 1 << int(rng.integers(8))
        content = sealed(bytes(body[: len(body) - int(rng.integers(0, 2)) * k]))
        try:
            from_bytes(content)
        except FileFormatError:
            assert engine.decode(content)
        else:
            assert_decodes_to_the_same(engine, content)

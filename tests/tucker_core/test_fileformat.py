"""The .ada file: round trips, honest sizes, foreign files, failed writes."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tucker_core.tiny_networks import parameter, same, small_lenet300
from tucker_core import (
    ARCHITECTURES,
    CodedParameter,
    CompressedNetwork,
    FileFormatError,
    ReshapePlan,
    coded_bits,
    fileformat,
    from_bytes,
    limits,
    load,
    names,
    plan_reshape,
    quantize,
    save,
    stream,
    to_bytes,
)
from tucker_core.quantize import SCALE_CODES, WIDE_SCALE_CODES
from tucker_core.symbol_model import CODES, SIZES

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("data", "results")
    for path in (ROOT / folder).rglob("*.ada")
)

scale_codes = st.integers(-300, 300)


def test_file_round_trip(tmp_path: Path) -> None:
    network = small_lenet300()
    written = save(tmp_path / "net.ada", network)
    back = load(tmp_path / "net.ada")
    assert same(network, back)
    assert written.n_bytes == back.n_bytes == (tmp_path / "net.ada").stat().st_size
    assert to_bytes(back) == (tmp_path / "net.ada").read_bytes() == to_bytes(network)
    dense = back.to_dense()
    assert {name: a.shape for name, a in dense.items()} == ARCHITECTURES["lenet300"]
    assert not dense["fc1.bias"].any()
    assert back.dense_bytes == 4 * 266_610


@pytest.mark.parametrize("path", SHIPPED)
def test_every_shipped_file_is_read_and_written_again_byte_by_byte(path: str) -> None:
    network = load(ROOT / path)
    assert to_bytes(network) == (ROOT / path).read_bytes()


def test_all_but_the_integers_takes_a_few_bytes() -> None:
    network = small_lenet300()
    around = len(to_bytes(network)) - sum(coded_bits(network).values()) / 8
    tensors = 4 + 4 + 3 + 1
    assert around < 8 + 4 * 8 + tensors * 13 / 8 + 2  # prefix, records, models, the coder's end


@given(st.data())
def test_any_network_comes_back(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    parameters: list[CodedParameter] = []
    for k in range(data.draw(st.integers(0, 4))):
        shape = tuple(data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
        permutation = tuple(data.draw(st.permutations(range(len(shape)))))
        padded = tuple(dim + data.draw(st.sampled_from([0, 0, 1])) for dim in shape)
        dims = plan_reshape(padded, data.draw(st.integers(1, 4)), mixed=True).dims
        if padded == shape:
            padded = ()
        parts = []
        for dim in dims:
            r = data.draw(st.integers(1, dim + 2))
            has_factor = r != dim or data.draw(st.booleans())
            size = (dim, r)
            earlier = [t for p in parameters for t in p.tensors if t.shape == size]
            reused = bool(earlier) and data.draw(st.booleans())
            new = rng.integers(-3, 4, size).astype(np.int32)
            parts.append((r, (earlier[0] if reused else new) if has_factor else None))
        rank = tuple(r for r, _ in parts)
        fitting = [p.core for p in parameters if p.core.shape == rank]
        core = rng.integers(-9, 9, rank).astype(np.int32)
        if bool(fitting) and data.draw(st.booleans()):
            core = fitting[0]
        plan = ReshapePlan(shape, dims, permutation, padded=padded)
        factors = tuple(f for _, f in parts)
        parameters.append(CodedParameter(f"p{k}", plan, core, factors, data.draw(scale_codes)))
    network = CompressedNetwork("any", tuple(parameters))
    back = from_bytes(to_bytes(network))
    assert same(network, back)
    assert back.n_params == network.n_params
    assert to_bytes(back) == to_bytes(network)
    assert [p.reshape for p in back.parameters] == [p.reshape for p in network.parameters]


def test_an_unknown_architecture_keeps_names_shapes_permutations_and_sharing() -> None:
    rng = np.random.default_rng(0)
    core = quantize(rng.standard_normal((2, 2)), 0.3)
    factor = quantize(rng.standard_normal((6, 2)), 0.3)
    plan = ReshapePlan((3, 2, 6), (6, 6), (2, 1, 0))
    one = CodedParameter("block.0.weight", plan, core, (factor, factor), -7)
    two = CodedParameter(
        "gewicht ä", ReshapePlan((6, 6), (6, 6), (0, 1)), core, (factor, factor), 3
    )
    network = CompressedNetwork("my net", (one, two))
    back = from_bytes(to_bytes(network))
    assert same(network, back)
    assert back.parameters[1].core is back.parameters[0].core
    assert back.parameters[0].factors[0] is back.parameters[1].factors[1]
    assert back.n_params == network.n_params == 4 + 12
    assert back.dense_bytes == 4 * 72


def test_a_square_factor_is_kept_apart_from_none() -> None:
    square = quantize(np.array([[0.0, 1.0], [1.0, 0.0]]), 1.0)
    core = np.array([[1, 2], [3, 4]], np.int32)
    weight = CodedParameter("w", plan_reshape((2, 2), 2), core, (square, None), 0)
    network = CompressedNetwork("n", (weight,))
    np.testing.assert_array_equal(from_bytes(to_bytes(network)).to_dense()["w"], [[3, 4], [1, 2]])


def test_parts_that_do_not_fit_are_refused() -> None:
    core = np.ones((2, 2), np.int32)
    with pytest.raises(ValueError, match="does not reach"):
        CodedParameter("w", plan_reshape((2, 3), 2), core, (None, None), 0)
    with pytest.raises(ValueError, match="scale code is 50000"):
        CodedParameter("w", plan_reshape((2, 2), 2), core, (None, None), 50_000)
    wrong = CompressedNetwork("lenet300", (parameter("fc1.weight", (10, 100), (10, 2, 2), 0),))
    with pytest.raises(ValueError, match=r"fc1.weight of shape \(10, 100\)"):
        to_bytes(wrong)


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.ada"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"os.{failing}", full)
    with pytest.raises(OSError, match="No space"):
        save(path, small_lenet300())
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["net.ada"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an .ada file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "not an .ada file"),
        (b"ADA\x01" + bytes(20), "version 1; this program reads versions 2 and 3"),
        (b"ADA\x02ab", "ends after 6 bytes"),
        (b"ADA\x02" + bytes(20), "checksum"),
    ],
)
def test_foreign_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.ada"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=f"x.ada: .*{message}"):
        load(path)


def test_a_giant_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.ada"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileFormatError, match=r"x\.ada: starts with .*not an \.ada file"):
        load(path)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_the_size_that_a_file_claims_is_not_believed() -> None:
    assert os.path.getsize("/proc/self/maps") == 0
    with pytest.raises(FileFormatError, match=r"/proc/self/maps: starts with .*not an \.ada file"):
        load("/proc/self/maps")


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    places = [tmp_path]
    if os.name != "nt":
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to("pipe")
        places += [tmp_path / "pipe", tmp_path / "link", Path("/dev/zero")]
    for path in places:
        with pytest.raises(
            FileFormatError, match=f"^{re.escape(str(path))}: is a folder, a pipe or a device"
        ):
            load(path)
    with pytest.raises(FileNotFoundError, match=r"none\.ada"):
        load(tmp_path / "none.ada")


def test_every_string_of_bytes_is_read_and_anything_else_named() -> None:
    network = small_lenet300()
    content = to_bytes(network)
    spread = bytearray(2 * len(content))
    spread[::2] = content
    for view in (bytearray(content), memoryview(content), memoryview(spread)[::2]):
        back = from_bytes(view)
        assert same(back, network)
        assert back.n_bytes == len(content)
    for wrong in ("data.ada", Path("x"), None, 868, [1, 2]):
        with pytest.raises(
            TypeError, match=rf"content is of type {type(wrong).__name__}; bytes are"
        ):
            from_bytes(wrong)  # type: ignore[arg-type]


def test_a_strangers_names_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    core = np.ones(2, np.int32)
    weight = CodedParameter("w\x1b[2J\n\u202e", ReshapePlan((2,), (2,), (0,)), core, (None,), 0)
    network = CompressedNetwork("n", (weight,))
    save(tmp_path / "x.ada", network)
    back = load(tmp_path / "x.ada")
    assert back.parameters[0].name == weight.name
    assert r"w\x1b[2J\n\u202e" in back.table().splitlines()[-1]
    assert all(line.isprintable() for line in back.table().splitlines())
    path = tmp_path / "a\x1b[2J.ada"
    path.write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"a\\x1b\[2J\.ada: starts"):
        load(path)


def test_the_documented_numbers_are_those_of_the_code() -> None:
    text = " ".join((Path(__file__).parents[2] / "docs" / "file_format.md").read_text().split())
    resnets = tuple(f"resnet{depth}" for depth in (20, 32, 56, 110))
    assert ("lenet5", "lenet300", *resnets) == stream.KNOWN
    assert f"Versions {fileformat.VERSION} and {fileformat.WIDE_VERSION}." in text
    assert f"choice(s, {SIZES})" in text
    assert f"choice(zeta, {CODES})" in text
    for codes in (SCALE_CODES, WIDE_SCALE_CODES):
        assert f"choice(c + {codes // 2}, {codes})" in text
    assert f"more than {names.MAX_NAME_BYTES:,} bytes" in text
    powers = (limits.SMALL_WEIGHTS, limits.SMALL_STORED)
    assert all(f"2^{limit.bit_length() - 1}" in text for limit in powers)
    for each in (limits.WEIGHTS_PER_BYTE, limits.STORED_PER_BYTE, limits.CODED_PER_BYTE):
        assert f"{each:,}" in text

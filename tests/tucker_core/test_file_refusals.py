"""What a file cannot hold is refused by name before it is written; all else is read back the same."""

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tucker_core.tiny_networks import parameter, same, small_lenet300
from tucker_core import (
    CodedParameter,
    CompressedNetwork,
    FileFormatError,
    ReshapePlan,
    coded_bits,
    from_bytes,
    limits,
    load,
    plan_reshape,
    quantize,
    save,
    to_bytes,
)
from tucker_core.codec import Encoder
from tucker_core.symbol_model import SymbolModel, fit_model

Integers = npt.NDArray[np.integer]


def plain(name: str, core: npt.ArrayLike, scale_code: int = 0) -> CodedParameter:
    array = np.asarray(core)
    plan = ReshapePlan(array.shape, array.shape, tuple(range(array.ndim)))
    return CodedParameter(name, plan, array, (None,) * array.ndim, scale_code)


def network(*parameters: CodedParameter, name: str = "n") -> CompressedNetwork:
    return CompressedNetwork(name, parameters)


ONE = np.ones(2, np.int32)


def halves(name: str) -> CodedParameter:
    """The float16 numbers of the bytes 1 and 2, and 3 and 4."""
    plan, both = ReshapePlan((2,), (2, 1), (0,)), np.ones((1, 2), np.int32)
    core = np.array([[1, 2], [3, 4]], np.int32)
    return CodedParameter(f"{name}@float16", plan, core, (None, both), 0)


def giant() -> CodedParameter:
    plan = ReshapePlan((1 << 40, 2), (1 << 40, 2), (0, 1))
    factor = np.broadcast_to(np.int32(1), (1 << 40, 1))
    return CodedParameter("w", plan, np.ones((1, 2), np.int32), (factor, None), 0)


def wide_weight() -> CompressedNetwork:
    plan = ReshapePlan((1, 1 << 15), (1, 1 << 15), (0, 1))
    factors = (np.ones((1, 1 << 14), np.int32), np.ones((1 << 15, 1), np.int32))
    return network(CodedParameter("wide", plan, np.ones((1 << 14, 1), np.int32), factors, 0))


def many_zeros() -> CompressedNetwork:
    return network(plain("w", np.zeros(1 << 24, np.int32)), plain("b", ONE))


REFUSED = [
    (network(plain("w", ONE), plain("w", ONE)), "two parameters are called w; give each"),
    (network(plain("w" * 1_001, ONE)), r"'w+\.\.\.', has 1001 bytes; at most 1000"),
    (network(plain("ä" * 501, ONE)), "has 1002 bytes; at most 1000"),
    (network(name="n" * 1_001), "name of the architecture, .* has 1001 bytes"),
    (network(plain("w\udc80", ONE)), r"'w\\udc80', cannot be written as UTF-8"),
    (network(name="\ud800"), "architecture, .* cannot be written as UTF-8"),
    (network(plain("w", [-(1 << 31), 1])), "core of w holds the integer -2147483648; at most 32768"),
    (network(plain("w", [32_769])), "core of w holds the integer 32769"),
    (network(plain("w", np.array([1 << 63], np.uint64))), "core of w holds .* 9223372036854775808"),
    (network(plain("w", [1.0, 2.0])), "core of w has dtype float64; integers are stored"),
    (network(plain("w", [True, False])), "core of w has dtype bool; integers"),
    (network(plain("w", [1j])), "core of w has dtype complex128; integers"),
    (network(replace(plain("w", ONE), core=np.ma.masked_equal([1, 2], 2))), "core of w is masked"),
    (network(plain("w", ONE), halves("w")), "two parameters are called w; give each"),
    (network(plain("w\x1b[2J", [1.0])), r"core of w\\x1b\[2J has dtype"),
    (network(plain("w", np.ones((1,) * 9, np.int32))), "w has 9 modes .* 1 to 8 can be stored"),
    (network(giant()), r"w has dims \(1099511627776, 2\); a parameter of at most 1,099,511,627,776"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message"), REFUSED)
def test_what_could_not_be_read_back_is_refused_by_name(
    tmp_path: Path, wrong: CompressedNetwork, message: str
) -> None:
    for call in (to_bytes, lambda network: save(tmp_path / "x.ada", network)):
        with pytest.raises((TypeError, ValueError), match=message):
            call(wrong)
    with pytest.raises((TypeError, ValueError), match=r"x\.ada: "):
        save(tmp_path / "x.ada", wrong)
    assert not [*tmp_path.iterdir()]


def test_a_rank_of_zero_is_refused_by_name() -> None:
    nothing = np.zeros((0, 2), np.int32)
    factors = (np.zeros((3, 0), np.int32), None)
    weight = CodedParameter("w", ReshapePlan((3, 2), (3, 2), (0, 1)), nothing, factors, 0)
    with pytest.raises(ValueError, match=r"w has rank \(0, 2\); every rank is at least 1"):
        to_bytes(network(weight))


def test_parameters_of_wrong_kinds_are_refused_by_name() -> None:
    plan, wrong = ReshapePlan((2,), (2,), (0,)), cast(Any, [1, 2])
    for name in (5, b"w", None):
        with pytest.raises(TypeError, match=r"name of a parameter is .*; a text is needed"):
            CodedParameter(cast(str, name), plan, ONE, (None,), 0)
    with pytest.raises(TypeError, match=r"w has the core or factor \[1, 2\]; numpy arrays"):
        CodedParameter("w", plan, wrong, (None,), 0)
    with pytest.raises(TypeError, match=r"w has the core or factor \[1, 2\]; numpy arrays"):
        CodedParameter("w", plan, ONE, (wrong,), 0)


@pytest.mark.parametrize("at", [0, 1])
def test_an_integer_too_large_is_found_in_any_part(at: int) -> None:
    good = parameter("w", (10, 100), (10, 2, 2), 2)
    factors = list(good.factors)
    factors[at + 1] = np.asarray(factors[at + 1]).astype(np.int64) << 40
    with pytest.raises(ValueError, match=f"factor {at + 1} of w holds the integer"):
        to_bytes(network(replace(good, factors=tuple(factors))))


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i2", ">i2", "u2", ">i4", "u4", "i8", ">u8"])
def test_integers_of_every_kind_come_back(dtype: str) -> None:
    kind = np.dtype(dtype)
    ends = np.iinfo(kind)
    low, high = max(ends.min, -32_768), min(ends.max, 32_768)
    values = np.array([low, high, 0, 1, low, high], kind)
    for core in (values, values[::-2], values.reshape(2, 3).T, np.broadcast_to(values, (2, 6))):
        sent = network(plain("w", core))
        back = from_bytes(to_bytes(sent))
        np.testing.assert_array_equal(back.parameters[0].core, core)
        assert same(sent, back)
        assert coded_bits(sent) == coded_bits(back)


def test_the_parts_of_the_coder_do_not_wrap_around() -> None:
    with pytest.raises(ValueError, match="-2147483648"):
        fit_model(np.array([-(1 << 31), 1], np.int32))
    assert fit_model(np.array([-128], np.int8)).largest == 128
    with pytest.raises(ValueError, match="-2147483648"):
        Encoder().tensor(np.array([-(1 << 31)], np.int32), SymbolModel(0, 0, 0))
    with pytest.raises(ValueError, match="4294967297"):
        Encoder().tensor(np.array([(1 << 32) + 1]), SymbolModel(1, 0, 0))


def test_parameters_in_any_order_come_back() -> None:
    straight = small_lenet300()
    turned = CompressedNetwork("lenet300", straight.parameters[::-1])
    assert to_bytes(turned) == to_bytes(straight)
    assert same(from_bytes(to_bytes(turned)), turned)


names = st.one_of(
    st.sampled_from(
        ["w", "b", "fc1.weight", "fc3.bias", "", "\0", "w\ud800", "ä" * 500, "w" * 1001]
    ),
    st.text(max_size=3),
)
integers = st.sampled_from(
    [0, 0, 1, -1, 5, -128, 127, 255, 32_767, -32_768, 32_768, 32_769, -(1 << 31), (1 << 32) + 1]
)
kinds = st.sampled_from(["i1", "u1", "i2", ">i2", "i4", "u4", "i8", "u8", "f4", "?"])


@st.composite
def stranger(draw: st.DrawFn) -> CompressedNetwork:
    """A network that may or may not be storable."""
    parameters: list[CodedParameter] = []
    for _ in range(draw(st.integers(0, 4))):
        shape = tuple(draw(st.lists(st.integers(1, 3), max_size=2))) or (10,)
        values = np.array([draw(integers) for _ in range(int(np.prod(shape)))])
        with np.errstate(invalid="ignore"):
            core = values.reshape(shape).astype(draw(kinds))
        earlier = [p.core for p in parameters if p.core.shape == shape]
        core = draw(st.sampled_from([core, *earlier]))
        parameters.append(plain(draw(names), core, draw(st.sampled_from([0, 2047, -2047, 7]))))
    return CompressedNetwork(
        draw(st.sampled_from(["n", "lenet300", "\ud800", "\0"])), tuple(parameters)
    )


@given(stranger())
def test_whatever_is_accepted_is_read_back_the_same(sent: CompressedNetwork) -> None:
    try:
        content = to_bytes(sent)
    except (TypeError, ValueError):
        return
    back = from_bytes(content)
    assert back.architecture == sent.architecture
    assert same(sent, back)
    assert back.n_params == sent.n_params
    assert to_bytes(back) == content


def test_the_property_is_not_empty(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tensor = quantize(rng.standard_normal((10, 10)), 0.1)
    for code in (-2047, np.int64(2047)):
        weight = CodedParameter("w", plan_reshape((100,), 2), tensor, (None, None), cast(int, code))
        save(tmp_path / "x.ada", network(weight, plain("\0", ONE), name=""))
        assert same(load(tmp_path / "x.ada"), network(weight, plain("\0", ONE)))


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (many_zeros(), "up to b .* 16,777,218 stored .* 16,777,216 are expected .* max_entries"),
        (wide_weight(), r"wide of dims .* 536,870,912 numbers may be between .* max_entries"),
    ],
)
def test_a_small_file_of_a_giant_network_is_read_only_on_demand(
    tmp_path: Path, sent: CompressedNetwork, message: str
) -> None:
    path = tmp_path / "x.ada"
    save(path, sent)
    with pytest.raises(FileFormatError, match=message):
        load(path)
    assert load(path, max_entries=1 << 30).n_params == sent.n_params


def test_more_parameters_tensors_and_tables_than_any_fixed_number_come_back() -> None:
    wide = [plain(f"w{k}", [32_768, k]) for k in range(16)]  # more than 2^20 integers in all tables
    small = [plain(f"p{k}", ONE) for k in range(4_200)]
    sent = network(*wide, *small)
    assert same(from_bytes(to_bytes(sent)), sent)


def test_no_file_declares_more_integers_than_its_bytes_can_tell() -> None:
    """Zeros under the most certain model are the most that a stream holds, and they are allowed."""
    zeros = np.zeros(1 << 22, np.int32)
    zeros[0] = 1
    content = to_bytes(network(plain("w", zeros)))
    assert len(content) < zeros.size / 2_000
    assert limits.limits_of(len(content) - 8).coded >= zeros.size
    encoder = Encoder()
    encoder.choice(255, 256)
    encoder.text("n")
    encoder.integer(1)
    encoder.text("w")
    encoder.choice(0, 8)
    encoder.integer(1 << 20)
    encoder.choice(2048, 4096)
    encoder.choice(0, 2)
    encoder.model(SymbolModel(1, 15, 15))
    body = encoder.content()
    head = b"ADA\x02" + zlib.crc32(body).to_bytes(4, "little")
    with pytest.raises(
        FileFormatError, match=r"declares 1,048,576 integers, more than the .* cut off"
    ):
        from_bytes(head + body)


@pytest.mark.parametrize("code", [2_048, -2_048, -32_767, 32_767])
def test_scales_beyond_those_of_version_2_make_a_file_of_version_3(code: int) -> None:
    content = to_bytes(network(plain("w", ONE, code), plain("b", ONE)))
    assert content[3] == 3
    assert [p.scale_code for p in from_bytes(content).parameters] == [code, 0]
    assert to_bytes(network(plain("w", ONE, 2_047)))[3] == 2
    ordinary = bytearray(to_bytes(network(plain("w", ONE))))
    ordinary[3] = 3
    with pytest.raises(FileFormatError):
        from_bytes(ordinary)

"""The compressed network in memory: what its table says, and parts that do not belong together."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.tucker_core.tiny_networks import parameter, small_lenet300
from tucker_core import CompressedNetwork, dense_params, random_tucker
from tucker_core.tucker_tensor import check_tucker


def test_table_names_every_layer_and_the_bytes_of_its_bits() -> None:
    network = CompressedNetwork("n", (parameter("fc.weight", (10, 100), (10, 2, 2), 2),))
    bits = {"fc.weight": 8.0 * network.n_params}
    for text, coded in ((network.table(), ()), (network.table(bits), ("8.00", "4.0x", "80"))):
        row = text.splitlines()[-1].split()
        dims = "x".join(map(str, network.parameters[0].reshape.dims))
        assert row[:5] == ["fc.weight", "10x100", dims, "10x2x2", str(network.n_params)]
        assert row[5:] == [f"{1000 / network.n_params:.1f}x", *coded]


def test_table_calls_a_weight_of_full_rank_dense() -> None:
    full = parameter("fc.weight", (10, 100), (10, 10, 10), 1)
    assert full.has_full_rank
    assert CompressedNetwork("n", (full,)).table().splitlines()[-1].endswith("  dense")


def test_dense_bytes_count_what_the_file_leaves_out() -> None:
    assert small_lenet300().dense_bytes == 4 * dense_params("lenet300")
    assert CompressedNetwork("lenet300", ()).to_dense()["fc3.bias"].tolist() == [0.0] * 10


def test_parts_that_do_not_make_up_the_tensor_are_refused() -> None:
    good = parameter("w", (10, 100), (10, 2, 2), 2)
    with pytest.raises(ValueError, match=r"w: core \(10, 2, 2\) and 2 factors"):
        replace(good, factors=good.factors[:2])
    for factors in (good.factors[:2], (None, None, None)):
        with pytest.raises(ValueError, match=r"^w\\x1b\[2J: core"):
            replace(good, name="w\x1b[2J", factors=factors)
    with pytest.raises(ValueError, match="does not reach dims"):
        replace(good, factors=(None, None, None))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: dense_params("lenet6"), ValueError, "'lenet6' is unknown; known"),
        (
            lambda: check_tucker((np.ones((2, 2)), [np.ones((3, 2), np.float32), None])),
            TypeError,
            r"factors\[0\] is float32, the core is float64",
        ),
        (
            lambda: check_tucker((np.ones((2, 2)), [None, np.ones((2, 3))])),
            ValueError,
            r"factors\[1\] has shape \(2, 3\); .*is it transposed",
        ),
        (
            lambda: random_tucker((3, 4), (2,), np.random.default_rng(0)),
            ValueError,
            r"rank \(2,\) does not fit shape \(3, 4\)",
        ),
    ],
)
def test_unknown_names_and_parts_are_refused(
    call: Callable[[], object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        call()

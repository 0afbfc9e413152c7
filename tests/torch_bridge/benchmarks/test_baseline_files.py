"""Files of Tucker and of what it is compared with: read back, damaged, of other kinds."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.torch_bridge.tiny_methods import EACH, lenet300, weights_of
from torch_bridge.benchmarks.baselines.files import read_baseline, write_baseline
from torch_bridge.benchmarks.methods import METHODS, Budget, read_file
from torch_bridge.models import LeNet300, build_model
from torch_bridge.models.fold_batch_norm import fold_batch_norms
from torch_bridge.quantization.qat import attach_quantizers, rate
from tucker_core import FileFormatError
from tucker_core.codec import Encoder


@pytest.mark.parametrize(
    ("name", "model"),
    [
        (name, model)
        for name in METHODS
        for model in ("lenet300", "resnet20")
        if (name, model) != ("scada-groups", "resnet20")  # whose joint starts take 20 seconds
    ],
)
def test_every_method_reads_back_what_was_trained(name: str, model: str) -> None:
    method = METHODS[name]
    network = build_model(model, seed=0).eval()
    dense = 32 * sum(p.numel() for p in network.parameters())
    method.put(network, Budget(dense / 15, EACH, "balanced" if model == "lenet300" else "spectra"))
    attach_quantizers(network, 3.0)
    content = method.write(folded(network), model)
    architecture, decoded, _ = read_file(content)
    assert architecture == model
    expected, found = weights_of(network), weights_of(decoded)
    assert list(expected) == list(found)
    for key, weight in expected.items():
        scale = (weight * found[key]).sum() / weight.square().sum()
        assert abs(float(scale) - 1) < 0.012  # the scale has steps of 2.2 %
        torch.testing.assert_close(found[key] / scale, weight, rtol=1e-3, atol=1e-5)
    integers = len(content) - method.fixed(folded(network), model)
    rough = (
        0.4 if name == "pruning" else 0.12
    )  # the law of entries without the small ones is learned
    assert integers == pytest.approx(float(rate(network).detach()) / 8, rel=rough)


def folded(model: nn.Module) -> nn.Module:
    return fold_batch_norms(copy.deepcopy(model))


def small_file(method: str) -> bytes:
    model = lenet300()
    METHODS[method].put(model, Budget(8 * 4_000, EACH, "balanced"))
    attach_quantizers(model, 3.0)
    return METHODS[method].write(model, "lenet300")


@pytest.mark.parametrize("method", ["tt", "pruning"])
def test_damaged_files_are_refused_or_harmless(method: str) -> None:
    content, rng = small_file(method), np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = int(rng.integers(256))
        cut = bytes(damaged[: rng.integers(1, len(content) + 1)])
        for broken in (bytes(damaged), cut):
            try:
                read_baseline(broken, lambda _: LeNet300())
            except FileFormatError:
                continue


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"", "starts with b''"), (b"X123456", "starts with b'X'"), (b"T\0\0", "starts")],
)
def test_what_is_no_such_file_is_refused(content: bytes, text: str) -> None:
    with pytest.raises(FileFormatError, match=text):
        read_baseline(content, lambda _: LeNet300())


@pytest.mark.parametrize("method", ["tt", "pruning"])
def test_bytes_that_were_added_are_noticed(method: str) -> None:
    content = small_file(method)
    read_baseline(content, lambda _: LeNet300())
    for added in (b"\0", b"any bytes"):
        with pytest.raises(FileFormatError, match="bytes were added"):
            read_baseline(content + added, lambda _: LeNet300())


def test_giant_ranks_are_refused_before_memory_is_taken() -> None:
    content = small_file("tt")
    plain = content[: 5 + int.from_bytes(content[1:5], "little")]
    encoder = Encoder()
    for _ in range(2):
        encoder.integer(200_000)
    with pytest.raises(FileFormatError, match=r"ranks \[200000, 200000\] of a weight of shape"):
        read_baseline(plain + encoder.content(), lambda _: LeNet300())


def test_models_of_other_kinds_are_not_written() -> None:
    model = lenet300()
    with pytest.raises(ValueError, match="neither all tensor trains nor all pruned"):
        write_baseline(model, "lenet300")
    METHODS["tt"].put(model, Budget(8 * 4_000, EACH))
    with pytest.raises(ValueError, match="no steps"):
        write_baseline(model, "lenet300")
    with pytest.raises(ValueError, match="has no Tucker weight"):
        METHODS["ada"].write(model, "lenet300")


def test_rounding_alone_is_a_file_that_tucker_core_knows() -> None:
    content = small_file("rounding")
    assert content[:3] == b"ADA"

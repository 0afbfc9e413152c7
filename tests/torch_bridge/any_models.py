"""Module kinds and situations that nobody prepared, and what must come of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.utils import parametrizations

from tests.torch_bridge.odd_modules import (
    Attention,
    Cell,
    Conv1D,
    Decoder,
    FusedExperts,
    Listed,
    Pair,
    Positions,
    Recurrent,
    Residual,
    Scaled,
    Tied,
    Twice,
    cells,
    frozen,
    pruned,
    scripted,
    without_entries,
)


class Case(NamedTuple):
    """A model, the shape of its input (or how many words it takes), and what must come of it."""

    make: Callable[[], nn.Module]
    inputs: tuple[int, ...]
    compressed: tuple[str, ...]
    skipped: dict[str, str] = {}  # noqa: RUF012
    words: int = 0
    dtype: torch.dtype = torch.float32


W = ("weight",)
CASES = {
    "linear": Case(lambda: nn.Linear(30, 20), (3, 30), W),
    "linear without bias": Case(lambda: nn.Linear(30, 20, bias=False), (3, 30), W),
    "bilinear": Case(lambda: Pair(nn.Bilinear(12, 12, 10)), (3, 12), ("layer.weight",)),
    "conv1d": Case(lambda: nn.Conv1d(12, 16, 3, stride=2), (2, 12, 9), W),
    "conv2d": Case(lambda: nn.Conv2d(12, 16, 3, padding=1), (2, 12, 9, 8), W),
    "conv2d in groups": Case(lambda: nn.Conv2d(12, 18, 3, groups=3), (2, 12, 9, 8), W),
    "conv2d of depth": Case(lambda: nn.Conv2d(32, 32, 5, groups=32), (2, 32, 9, 8), W),
    "conv2d dilated": Case(lambda: nn.Conv2d(12, 16, 3, dilation=2), (2, 12, 9, 8), W),
    "conv2d reflecting": Case(
        lambda: nn.Conv2d(12, 16, 3, padding=1, padding_mode="reflect"), (2, 12, 9, 8), W
    ),
    "conv2d circular": Case(
        lambda: nn.Conv2d(12, 16, 3, padding=1, padding_mode="circular"), (2, 12, 9, 8), W
    ),
    "conv2d replicating": Case(
        lambda: nn.Conv2d(12, 16, 3, padding=1, padding_mode="replicate"), (2, 12, 9, 8), W
    ),
    "conv3d": Case(lambda: nn.Conv3d(6, 8, 3), (2, 6, 5, 5, 4), W),
    "conv transpose 1d": Case(lambda: nn.ConvTranspose1d(12, 16, 3, stride=2), (2, 12, 9), W),
    "conv transpose 2d": Case(
        lambda: nn.ConvTranspose2d(12, 16, 3, output_padding=1, stride=2, groups=2),
        (2, 12, 5, 4),
        W,
    ),
    "conv transpose 3d": Case(lambda: nn.ConvTranspose3d(6, 8, 2), (2, 6, 3, 3, 3), W),
    "embedding": Case(lambda: nn.Embedding(40, 12, padding_idx=3), (2, 5), W, words=40),
    "embedding bag": Case(lambda: nn.EmbeddingBag(40, 12), (2, 5), W, words=40),
    "sparse embedding": Case(
        lambda: nn.Sequential(nn.Embedding(40, 12, sparse=True), nn.Linear(12, 30)),
        (2, 5),
        ("1.weight",),
        {"0.weight": "sparse gradients"},
        words=40,
    ),
    "embedding of bounded norm": Case(
        lambda: nn.Sequential(nn.Embedding(40, 12, max_norm=1.0), nn.Linear(12, 30)),
        (2, 5),
        ("1.weight",),
        {"0.weight": "max_norm"},
        words=40,
    ),
    "attention": Case(
        Attention, (2, 5, 24), ("attention.in_proj_weight", "attention.out_proj.weight")
    ),
    "attention of other sizes": Case(
        lambda: Attention(kdim=16, vdim=12),
        (2, 5, 24),
        (
            "attention.q_proj_weight",
            "attention.k_proj_weight",
            "attention.v_proj_weight",
            "attention.out_proj.weight",
        ),
    ),
    "transformer layer": Case(
        lambda: nn.TransformerEncoderLayer(24, 4, 32, dropout=0.0, batch_first=True),
        (2, 5, 24),
        (
            "self_attn.in_proj_weight",
            "self_attn.out_proj.weight",
            "linear1.weight",
            "linear2.weight",
        ),
    ),
    "lstm": Case(
        lambda: Recurrent(nn.LSTM, num_layers=2, bidirectional=True),
        (2, 5, 20),
        tuple(
            f"layer.weight_{kind}_l{n}{end}"
            for n in (0, 1)
            for end in ("", "_reverse")
            for kind in ("ih", "hh")
        ),
    ),
    "lstm with projections": Case(
        lambda: Recurrent(nn.LSTM, proj_size=8),
        (2, 5, 20),
        ("layer.weight_ih_l0", "layer.weight_hh_l0", "layer.weight_hr_l0"),
    ),
    "gru": Case(
        lambda: Recurrent(nn.GRU), (2, 5, 20), ("layer.weight_ih_l0", "layer.weight_hh_l0")
    ),
    "rnn": Case(
        lambda: Recurrent(nn.RNN), (2, 5, 20), ("layer.weight_ih_l0", "layer.weight_hh_l0")
    ),
    "lstm cell": Case(cells, (2, 20), ("cell.weight_ih", "cell.weight_hh")),
    "tied weights": Case(Tied, (2, 5), ("embedding.weight", "head.weight"), words=40),
    "a layer under two names": Case(Twice, (3, 30), ("first.weight",)),
    "custom weight property": Case(
        lambda: nn.Sequential(nn.Linear(30, 30), Scaled()),
        (3, 30),
        ("0.weight",),
        {"1.weight": "a property of Scaled", "1.raw": "no known kind of layer"},
    ),
    "parameter of an unknown module": Case(
        Positions,
        (2, 16, 30),
        ("layer.weight",),
        {"table": "no known kind of layer: include it by name"},
    ),
    "weight norm": Case(
        lambda: nn.Sequential(nn.Linear(30, 30), parametrizations.weight_norm(nn.Linear(30, 20))),
        (3, 30),
        ("0.weight",),
        {"1.weight": "parametrized already, by _WeightNorm"},
    ),
    "spectral norm": Case(
        lambda: nn.Sequential(
            nn.Linear(30, 30), parametrizations.spectral_norm(nn.Linear(30, 20))
        ).eval(),
        (3, 30),
        ("0.weight",),
        {"1.weight": "parametrized already, by _SpectralNorm"},
    ),
    "pruned": Case(
        pruned,
        (3, 30),
        ("0.weight",),
        {"1.weight": "pruning", "1.weight_orig": "no known kind of layer"},
    ),
    "zero-size weight": Case(
        without_entries, (3, 0), ("1.weight",), {"0.weight": "without entries"}
    ),
    "one-element weight": Case(
        lambda: nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 30), nn.Linear(30, 20)),
        (3, 1),
        ("2.weight",),
        {"0.weight": "so small (1 parameters)", "1.weight": "so small"},
    ),
    "complex weight": Case(
        lambda: nn.Sequential(nn.Linear(30, 20, dtype=torch.complex64)),
        (3, 30),
        (),
        {"0.weight": "of dtype torch.complex64"},
        dtype=torch.complex64,
    ),
    "half precision": Case(lambda: nn.Linear(30, 20).half(), (3, 30), W, dtype=torch.float16),
    "bfloat16": Case(lambda: nn.Linear(30, 20).bfloat16(), (3, 30), W, dtype=torch.bfloat16),
    "double precision": Case(lambda: nn.Linear(30, 20).double(), (3, 30), W, dtype=torch.float64),
    "frozen": Case(frozen, (3, 30), ("0.weight",)),
    "eval mode": Case(
        lambda: nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.Flatten(), nn.Linear(64, 20)
        ).eval(),
        (3, 3, 4, 4),
        ("0.weight", "3.weight"),
    ),
    "lazy": Case(
        lambda: nn.Sequential(nn.Linear(30, 30), nn.LazyLinear(4)),
        (3, 30),
        ("0.weight",),
        {"1.weight": "not initialised yet"},
    ),
    "script module": Case(scripted, (3, 30), ("0.weight",), {"1.weight": "ScriptModule"}),
    "hugging face linear": Case(Conv1D, (3, 30), W),
    "fused experts": Case(FusedExperts, (4, 3, 12), ("gate_up_proj", "down_proj")),
    "parameter list": Case(
        Listed,
        (3, 30),
        ("layer.weight",),
        {"factors.0": "ParameterList", "factors.1": "ParameterList"},
    ),
    "module dict and list": Case(Residual, (3, 30), ("named.a.weight", "listed.0.weight")),
    "gru cell": Case(lambda: Cell(nn.GRUCell), (2, 20), ("cell.weight_ih", "cell.weight_hh")),
    "rnn cell": Case(lambda: Cell(nn.RNNCell), (2, 20), ("cell.weight_ih", "cell.weight_hh")),
    "decoder layer": Case(
        Decoder,
        (2, 5, 24),
        (
            "layer.self_attn.in_proj_weight",
            "layer.self_attn.out_proj.weight",
            "layer.multihead_attn.in_proj_weight",
            "layer.multihead_attn.out_proj.weight",
            "layer.linear1.weight",
            "layer.linear2.weight",
        ),
    ),
    "primes": Case(lambda: nn.Linear(97, 101), (3, 97), W),
    "vocabulary of a prime": Case(lambda: nn.Embedding(997, 16), (2, 5), W, words=997),
    "conv2d 1 x 1": Case(lambda: nn.Conv2d(24, 32, 1), (2, 24, 4, 4), W),
    "conv2d of one input": Case(lambda: nn.Conv2d(1, 32, 5), (2, 1, 9, 8), W),
    "conv2d 1 x 7": Case(lambda: nn.Conv2d(12, 16, (1, 7)), (2, 12, 4, 9), W),
    "conv1d of depth": Case(lambda: nn.Conv1d(32, 32, 9, groups=32), (2, 32, 12), W),
    "conv1d padded like": Case(lambda: nn.Conv1d(12, 16, 5, padding="same"), (2, 12, 9), W),
    "very wide": Case(lambda: nn.Linear(2000, 2), (3, 2000), W),
    "one output": Case(
        lambda: nn.Sequential(nn.Linear(30, 40), nn.Linear(40, 1)),
        (3, 30),
        ("0.weight",),
        {"1.weight": "so small"},
    ),
    "gru of two directions": Case(
        lambda: Recurrent(nn.GRU, bidirectional=True, bias=False),
        (2, 5, 20),
        tuple(f"layer.weight_{k}_l0{end}" for end in ("", "_reverse") for k in ("ih", "hh")),
    ),
}

"""Modules of many kinds, as other people write them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Tied(nn.Module):
    """A language model whose output layer is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 24)
        self.head = nn.Linear(24, 40)
        self.head.weight = self.embedding.weight

    def forward(self, words: Tensor) -> Tensor:
        logits: Tensor = self.head(self.embedding(words))
        return logits


class Twice(nn.Module):
    """One layer under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(30, 30)
        self.again = self.first

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.again(F.relu(self.first(inputs)))
        return result


class Scaled(nn.Linear):
    """A layer whose `weight` is a property."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = 30, 20
        self.raw = nn.Parameter(torch.randn(20, 30))
        self.register_parameter("bias", None)

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        return 2 * self.raw


class Positions(nn.Module):
    """A parameter in a module of no known kind."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(16, 30))
        self.layer = nn.Linear(30, 20)

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.layer(inputs + self.table[: inputs.shape[-2]])
        return result


class Pair(nn.Module):
    """A layer of two inputs, given the same twice."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.layer(inputs, inputs)
        return result


class Attention(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(24, 4, batch_first=True, **options)
        self.sizes = self.attention.kdim, self.attention.vdim

    def forward(self, inputs: Tensor) -> Tensor:
        key, value = (inputs[..., :size] for size in self.sizes)
        result: Tensor = self.attention(inputs, key, value, need_weights=False)[0]
        return result


class Recurrent(nn.Module):
    def __init__(self, kind: Any, **options: Any) -> None:
        super().__init__()
        self.layer: Any = kind(20, 16, batch_first=True, **options)

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.layer(inputs)[0]
        return result


class Conv1D(nn.Module):
    """As the linear layer of Hugging Face's GPT-2: (in, out)."""

    __module__ = "transformers.pytorch_utils"

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(30, 20))
        self.bias = nn.Parameter(torch.zeros(20))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs @ self.weight + self.bias


class FusedExperts(nn.Module):
    """As the experts of Hugging Face's mixtures: all of them in one parameter."""

    __module__ = "transformers.models.mixture"

    def __init__(self) -> None:
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.randn(4, 12, 32))
        self.down_proj = nn.Parameter(torch.randn(4, 16, 12))

    def forward(self, inputs: Tensor) -> Tensor:
        gate, up = torch.bmm(inputs, self.gate_up_proj).chunk(2, dim=-1)
        return torch.bmm(F.silu(gate) * up, self.down_proj)


class Listed(nn.Module):
    """A factor in a ParameterList, as adapters hold theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(30, 20)
        self.factors = nn.ParameterList([torch.randn(30, 4), torch.randn(4, 20)])

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.layer(inputs) + inputs @ self.factors[0] @ self.factors[1]
        return result


class Residual(nn.Module):
    """Layers in a ModuleDict and a ModuleList, around which inputs go too."""

    def __init__(self) -> None:
        super().__init__()
        self.named = nn.ModuleDict({"a": nn.Linear(30, 30)})
        self.listed = nn.ModuleList([nn.Linear(30, 30)])

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = inputs + self.listed[0](F.relu(self.named["a"](inputs)))
        return result


class Cell(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.cell: Any = kind(20, 16)

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.cell(inputs)
        return result


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerDecoderLayer(24, 4, 32, dropout=0.0, batch_first=True)

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.layer(inputs, inputs)
        return result


def cells() -> nn.Module:
    class Cells(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(20, 16)

        def forward(self, inputs: Tensor) -> Tensor:
            result: Tensor = self.cell(inputs)[0]
            return result

    return Cells()


def pruned() -> nn.Module:
    from torch.nn.utils import prune

    layer = nn.Linear(30, 20)
    prune.l1_unstructured(layer, "weight", amount=0.5)  # type: ignore[no-untyped-call]
    return nn.Sequential(nn.Linear(30, 30), layer)


def scripted() -> nn.Module:
    with pytest.warns(DeprecationWarning, match="script"):
        script: nn.Module = torch.jit.script(nn.Linear(30, 20))
    return nn.Sequential(nn.Linear(30, 30), script)


def frozen() -> nn.Module:
    return nn.Sequential(nn.Linear(30, 20)).requires_grad_(False)


def without_entries() -> nn.Module:
    with pytest.warns(UserWarning, match="zero-element"):
        empty = nn.Linear(0, 30)
    return nn.Sequential(empty, nn.Linear(30, 20))

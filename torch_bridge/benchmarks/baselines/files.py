"""Files of the baselines that `.ada` does not know: the same coder, and nothing that could be left out.

    1 byte    "T" for tensor trains, "P" for pruned weights
    4 bytes   length of the next part
    ...       a `.ada` file that holds all that is stored as it is
    rest      one range-coded stream: of every weight its layout, scale and symbol models; all integers

Shapes of weights are not stored: they are those of the architecture.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_bridge.benchmarks.baselines.pruning import (
    PrunedWeight,
    read_places,
    scattered,
    write_places,
)
from torch_bridge.benchmarks.baselines.tensor_train import Chain, TrainWeight, chain_product
from torch_bridge.compression.to_network import plain_network
from torch_bridge.quantization.fake_quantizer import Quantizer
from torch_bridge.weights.parametrization import stored_layers, stored_parts
from tucker_core import FileFormatError, Symbols, from_bytes, quantize, scale_of, to_bytes
from tucker_core.codec import Decoder, Encoder
from tucker_core.quantize import SCALE_CODES, nearest_scale_code
from tucker_core.symbol_model import fit_model

Shape = tuple[int, ...]
_LENGTH = 4
_MOST = 4  # parameters of a chain for each of the weight's: no sensible ranks need more


@dataclass(frozen=True)
class _Kind:
    """How weights of one kind are written and read.

    Attributes
    ----------
    write : writes a weight's layout
    read : reads the layout of a weight of a shape; gives the shapes of the stored tensors, and what
        reconstructs the weight from them, float64
    """

    write: Callable[[Encoder, Any, list[Tensor]], None]
    read: Callable[[Decoder, Shape], tuple[list[Shape], Callable[[list[Tensor]], Tensor]]]


def write_baseline(model: nn.Module, architecture: str, *, integers: bool = True) -> bytes:
    """Write a model whose weights are all tensor trains, or all pruned, and quantised.

    Parameters
    ----------
    model : with quantizers
    architecture : the name by which `read_baseline` finds the dense network
    integers : whether they are what they are; else all are taken as zero, and the length of the file
        says what all but them takes

    Raises
    ------
    ValueError
        If weights are of another kind or have no quantizers.
    """
    weights = [stored_parts(layer, name) for name, layer in stored_layers(model)]
    mark = _mark_of([weight for weight, _ in weights])
    encoder, tensors = Encoder(), []
    for weight, parts in weights:
        _KINDS[mark].write(encoder, weight, parts)
        steps, symbols = zip(*_rounded(weight.quantizers, parts), strict=True)
        code = nearest_scale_code(math.prod(steps))
        encoder.choice(code + SCALE_CODES // 2, SCALE_CODES)
        for found in symbols:
            tensors.append(found if integers else np.zeros_like(found))
            encoder.model(fit_model(tensors[-1]))
    for tensor in tensors:
        encoder.tensor(tensor, fit_model(tensor))
    plain = to_bytes(plain_network(model, architecture))
    return mark + len(plain).to_bytes(_LENGTH, "little") + plain + encoder.content()


def read_baseline(content: bytes, build: Callable[[str], nn.Module]) -> tuple[str, nn.Module, int]:
    """Read a file back.

    Parameters
    ----------
    content : of the file
    build : makes the dense network of an architecture, whose batch-norms are at rest

    Returns
    -------
    architecture, the network with the weights of the file, and how many parameters the file stores

    Raises
    ------
    FileFormatError
        If the content is damaged.
    """
    head = 1 + _LENGTH
    if content[:1] not in _KINDS or len(content) < head:
        raise FileFormatError(f"starts with {content[:1]!r}; {sorted(_KINDS)} are known")
    end = head + int.from_bytes(content[1:head], "little")
    network = from_bytes(content[head:end])
    model = build(network.architecture)
    dense = {n: torch.zeros(p.shape) for n, p in model.named_parameters()}
    dense |= {name: torch.from_numpy(array) for name, array in network.to_dense().items()}
    stored = {parameter.name for parameter in network.parameters}
    weights = {n: tuple(t.shape) for n, t in dense.items() if n not in stored and t.dim() > 1}
    try:
        reconstructed, count = _read_weights(Decoder(content[end:]), _KINDS[content[:1]], weights)
        model.load_state_dict(dense | reconstructed)
    except (ValueError, RuntimeError) as fault:
        raise FileFormatError(str(fault)) from fault
    return network.architecture, model.eval(), network.n_params + count


def _read_weights(
    decoder: Decoder, kind: "_Kind", shapes: dict[str, Shape]
) -> tuple[dict[str, Tensor], int]:
    """All weights, and how many parameters they are reconstructed from."""
    layouts = []
    for name, shape in shapes.items():
        parts, reconstruct = kind.read(decoder, shape)
        scale = scale_of(decoder.choice(SCALE_CODES) - SCALE_CODES // 2)
        layouts.append((name, parts, reconstruct, scale, [decoder.model() for _ in parts]))
    dense, count = {}, 0
    for name, parts, reconstruct, scale, models in layouts:
        symbols = [
            torch.from_numpy(decoder.tensor(math.prod(part), model).astype(np.float64)).reshape(
                part
            )
            for part, model in zip(parts, models, strict=True)
        ]
        dense[name] = (reconstruct(symbols) * scale).float()
        count += sum(tensor.numel() for tensor in symbols)
    decoder.finish()
    return dense, count


def _rounded(quantizers: Any, parts: list[Tensor]) -> Iterator[tuple[float, Symbols]]:
    """Step and integers of every stored tensor."""
    if not quantizers:
        raise ValueError("there are no steps; call attach_quantizers first")
    for quantizer, part in zip(quantizers, parts, strict=True):
        assert isinstance(quantizer, Quantizer)
        yield quantizer.step(), quantize(quantizer.symbols(part).cpu().float().numpy(), 1.0)


def _mark_of(weights: list[Any]) -> bytes:
    for mark, kind in ((b"T", TrainWeight), (b"P", PrunedWeight)):
        if weights and all(isinstance(weight, kind) for weight in weights):
            return mark
    raise ValueError("the weights are neither all tensor trains nor all pruned")


def _write_train(encoder: Encoder, weight: TrainWeight, parts: list[Tensor]) -> None:
    for core in parts[:-1]:
        encoder.integer(core.shape[2])


def _read_train(
    decoder: Decoder, shape: Shape
) -> tuple[list[Shape], Callable[[list[Tensor]], Tensor]]:
    chain = Chain.of(shape)
    ranks = [1, *(decoder.integer(math.prod(shape)) for _ in chain.dims[:-1]), 1]
    shapes: list[Shape] = list(zip(ranks[:-1], chain.dims, ranks[1:], strict=True))
    if sum(map(math.prod, shapes)) > _MOST * math.prod(shape):
        raise FileFormatError(f"ranks {ranks[1:-1]} of a weight of shape {shape}")
    return shapes, lambda parts: chain.undo(chain_product(parts))


def _write_pruned(encoder: Encoder, weight: PrunedWeight, parts: list[Tensor]) -> None:
    write_places(encoder, weight.where.cpu().numpy())


def _read_pruned(
    decoder: Decoder, shape: Shape
) -> tuple[list[Shape], Callable[[list[Tensor]], Tensor]]:
    places = torch.from_numpy(read_places(decoder, math.prod(shape)))
    return [(len(places),)], lambda parts: scattered(parts[0], places, shape)


_KINDS = {b"T": _Kind(_write_train, _read_train), b"P": _Kind(_write_pruned, _read_pruned)}

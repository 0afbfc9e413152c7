"""Integers to bytes and back: a range coder over a small parametric model per tensor.

How often the integer k occurs in a tensor is modelled, up to a constant, by

    theta^|k| rho^(k^2),   -m <= k <= m

which is a two-sided geometric law for rho = 1 and a discrete normal law for theta = 1. So a tensor's
model is three small integers: m and the codes of theta and rho, found by trying all pairs against
the histogram. The range coder itself is constriction's.

The probabilities are made from the codes by additions, multiplications and divisions only, in a
fixed order: IEEE arithmetic gives every machine the same ones, so every machine decodes the same
integers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import constriction
import numpy as np
import numpy.typing as npt

from tucker_core.quantize import MAX_SYMBOL, STEPS_PER_OCTAVE, Symbols, step_size

CODES = 64  # theta and rho have codes 0 to 63
_FLOOR = 2.0**-20  # least weight of an integer, so that each can be coded


@dataclass(frozen=True)
class SymbolModel:
    """How often each integer from -largest to largest is expected.

    Attributes
    ----------
    largest : m, the largest magnitude that occurs
    theta_code, rho_code : codes of the two decays, 0 (no decay) to 63 (fastest)
    """

    largest: int
    theta_code: int
    rho_code: int

    def __post_init__(self) -> None:
        """Refuse codes that no encoder writes."""
        if not 0 <= self.largest <= MAX_SYMBOL:
            raise ValueError(f"largest symbol is {self.largest}; 0 to {MAX_SYMBOL} can be coded")
        for name, code in (("theta", self.theta_code), ("rho", self.rho_code)):
            if not 0 <= code < CODES:
                raise ValueError(f"{name} code is {code}; 0 to {CODES - 1} are known")

    def probabilities(self) -> npt.NDArray[np.float64]:
        """Probabilities of -m, ..., m, an array of shape (2 m + 1,) that sums to 1."""
        half = _half_weights(self.largest, decay(self.theta_code), decay(self.rho_code))
        weights = np.array(half[:0:-1] + half)
        return weights / math.fsum(weights)


def decay(code: int) -> float:
    """The decay factor of a code: 1 for code 0, else 1 / (1 + 2^((code - 56) / 4)).

    Examples
    --------
    >>> decay(0), decay(56)
    (1.0, 0.5)
    """
    if code == 0:
        return 1.0
    return 1.0 / (1.0 + step_size(2 * (code - 56)))


def fit_model(symbols: Symbols) -> SymbolModel:
    """Find the model that codes these integers in the fewest bits, of all pairs of codes.

    Examples
    --------
    >>> fit_model(np.zeros(5, np.int32))
    SymbolModel(largest=0, theta_code=0, rho_code=0)
    """
    magnitudes = np.abs(symbols).ravel()
    largest = int(magnitudes.max(initial=0))
    if largest == 0:
        return SymbolModel(0, 0, 0)
    counts = np.bincount(magnitudes, minlength=largest + 1).astype(np.float64)
    k = np.arange(largest + 1.0)
    log_decay = np.array([math.log2(decay(code)) for code in range(CODES)])
    bits = np.empty((CODES, CODES))
    for theta in range(CODES):  # one row at a time: for large m all pairs would take a gigabyte
        log_weight = log_decay[theta] * k + log_decay[:, None] * k**2  # (rho, k)
        weight = np.maximum(np.exp2(log_weight), _FLOOR)
        total = weight[:, 0] + 2 * weight[:, 1:].sum(-1)
        bits[theta] = counts.sum() * np.log2(total) - np.log2(weight) @ counts
    best_theta, best_rho = divmod(int(np.argmin(bits)), CODES)
    return SymbolModel(largest, best_theta, best_rho)


def encode(tensors: Sequence[Symbols], models: Sequence[SymbolModel]) -> bytes:
    """Code integer tensors, one after the other, each in C order with its own model.

    Raises
    ------
    ValueError
        If a tensor holds an integer that its model does not know.

    Examples
    --------
    >>> tensor = np.array([0, 1, -1, 0, 2], np.int32)
    >>> model = fit_model(tensor)
    >>> decode(encode([tensor], [model]), [5], [model])[0]
    array([ 0,  1, -1,  0,  2], dtype=int32)
    """
    coder = constriction.stream.queue.RangeEncoder()
    for symbols, model in zip(tensors, models, strict=True):
        flat = np.ascontiguousarray(symbols, np.int32).ravel()
        if np.abs(flat).max(initial=0) > model.largest:
            raise ValueError(f"an integer exceeds the model's largest, {model.largest}")
        if model.largest:
            coder.encode(flat + np.int32(model.largest), _categorical(model))
    words: npt.NDArray[np.uint32] = coder.get_compressed()
    return words.astype("<u4").tobytes()


def decode(payload: bytes, sizes: Sequence[int], models: Sequence[SymbolModel]) -> list[Symbols]:
    """Read back what `encode` wrote.

    Parameters
    ----------
    payload : the coded bytes, a multiple of 4
    sizes : number of integers of each tensor
    models : the model of each tensor

    Returns
    -------
    one int32 array of shape (size,) per tensor

    Raises
    ------
    ValueError
        If the payload's length is no multiple of 4 bytes, or its bits fit no integer of a model.
    """
    if len(payload) % 4:
        raise ValueError(f"coded part has {len(payload)} bytes; a multiple of 4 is needed")
    coder = constriction.stream.queue.RangeDecoder(np.frombuffer(payload, "<u4").astype(np.uint32))
    tensors = []
    for size, model in zip(sizes, models, strict=True):
        if not model.largest:
            tensors.append(np.zeros(size, np.int32))
            continue
        try:
            symbols = coder.decode(_categorical(model), size)
        except (AssertionError, ValueError) as error:
            raise ValueError("coded part does not decode with its models") from error
        tensors.append(np.asarray(symbols, np.int32) - np.int32(model.largest))
    return tensors


def _categorical(model: SymbolModel) -> "constriction.stream.model.Categorical":
    return constriction.stream.model.Categorical(model.probabilities(), perfect=False)


def _half_weights(largest: int, theta: float, rho: float) -> list[float]:
    """theta^k rho^(k^2) for k = 0, ..., m by repeated multiplication, never below the floor."""
    weights = [1.0]
    weight, ratio = 1.0, theta * rho
    for _ in range(largest):
        weight *= ratio
        ratio *= rho * rho
        weights.append(max(weight, _FLOOR))
    return weights


assert STEPS_PER_OCTAVE == 8, "decay() counts on quarter octaves being two codes apart"

"""How a file holds the tensors that are not in Tucker form: biases, norms, statistics, masks, counters.

- "coarse": parameters in whole steps, finer than those of the weights; about one byte an entry
- "float16": each entry to within 2^-11 of itself; two bytes an entry
- "exact": each entry to the last bit

Buffers are never coarse: a variance may be a thousandth of another and count as much. Whatever is not a
float is exact always, as are infinities. Bytes of floats and integers are told in `tucker_core.words`.
"""

import math
from functools import cache
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from torch_bridge.quantization.qat import step_of
from torch_bridge.weights.parametrization import attribute_of
from tucker_core import CodedParameter, ReshapePlan, Symbols, quantize, scale_of
from tucker_core.quantize import CODES_PER_OCTAVE, nearest_scale_code
from tucker_core.words import to_words

Plain: TypeAlias = Literal["coarse", "float16", "exact"]
PLAIN = get_args(Plain)

BIAS_LEVELS = 16.0  # biases are few and cheap: fine steps, always
PLAIN_LEVELS = 64.0  # gains and weights that were not compressed: finer ones
_SMALLEST, _LARGEST = 16, 4096  # steps in the entries of tensors that are positive, such as gains
_TOP = 15  # float16 has 30 octaves of full precision; entries are scaled to lie below 2^15
_OCTAVES = 63  # scales reach from 2^-63 to 2^63
_ERROR = 2.0**-11


def plain_parameter(name: str, tensor: Tensor, plain: Plain) -> CodedParameter:
    """Code a tensor that is not in Tucker form.

    Parameters
    ----------
    name : its name
    tensor : its values
    plain : how; a float16 tensor whose entries lie more than 30 octaves apart is stored exactly

    Raises
    ------
    ValueError
        If the tensor cannot be read, or is a parameter that is not finite.

    Examples
    --------
    >>> coded = plain_parameter("bn.running_var", torch.tensor([20.0, 0.05, 0.0]), "float16")
    >>> coded.name, coded.to_dense().tolist()
    ('bn.running_var@float16', [20.0, 0.04998779296875, 0.0])
    """
    check_readable(name, tensor)
    if isinstance(tensor, nn.Parameter):
        check_finite(name, tensor)
        if plain == "coarse" and tensor.is_floating_point():
            return _in_steps(name, tensor)
    array = _array(tensor)
    if plain != "exact" and array.dtype.kind == "f":
        wide = array.astype(np.promote_types(array.dtype, np.float32))
        shift = _shift(wide)
        with np.errstate(over="ignore"):  # what is beyond all scales becomes infinite, and is seen
            halves = np.ldexp(wide, shift).astype(np.float16)
        if _is_close(np.ldexp(halves.astype(wide.dtype), -shift), wide):
            return _in_words(name, halves, -CODES_PER_OCTAVE * shift)
    return _in_words(name, array, 0)


def check_finite(name: str, part: Tensor) -> None:
    """Refuse a tensor with a value that is no finite number.

    Raises
    ------
    ValueError
        The tensor is named.
    """
    if not bool(part.isfinite().all()):
        bad = part.detach()[~part.isfinite()][0].item()
        raise ValueError(f"{name} holds {bad}; only finite numbers can be stored")


def check_readable(name: str, tensor: Tensor) -> None:
    """Refuse a tensor whose entries do not lie in memory.

    Raises
    ------
    ValueError
        The tensor is named.
    """
    if tensor.layout is not torch.strided or tensor.is_quantized:
        kind = "quantised" if tensor.is_quantized else f"of layout {tensor.layout}"
        raise ValueError(f"{name} is {kind}; a file holds strided tensors: make it dense first")
    if tensor.is_meta:
        raise ValueError(
            f"{name} is on the device 'meta' and has no values; load the model's weights first"
        )


def _in_steps(name: str, tensor: Tensor) -> CodedParameter:
    """Whole multiples of a step."""
    shape = tuple(tensor.shape) or (1,)
    values = tensor.detach().to("cpu", torch.float32).reshape(shape)
    code = nearest_scale_code(_step(name, values))
    symbols = quantize(values.numpy(), scale_of(code))
    if _is_positive(values):
        symbols = np.maximum(symbols, 1)  # a gain of 0 would put out its channel
    plan = ReshapePlan.straight(shape)
    return CodedParameter(name, plan, symbols, (None,) * len(shape), code)


def _step(name: str, tensor: Tensor) -> float:
    if attribute_of(name) == "bias":
        return step_of(tensor, BIAS_LEVELS)
    step = step_of(tensor, PLAIN_LEVELS)
    if not _is_positive(tensor):
        return step
    least, most = (float(bound) for bound in tensor.aminmax())
    return max(min(step, least / _SMALLEST), most / _LARGEST)


def _is_positive(tensor: Tensor) -> bool:
    return bool((tensor > 0).all())


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    """The values for numpy, which knows no bfloat16 and no floats below 16 bits."""
    values = tensor.detach().cpu().resolve_conj().resolve_neg()
    known = (torch.float16, torch.float32, torch.float64)
    if values.is_floating_point() and values.dtype not in known:
        values = values.float()
    array: npt.NDArray[Any] = values.numpy()
    return array


def _shift(array: npt.NDArray[Any]) -> int:
    """By how many octaves to raise entries so that the largest lies just below 2^15."""
    largest = np.abs(array[np.isfinite(array)]).max(initial=0)
    shift = _TOP - math.frexp(float(largest))[1] if largest else 0
    return max(-_OCTAVES, min(_OCTAVES, shift))


def _is_close(found: npt.NDArray[Any], array: npt.NDArray[Any]) -> bool:
    return np.allclose(found, array, rtol=_ERROR, atol=0, equal_nan=True)


def _in_words(name: str, array: npt.NDArray[Any], code: int) -> CodedParameter:
    """Bytes; a factor of ones holds them together as one parameter of the tensor's own shape."""
    shape, words = array.shape or (1,), to_words(array)
    plan = ReshapePlan.straight(shape, (array.size, 1))
    return CodedParameter(
        f"{name}@{array.dtype.name}", plan, words, (None, _ones(words.shape[1])), code
    )


@cache
def _ones(width: int) -> Symbols:
    """One array for all parameters, so that a file holds it once."""
    return np.ones((1, width), np.int32)

"""From floats to small integers and back: uniform steps, and one scale per weight.

A value w is stored as the integer q = round(w / s). In a Tucker weight the steps of the core and of
all factors only ever act as their product, because the Tucker product is linear in each of them:

    W = s_C C x_1 s_1 M_1 ... x_N s_N M_N = (s_C s_1 ... s_N) * (C x_1 M_1 ... x_N M_N)

So a weight needs a single scale. It is one of 2^(c / 32), told by its code c. The 32 fractional
powers come from square roots and multiplications, which IEEE arithmetic rounds alike everywhere: every
machine reads back the same scale, bit for bit.
"""

import math

import numpy as np
import numpy.typing as npt

from tucker_core.checks import FloatArray, check_integer, check_real, check_tensor, check_unmasked

CODES_PER_OCTAVE = 32
# The code at the lower end is a mark: codes up to 2047 in size, scales 2^-64 to 2^64 without the ends.
SCALE_CODES = 1 << 12
WIDE_SCALE_CODES = (
    1 << 16
)  # for steps so fine, or orders so high, that their product is beyond these
MAX_SYMBOL = 1 << 15

Symbols = npt.NDArray[np.int32]


def _powers() -> tuple[float, ...]:
    """2^(k / 32) for k = 0, ..., 31: products of 2^(1/2), 2^(1/4), ..., 2^(1/32)."""
    roots, root = [], 2.0
    for _ in range(5):
        root = math.sqrt(root)
        roots.append(root)
    return tuple(
        math.prod(root for bit, root in enumerate(roots) if k >> (4 - bit) & 1) or 1.0
        for k in range(CODES_PER_OCTAVE)
    )


_POWERS = _powers()


def scale_of(code: int) -> float:
    """Scale of a code: 2^(code / 32).

    Raises
    ------
    TypeError
        If the code is no integer.
    ValueError
        If the code is not -32767 to 32767.

    Examples
    --------
    >>> scale_of(0), scale_of(-32), scale_of(16)
    (1.0, 0.5, 1.4142135623730951)
    """
    most = WIDE_SCALE_CODES // 2 - 1
    limit = f"codes up to {most} in size are known"
    octave, part = divmod(check_integer(code, "scale code", -most, most, limit), CODES_PER_OCTAVE)
    return math.ldexp(_POWERS[part], octave)


def nearest_scale_code(scale: float) -> int:
    """Code of the scale nearest (as a ratio) to a wanted one: at most 1.1 % away.

    Raises
    ------
    ValueError
        If the scale is not a positive number between 2^-1000 and 2^1000.

    Examples
    --------
    >>> nearest_scale_code(0.5)
    -32
    """
    if not 2.0**-1000 <= scale <= 2.0**1000:
        raise ValueError(f"scale is {scale}; a number from 2^-1000 to 2^1000 is needed")
    return round(CODES_PER_OCTAVE * math.log2(scale))


def quantize(tensor: npt.ArrayLike, step: float) -> Symbols:
    """Round a tensor to whole multiples of a step.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N), finite
    step : size of a step

    Returns
    -------
    int32 array of the same shape; times `step` it lies within half a step of the tensor, whatever
    the tensor's precision: the quotient is taken in float64, whose own rounding is all that comes on
    top, at most 2^-37 of a step (an entry half way between two multiples may go to either)

    Raises
    ------
    TypeError
        If the tensor is not float32 or float64, or the step is no number.
    ValueError
        If an entry is not finite, the step is not positive, or an entry would need an integer above
        32,768: the step is too small.

    Examples
    --------
    >>> quantize(np.array([0.0, 0.6, -1.1]), 0.5)
    array([ 0,  1, -2], dtype=int32)
    """
    array: FloatArray = check_tensor(tensor, finite=True)
    step = _positive(step, "step")
    largest = float(np.abs(array).max())
    if round(min(largest / step, 2.0 * MAX_SYMBOL)) > MAX_SYMBOL:
        raise ValueError(
            f"step {step:.3g} is too small for an entry of size {largest:.3g}: integers up to "
            f"{MAX_SYMBOL:,} are stored; take a larger step, {largest / MAX_SYMBOL:.3g} at least"
        )
    symbols: Symbols = np.rint(array.astype(np.float64) / step).astype(np.int32)
    return symbols


def rms_step(tensor: npt.ArrayLike, levels: float) -> float:
    """Step that cuts one root mean square of the tensor into `levels` levels; 1.0 for a zero tensor.

    Raises
    ------
    TypeError
        If the tensor is not float32 or float64, or `levels` is no number.
    ValueError
        If an entry is not finite, or `levels` or the step are no positive finite number.

    Examples
    --------
    >>> rms_step(np.array([3.0, -3.0]), 2.0)
    1.5
    """
    array = check_tensor(tensor, finite=True).astype(np.float64)
    levels = _positive(levels, "levels")
    largest = float(np.abs(array).max())
    if largest == 0:
        return 1.0
    octave = math.frexp(largest)[1]  # without it squares would overflow, or all be 0
    rms = math.sqrt(np.mean(np.square(np.ldexp(array, -octave))))
    with np.errstate(over="ignore", under="ignore"):
        step = float(np.ldexp(rms / levels, octave))
    if not 0 < step < math.inf:
        raise ValueError(
            f"levels is {levels}, which makes a step of {step} of a tensor of size {largest:.3g}; "
            "a positive finite step is needed"
        )
    return step


def _positive(value: float, name: str) -> float:
    number = check_real(value, name, "a positive finite number is needed")
    if not 0 < number < math.inf:
        raise ValueError(f"{name} is {value}; a positive finite number is needed")
    return number


def check_symbols(tensor: npt.ArrayLike, name: str = "tensor") -> Symbols:
    """Return integers as an int32 array in C order, or say why they cannot be stored.

    Raises
    ------
    TypeError
        If they are no integers, signed or unsigned, or some are masked.
    ValueError
        If one is beyond 32,768.

    Examples
    --------
    >>> check_symbols(np.array([-128, 127], np.int8))
    array([-128,  127], dtype=int32)
    """
    check_unmasked(tensor, name)
    array = np.asarray(tensor)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}; integers are stored: quantize it first")
    for extreme in (array.min(initial=0), array.max(initial=0)):
        if abs(int(extreme)) > MAX_SYMBOL:
            raise ValueError(
                f"{name} holds the integer {extreme}; at most {MAX_SYMBOL} in size is stored: "
                "take a larger step"
            )
    return np.ascontiguousarray(array, np.int32)

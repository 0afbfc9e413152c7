"""From floats to small integers and back: uniform steps on a fixed grid of step sizes.

A value w is stored as the integer q = round(w / s) and read back as s q. The step s is one of
2^(c / 8), so that one byte, the code c, tells it exactly. The eight fractional powers are written
out below and scaled by ldexp: every machine reads back the same step, bit for bit.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tucker_core.checks import FloatArray, check_tensor

STEPS_PER_OCTAVE = 8
LOWEST_CODE, HIGHEST_CODE = -128, 127
MAX_SYMBOL = 1 << 15
_POWERS = (
    1.0,
    1.0905077326652577,
    1.189207115002721,
    1.2968395546510096,
    1.4142135623730951,
    1.5422108254079407,
    1.681792830507429,
    1.8340080864093424,
)

Symbols = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class CodedTensor:
    """A tensor of integers and the step that they count.

    Attributes
    ----------
    symbols : int32 array of any shape (I_1, ..., I_N)
    step_code : c of the step 2^(c / 8), -128 to 127
    """

    symbols: Symbols
    step_code: int

    def values(self) -> npt.NDArray[np.float64]:
        """The numbers meant: symbols times step, float64, same shape."""
        return self.symbols.astype(np.float64) * step_size(self.step_code)


def step_size(code: int) -> float:
    """Step of a code: 2^(code / 8).

    Raises
    ------
    ValueError
        If the code does not fit one signed byte.

    Examples
    --------
    >>> step_size(0), step_size(-8), step_size(4)
    (1.0, 0.5, 1.4142135623730951)
    """
    if not LOWEST_CODE <= code <= HIGHEST_CODE:
        raise ValueError(f"step code is {code}; {LOWEST_CODE} to {HIGHEST_CODE} fit in one byte")
    octave, part = divmod(code, STEPS_PER_OCTAVE)
    return math.ldexp(_POWERS[part], octave)


def nearest_step_code(step: float) -> int:
    """Code of the step on the grid that is nearest (as a ratio) to a wanted one, kept within the byte.

    Raises
    ------
    ValueError
        If the step is not a positive finite number.

    Examples
    --------
    >>> nearest_step_code(0.5)
    -8
    """
    if not 0 < step < math.inf:
        raise ValueError(f"step is {step}; a positive finite number is needed")
    return max(LOWEST_CODE, min(HIGHEST_CODE, round(STEPS_PER_OCTAVE * math.log2(step))))


def quantize(tensor: npt.ArrayLike, step: float) -> CodedTensor:
    """Round a tensor to integer multiples of the grid step nearest to `step`.

    Parameters
    ----------
    tensor : array of shape (I_1, ..., I_N), finite
    step : wanted step size

    Returns
    -------
    CodedTensor whose `values()` lie within half a step of the tensor

    Raises
    ------
    ValueError
        If an entry is not finite, or would need an integer above 32,768: the step is too small.

    Examples
    --------
    >>> quantize(np.array([0.0, 0.6, -1.1]), 0.5).symbols
    array([ 0,  1, -2], dtype=int32)
    """
    array: FloatArray = check_tensor(tensor, finite=True)
    code = nearest_step_code(step)
    largest = float(np.abs(array).max()) / step_size(code)
    if largest > MAX_SYMBOL:
        raise ValueError(
            f"step {step:.3g} turns the largest entry into {largest:.0f}; at most {MAX_SYMBOL} is "
            "stored: take a larger step"
        )
    return CodedTensor(np.rint(array / step_size(code)).astype(np.int32), code)


def rms_step(tensor: npt.ArrayLike, levels: float) -> float:
    """Step that cuts one root mean square of the tensor into `levels` levels; 1.0 for a zero tensor.

    Examples
    --------
    >>> rms_step(np.array([3.0, -3.0]), 2.0)
    1.5
    """
    array = check_tensor(tensor)
    rms = float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
    return rms / levels if rms > 0 else 1.0

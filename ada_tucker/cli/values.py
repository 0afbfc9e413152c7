"""Kinds of values that options take; argparse says of others what is wrong with them."""

import argparse
import math
from collections.abc import Callable

_MOST_THREADS = 1_024


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A kind of integers, from `least` to `most`.

    Examples
    --------
    >>> whole(1)("12")
    12
    """
    limits = f"{least} or more" if most is None else f"{least} to {most}"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no integer") from None
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"{text} is not possible; {limits} is")
        return value

    return read


positive = whole(1)
seed = whole(0, (1 << 32) - 1)
threads = whole(1, _MOST_THREADS)


def not_negative(text: str) -> float:
    """A finite number from 0 on."""
    value = _number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not possible; a number from 0 on is needed")
    return value


def ratio(text: str) -> float:
    """A finite number above 1."""
    value = _number(text)
    if not 1 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no ratio; a number above 1 is needed")
    return value


def share(text: str) -> float:
    """A number above 0, at most 1."""
    value = _number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share; above 0, at most 1 is needed")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None

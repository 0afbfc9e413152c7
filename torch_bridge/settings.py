"""One check of settings for all that take them: an error names the value, the limit and the field."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def check_settings(
    record: object,
    *,
    positive: Sequence[str] = (),
    not_negative: Sequence[str] = (),
    shares: Sequence[str] = (),
    levels: Sequence[str] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Refuse a record whose fields hold what they cannot mean.

    Parameters
    ----------
    record : holds the fields as attributes
    positive, not_negative : names of finite numbers above 0, or from 0 on
    shares : names of numbers from 0 to 1
    levels : names of rounding steps per root mean square, beyond which steps are 0 or infinite
    choices : name of a text -> what it may be

    Raises
    ------
    ValueError
        At the first field that is wrong.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> check_settings(SimpleNamespace(lr=0.0), positive=["lr"])
    Traceback (most recent call last):
    ValueError: lr is 0.0; a positive number is needed
    """
    limits: tuple[tuple[Sequence[str], Callable[[Any], bool], str], ...] = (
        (positive, lambda value: 0 < value < math.inf, "a positive number"),
        (not_negative, lambda value: 0 <= value < math.inf, "a number >= 0"),
        (shares, lambda value: 0 <= value <= 1, "a share, 0 to 1,"),
        (levels, lambda value: 1e-3 <= value <= 1e6, "a number from 0.001 to 1,000,000"),
    )
    for names, fits, wanted in limits:
        for name in names:
            if not fits(getattr(record, name)):
                raise ValueError(f"{name} is {getattr(record, name)}; {wanted} is needed")
    for name, known in (choices or {}).items():
        if getattr(record, name) not in known:
            found = getattr(record, name)
            raise ValueError(f"{name} is {found!r}; one of {', '.join(known)} is needed")


def exactly(value: float) -> str:
    """The shortest text of a number that no other number has, for names of files.

    Examples
    --------
    >>> exactly(15.0), exactly(4e-3), exactly(0.1234567)
    ('15', '0.004', '0.1234567')
    """
    return repr(float(value)).removesuffix(".0")

"""Text from a submission, made fit to be stored and shown: whole characters, and none that acts."""

import re
from typing import Any

LONGEST = 100_000
ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def shown(text: Any) -> str:
    r"""The text with what would act on a terminal or page, or is no character, as an escape.

    Examples
    --------
    >>> shown("red \x1b[31m, half \ud800, größe")
    'red \\x1b[31m, half \\ud800, größe'
    """
    return ACTS.sub(lambda found: ascii(found[0])[1:-1], str(text)[:LONGEST])

"""Names of parameters and architectures: how long they may be, and how a stranger's name is shown."""

from collections.abc import Iterable

MAX_NAME_BYTES = 1_000


def check_name(name: str, what: str) -> None:
    """Refuse a name that no file can hold.

    Raises
    ------
    TypeError
        If it is no text.
    ValueError
        If it has more than 1,000 bytes of UTF-8, or half of a surrogate pair, which UTF-8 doesn't know.

    Examples
    --------
    >>> check_name("conv1.weight", "a parameter")
    >>> check_name("w" * 2_000, "a parameter")
    Traceback (most recent call last):
    ValueError: the name of a parameter, 'wwwwwwwwwwwwwwww...', has 2000 bytes; at most 1000 can be stored
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of {what} is {name!r}; a text is needed")
    shown = repr(name if len(name) <= 64 else f"{name[:16]}...")
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the name of {what}, {shown}, cannot be written as UTF-8; leave out the lone surrogates"
        ) from error
    if size > MAX_NAME_BYTES:
        raise ValueError(
            f"the name of {what}, {shown}, has {size} bytes; at most {MAX_NAME_BYTES} can be stored"
        )


def check_unique(names: Iterable[str]) -> None:
    """Refuse parameters of one name.

    Raises
    ------
    ValueError
        If a name comes twice.

    Examples
    --------
    >>> check_unique(["weight", "bias", "weight"])
    Traceback (most recent call last):
    ValueError: two parameters are called weight; give each a name of its own
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(
                f"two parameters are called {printable(name)}; give each a name of its own"
            )
        seen.add(name)


def printable(name: str) -> str:
    r"""The name with everything escaped that a terminal would obey and not show.

    Examples
    --------
    >>> printable("gewicht ä"), printable("w\x1b[2J")
    ('gewicht ä', 'w\\x1b[2J')
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name
    )

"""What is printed: no name in a file or an argument may drive the terminal that shows it."""

import sys


def escaped(text: str) -> str:
    r"""The text with everything that a terminal would act on written as an escape.

    Examples
    --------
    >>> escaped("red \x1b[31m ends")
    'red \\x1b[31m ends'
    >>> escaped("größe, 3 × 3") == "größe, 3 × 3"
    True
    """
    return "".join(c if c.isprintable() or c in "\n\t" else _escape(c) for c in text)


def show(text: object = "", *, aside: bool = False) -> None:
    """Print a result to standard output, or aside, to standard error, what is said about it."""
    stream = sys.stderr if aside else sys.stdout
    if stream is not None:  # as where it was closed; `print` would take the other one
        print(escaped(str(text)), file=stream)


def one_line(text: object) -> str:
    """A message as one line without control characters."""
    return escaped(" ".join(str(text).split()))


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

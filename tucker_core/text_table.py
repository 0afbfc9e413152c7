"""Tables as text."""

import itertools
from collections.abc import Sequence

from tucker_core.checks import check_sequence, shown


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of text in columns, first column left, the others right, a rule under the head.

    Raises
    ------
    TypeError, ValueError
        If there is no row, they are not equally long, or an entry is no text.

    Examples
    --------
    >>> print(format_table([("layer", "numbers"), ("fc1", "1,960")]))
    layer  numbers
    -----  -------
    fc1      1,960
    """
    given = check_sequence(rows, "rows", "a list of rows")
    rows = [check_sequence(row, "a row", "a list of texts") for row in given]
    if not rows or not rows[0] or {len(row) for row in rows} != {len(rows[0])}:
        raise ValueError(f"rows are {shown(rows)}; at least one, all of one length, are needed")
    for cell in itertools.chain(*rows):
        if not isinstance(cell, str):
            raise TypeError(f"a cell of the table is {shown(cell)}; a text is needed")
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)

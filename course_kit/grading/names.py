"""Which names a cell of an instructor's notebook needs, and who gives them: instructor or student."""

import re
import symtable
from collections.abc import Iterator, Sequence

from course_kit.grading.cells import Cell

MAGIC = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)


def plain(source: str) -> str:
    """A cell without IPython's own commands, which do nothing for a test."""
    return MAGIC.sub("", source)


def needed(source: str) -> set[str]:
    """Names that a cell, or a function in it, looks up outside.

    Examples
    --------
    >>> sorted(needed("y = f(x); z = [a for a in y]"))
    ['f', 'x', 'y']
    """
    table = symtable.symtable(plain(source), "cell", "exec")
    top = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    inner = {s.get_name() for t in _below(table) for s in t.get_symbols() if s.is_global()}
    return top | inner


def bound(source: str) -> set[str]:
    r"""Names that a cell gives a value.

    Examples
    --------
    >>> sorted(bound("import numpy as np\ndef f(): x = 1\na = b = 2"))
    ['a', 'b', 'f', 'np']
    """
    table = symtable.symtable(plain(source), "cell", "exec")
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}


def giver(name: str, cells: Sequence[Cell], before: int) -> int | None:
    """The place of the read-only cell that last gave a name its value, or None if a student has to.

    Parameters
    ----------
    name : of a variable
    cells : of the instructor's notebook
    before : place of the cell that needs it
    """
    for place in range(before - 1, -1, -1):
        cell = cells[place]
        if cell.kind == "code" and not cell.graded and name in bound(cell.source):
            return place if cell.locked else None
    return None


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _below(child)

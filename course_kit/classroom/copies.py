"""Hints that an answer was copied: the same program as another's, once its names are left out."""

import ast
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from course_kit.grading.assignment import Assignment
from course_kit.grading.results import Result

LEAST_PARTS = 80  # of a syntax tree; shorter answers are the same by themselves
MOST_SHARING = 0.25  # of the class; what more have is the usual way to write it


def hints(results: Sequence[Result], assignment: Assignment) -> dict[str, list[str]]:
    """For each student, which answers look like the instructor's or another student's.

    Parameters
    ----------
    results : with the students' own cells
    assignment : with the instructor's solutions
    """
    solutions = {
        cell.grade_id: normalised(cell.source)
        for cell in assignment.cells
        if cell.kind == "code" and not cell.locked
    }
    sharing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for result in results:
        for name, mark in _answers(result, solutions):
            sharing[name, mark].append(result["student"])
    most = max(2, int(MOST_SHARING * len(results)))
    found: dict[str, list[str]] = defaultdict(list)
    for (name, mark), students in sharing.items():
        for student in students:
            others = [other for other in students if other != student]
            if mark == solutions[name]:
                found[student].append(f"hint: {name} is, but for names, the instructor's solution")
            elif others and len(students) <= most:
                found[student].append(
                    f"hint: {name} is, but for names, that of {', '.join(others)}"
                )
    return dict(found)


def normalised(source: str) -> str:
    r"""A fingerprint of a program without its names, texts and comments; "" of one too short to tell.

    Examples
    --------
    >>> long = "def f(a):\n    b = [x * 2 for x in a if x]\n    return [b[k] + k for k in a]\n" * 2
    >>> normalised(long) == normalised(long.replace("b", "total").replace("f(a)", "g(a)"))
    True
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    nodes = [node for node in ast.walk(tree) if not _is_text(node)]
    if len(nodes) < LEAST_PARTS:
        return ""
    parts = []
    for node in nodes:
        parts.append(type(node).__name__)
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            parts.append(repr(node.value)[:50])
    return hashlib.sha256(" ".join(parts).encode("utf-8", "replace")).hexdigest()


def _is_text(node: ast.AST) -> bool:
    """A docstring, or what stands in it."""
    value = node.value if isinstance(node, ast.Expr) else node
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _answers(result: Result, solutions: dict[str, str]) -> Iterable[tuple[str, str]]:
    for cell in result["cells"]:
        if cell["name"] in solutions and cell["source"]:
            mark = normalised(cell["source"])
            if mark:
                yield cell["name"], mark

"""The commands `ada-tucker course ...` that follow grading: feedback, report, marks by hand, exports."""

import argparse
from argparse import Namespace
from pathlib import Path
from typing import Any

from ada_tucker.cli.options import Sub
from ada_tucker.cli.terminal import show


def add_after_grading(steps: Sub) -> None:
    """Describe the commands and their options."""
    for add in (_feedback, _report, _override, _export, _totals):
        add(steps)


def assignment_argument(command: argparse.ArgumentParser) -> None:
    """Which assignment a command is about."""
    command.add_argument(
        "assignment", help="a1, a2, a3, a4, or the path of an instructor's notebook"
    )


def say(kind: str, lines: list[str]) -> None:
    """Print lines of one kind aside."""
    for line in lines:
        show(f"{kind}: {line}", aside=True)


def _marks(command: argparse.ArgumentParser) -> None:
    command.add_argument("--marks", type=Path, required=True, help="folder that 'grade' wrote to")


def _feedback(sub: Sub) -> None:
    command = sub.add_parser("feedback", help="write a page for each student, and an index")
    assignment_argument(command)
    _marks(command)
    command.set_defaults(run=feedback)


def _report(sub: Sub) -> None:
    command = sub.add_parser("report", help="draw how each problem went and what failed most often")
    assignment_argument(command)
    _marks(command)
    command.set_defaults(run=report)


def _override(sub: Sub) -> None:
    command = sub.add_parser(
        "override", help="give points by hand; they stay whatever is graded again"
    )
    assignment_argument(command)
    _marks(command)
    command.add_argument("--student", help="an id")
    command.add_argument("--problem", help="as the column of marks.csv is called")
    command.add_argument("--points", type=float)
    command.add_argument("--reason", default="", help="for the student to read")
    command.add_argument("--form", type=Path, metavar="to_mark.csv", help="many at once")
    command.set_defaults(run=override)


def _export(sub: Sub) -> None:
    command = sub.add_parser(
        "export", help="write points into a class list, to import in Canvas or Moodle"
    )
    assignment_argument(command)
    _marks(command)
    command.add_argument(
        "--into", type=Path, required=True, metavar="ROSTER.csv", help="as exported from there"
    )
    command.add_argument("--column", help="default: the assignment's name")
    command.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    command.set_defaults(run=export)


def _totals(sub: Sub) -> None:
    command = sub.add_parser("totals", help="sum up the points of all assignments")
    _marks(command)
    command.set_defaults(run=totals)


def feedback(arguments: Namespace) -> None:
    """Write a page for each student."""
    from course_kit.classroom.feedback import write_feedback

    results, folder = _results(arguments)
    *_, index = write_feedback(results, folder / "feedback")
    show(f"{len(results)} pages and {index}")


def report(arguments: Namespace) -> None:
    """Draw the teacher's summary."""
    from course_kit.classroom.report import write_report

    results, folder = _results(arguments)
    for path in write_report(results, folder):
        show(path)


def override(arguments: Namespace) -> None:
    """Give points by hand."""
    from course_kit.classroom.marks import read_form, write_form, write_marks
    from course_kit.grading.results import override as give
    from course_kit.grading.results import read_results

    _, folder = _results(arguments)
    marks = read_form(arguments.form) if arguments.form else []
    if arguments.student is not None:
        if arguments.problem is None or arguments.points is None:
            raise ValueError("--student needs --problem, --points and --reason")
        marks.append((arguments.student, arguments.problem, arguments.points, arguments.reason))
    if not marks:
        raise ValueError("nothing to do: give --student, or a --form with points filled in")
    for mark in marks:
        give(folder, *mark)
    results = read_results(folder)
    write_marks(results, folder / "marks.csv")
    write_form(results, folder / "to_mark.csv")
    show(f"{len(marks)} marks by hand, {folder / 'marks.csv'} written anew")


def export(arguments: Namespace) -> None:
    """Write points into a class list."""
    from course_kit.classroom.marks import export as write

    results, folder = _results(arguments)
    unknown = write(results, arguments.into, arguments.column or folder.name, arguments.out)
    say("not in the list", unknown)
    show(f"{arguments.out}: column {arguments.column or folder.name}")


def totals(arguments: Namespace) -> None:
    """Sum up all assignments."""
    from course_kit.classroom.marks import write_totals

    path = arguments.marks / "totals.csv"
    show(f"{path}: {', '.join(write_totals(arguments.marks, path))}")


def _results(arguments: Namespace) -> tuple[list[dict[str, Any]], Path]:
    from course_kit.grading.assignment import load_assignment
    from course_kit.grading.results import read_results

    folder = arguments.marks / load_assignment(arguments.assignment).name
    return read_results(folder), folder

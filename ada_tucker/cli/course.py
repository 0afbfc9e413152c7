"""The commands `ada-tucker course ...`: hand out assignments, collect, grade and give back."""

import argparse
from argparse import Namespace
from datetime import datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ada_tucker.cli.options import Sub
from ada_tucker.cli.terminal import show
from torch_bridge.state.progress import hidden

CHANGED_SINCE = (
    "the instructor's notebook has changed since it was handed out: tests that differ count as changed "
    "by the students; give the path of the notebook as it was then"
)


def add_course(sub: Sub) -> None:
    """Describe the commands and their options."""
    command = sub.add_parser(
        "course", help="assignments: release, collect, grade, feedback, report"
    )
    steps = command.add_subparsers(required=True, metavar="STEP")
    for add in (_release, _collect, _grade, _feedback, _report):
        add(steps)


def _release(sub: Sub) -> None:
    command = sub.add_parser(
        "release", help="write one notebook for each student; what is there is never overwritten"
    )
    _assignment(command)
    command.add_argument(
        "--students", type=Path, required=True, metavar="ROSTER.csv",
        help="class list with a column 'student' of ids, and perhaps one 'name'",
    )  # fmt: skip
    command.add_argument(
        "--seed", type=int, required=True, help="of everyone's variant in this course"
    )
    command.add_argument("--out", type=Path, required=True, help="folder for the notebooks")
    command.set_defaults(run=release)


def _collect(sub: Sub) -> None:
    command = sub.add_parser(
        "collect", help="file what came back, whatever the files are called, by student"
    )
    _assignment(command)
    command.add_argument(
        "--inbox", type=Path, required=True, help="folder or zip with the notebooks that came back"
    )
    command.add_argument(
        "--released", type=Path, required=True, help="folder that 'release' wrote to"
    )
    command.add_argument("--out", type=Path, required=True, help="folder for the submissions")
    command.add_argument(
        "--due", type=_time, help="who changed a file later is named, e.g. 2027-03-01T23:59"
    )
    command.set_defaults(run=collect)


def _grade(sub: Sub) -> None:
    command = sub.add_parser("grade", help="run and mark all submissions, each in its own process")
    _assignment(command)
    command.add_argument(
        "--submissions", type=Path, required=True, help="folder that 'collect' wrote to"
    )
    command.add_argument("--out", type=Path, required=True, help="folder for the marks")
    command.add_argument("--jobs", type=int, help="submissions at once (default: one a processor)")
    command.add_argument("--cell-seconds", type=float, default=120, help="default: %(default)s")
    command.add_argument("--notebook-seconds", type=float, default=600, help="default: %(default)s")
    command.add_argument(
        "--memory", type=float, default=4, metavar="GB", help="default: %(default)s"
    )
    command.add_argument(
        "--again", action="store_true", help="also grade what has not changed since last time"
    )
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    command.set_defaults(run=grade)


def _feedback(sub: Sub) -> None:
    command = sub.add_parser("feedback", help="write a page for each student, and an index")
    _assignment(command)
    _marks(command)
    command.set_defaults(run=feedback)


def _report(sub: Sub) -> None:
    command = sub.add_parser("report", help="draw how each problem went and what failed most often")
    _assignment(command)
    _marks(command)
    command.set_defaults(run=report)


def _assignment(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "assignment", help="a1, a2, a3, a4, or the path of an instructor's notebook"
    )


def _marks(command: argparse.ArgumentParser) -> None:
    command.add_argument("--marks", type=Path, required=True, help="folder that 'grade' wrote to")


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text} is no time; write it like 2027-03-01T23:59"
        ) from None


def release(arguments: Namespace) -> None:
    """Write the notebooks that are handed out."""
    from course_kit.grading.assignment import load_assignment
    from course_kit.grading.course import read_roster
    from course_kit.grading.course import release as write

    assignment = load_assignment(arguments.assignment)
    students = read_roster(arguments.students)
    written = write(assignment, students, arguments.seed, arguments.out)
    show(
        f"{len(written)} notebooks written to {arguments.out}, {len(students) - len(written)} were there"
    )


def collect(arguments: Namespace) -> None:
    """File what came back."""
    from course_kit.grading.assignment import load_assignment
    from course_kit.grading.collect import collect as file_all
    from course_kit.grading.course import load_course

    course = load_course(arguments.released, load_assignment(arguments.assignment).name)
    found = file_all(course, arguments.inbox, arguments.out, arguments.due)
    show(f"{len(found.filed)} of {len(course.students)} students handed in: {arguments.out}")
    _list("missing", found.missing)
    _list("late", found.late)
    _list("note", found.notes)


def grade(arguments: Namespace) -> None:
    """Run and mark all submissions."""
    from course_kit.grading import marks
    from course_kit.grading.assignment import load_assignment
    from course_kit.grading.course import load_course
    from course_kit.grading.grade import grade_folder
    from course_kit.grading.sandbox.limits import Limits

    if arguments.jobs is not None and arguments.jobs < 1:
        raise ValueError(f"--jobs is {arguments.jobs}; at least 1 is needed")
    assignment = load_assignment(arguments.assignment)
    course = load_course(arguments.submissions, assignment.name)
    if course.digest not in ("", assignment.digest):
        _list("note", [CHANGED_SINCE])
    limits = Limits(arguments.cell_seconds, arguments.notebook_seconds, arguments.memory)
    out = arguments.out / assignment.name
    with tqdm(
        total=len(course.students), unit="student", disable=hidden(not arguments.quiet)
    ) as bar:
        results = grade_folder(
            assignment, course, arguments.submissions, out, limits=limits,
            jobs=arguments.jobs, again=arguments.again, progress=lambda result: _advance(bar, result),
        )  # fmt: skip
    marks.write_marks(results, out / "marks.csv")
    show(marks.marks_table(results))
    if marks.write_leaderboard(results, out / "leaderboard.csv"):
        show(f"\nleaderboard: {out / 'leaderboard.csv'}")
    _list("note", marks.notes_list(results))
    _list("on this system", marks.unguarded(results))
    show(f"\nmarks: {out / 'marks.csv'}")


def feedback(arguments: Namespace) -> None:
    """Write a page for each student."""
    from course_kit.grading.feedback import write_feedback

    results, folder = _results(arguments)
    *_, index = write_feedback(results, folder / "feedback")
    show(f"{len(results)} pages and {index}")


def report(arguments: Namespace) -> None:
    """Draw the teacher's summary."""
    from course_kit.grading.report import write_report

    results, folder = _results(arguments)
    for path in write_report(results, folder):
        show(path)


def _results(arguments: Namespace) -> tuple[list[dict[str, Any]], Path]:
    from course_kit.grading.assignment import load_assignment
    from course_kit.grading.grade import read_results

    folder = arguments.marks / load_assignment(arguments.assignment).name
    return read_results(folder), folder


def _advance(bar: Any, result: dict[str, Any]) -> None:
    bar.set_postfix_str(str(result["student"]))
    bar.update()


def _list(kind: str, lines: list[str]) -> None:
    for line in lines:
        show(f"{kind}: {line}", aside=True)

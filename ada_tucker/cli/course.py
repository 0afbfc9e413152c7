"""The commands `ada-tucker course ...`: hand out assignments, collect and grade."""

import argparse
from argparse import Namespace
from datetime import datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ada_tucker.cli.course_marks import add_after_grading, assignment_argument, say
from ada_tucker.cli.options import Sub
from ada_tucker.cli.terminal import show
from torch_bridge.state.progress import hidden

CHANGED_SINCE = (
    "the instructor's notebook has changed since it was handed out: all are marked by its tests of "
    "today"
)


def add_course(sub: Sub) -> None:
    """Describe the commands and their options."""
    command = sub.add_parser(
        "course", help="assignments: hand out, collect, grade, give back, sum up"
    )
    steps = command.add_subparsers(required=True, metavar="STEP")
    for add in (_bundle, _release, _collect, _grade):
        add(steps)
    add_after_grading(steps)


def _bundle(sub: Sub) -> None:
    command = sub.add_parser(
        "bundle", help="write a zip of the course for students, without solutions and results"
    )
    command.add_argument("--out", type=Path, required=True, metavar="FILE.zip")
    command.set_defaults(run=bundle)


def _release(sub: Sub) -> None:
    command = sub.add_parser(
        "release", help="write one notebook for each student; what is there is never overwritten"
    )
    assignment_argument(command)
    command.add_argument(
        "--students", type=Path, required=True, metavar="ROSTER.csv",
        help="class list of Canvas, Moodle or a spreadsheet: a column of ids, and perhaps one of names",
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
    assignment_argument(command)
    command.add_argument(
        "--inbox", type=Path, required=True, help="folder or zip with the notebooks that came back"
    )
    command.add_argument(
        "--released", type=Path, required=True, help="folder that 'release' wrote to"
    )
    command.add_argument("--out", type=Path, required=True, help="folder for the submissions")
    command.add_argument(
        "--due", type=_time,
        help="e.g. 2027-03-01 for the end of that day, or 2027-03-01T18:00+01:00",
    )  # fmt: skip
    command.add_argument(
        "--extensions",
        type=Path,
        metavar="FILE.csv",
        help="who has more time: columns student, due",
    )
    command.add_argument(
        "--decide", type=_decision, action="append", default=[], metavar="FILE=STUDENT",
        help="whose a file is where its name and its inside contradict each other; FILE= leaves it out",
    )  # fmt: skip
    command.set_defaults(run=collect)


def _grade(sub: Sub) -> None:
    command = sub.add_parser("grade", help="run and mark all submissions, each in a sandbox")
    assignment_argument(command)
    command.add_argument(
        "--submissions", type=Path, required=True, help="folder that 'collect' wrote to"
    )
    command.add_argument("--out", type=Path, required=True, help="folder for the marks")
    command.add_argument(
        "--container", default="", metavar="IMAGE",
        help="run submissions in this image, with docker or podman; default: bubblewrap, where it is",
    )  # fmt: skip
    command.add_argument(
        "--late-penalty", type=float, default=0, metavar="PERCENT", help="a day begun"
    )
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


def _time(text: str) -> datetime:
    from course_kit.classroom.collect import parse_due

    try:
        return parse_due(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text} is no time; write it like 2027-03-01, or 2027-03-01T23:59+01:00"
        ) from None


def _decision(text: str) -> tuple[str, str]:
    name, equals, student = text.rpartition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} decides nothing; write it like FILE=STUDENT")
    return name, student


def bundle(arguments: Namespace) -> None:
    """Write the zip that students get."""
    from course_kit.classroom.release import write_bundle

    show(f"{write_bundle(arguments.out)} files in {arguments.out}")


def release(arguments: Namespace) -> None:
    """Write the notebooks that are handed out."""
    from course_kit.classroom.release import release as write
    from course_kit.classroom.roster import read_roster
    from course_kit.grading.assignment import load_assignment

    assignment = load_assignment(arguments.assignment)
    students = read_roster(arguments.students)
    written = write(assignment, students, arguments.seed, arguments.out)
    show(
        f"{len(written)} notebooks written to {arguments.out}, {len(students) - len(written)} were there"
    )


def collect(arguments: Namespace) -> None:
    """File what came back."""
    from course_kit.classroom.collect import Due, read_extensions
    from course_kit.classroom.collect import collect as file_all
    from course_kit.classroom.marks import in_words
    from course_kit.grading.assignment import load_assignment
    from course_kit.grading.course import load_course

    course = load_course(arguments.released, load_assignment(arguments.assignment).name)
    extended = read_extensions(arguments.extensions, course) if arguments.extensions else {}
    found = file_all(
        course, arguments.inbox, arguments.out, Due(arguments.due, extended), dict(arguments.decide)
    )
    show(f"{len(found.filed)} of {len(course.students)} students handed in: {arguments.out}")
    say("missing", found.missing)
    say("late", [f"{student} by {in_words(seconds)}" for student, seconds in found.late.items()])
    say("note", found.notes)
    say("to decide", found.conflicts)
    if found.conflicts:
        show("to decide: run it again with --decide FILE=STUDENT for each", aside=True)


def grade(arguments: Namespace) -> None:
    """Run and mark all submissions."""
    from course_kit.classroom.collect import read_late
    from course_kit.classroom.copies import hints
    from course_kit.classroom.marks import apply_lateness
    from course_kit.grading.assignment import load_assignment
    from course_kit.grading.course import load_course
    from course_kit.grading.grade import NEVER_SHOWN, grade_folder, result_file
    from course_kit.grading.results import with_overrides, write_result
    from course_kit.sandbox.isolation import choose
    from course_kit.sandbox.limits import Limits

    if arguments.jobs is not None and arguments.jobs < 1:
        raise ValueError(f"--jobs is {arguments.jobs}; at least 1 is needed")
    assignment = load_assignment(arguments.assignment)
    course = load_course(arguments.submissions, assignment.name)
    if course.digest not in ("", assignment.digest):
        say("note", [CHANGED_SINCE])
    limits = Limits(arguments.cell_seconds, arguments.notebook_seconds, arguments.memory)
    isolation = choose(arguments.container, (*NEVER_SHOWN, arguments.submissions, arguments.out))
    out = arguments.out / assignment.name
    with tqdm(
        total=len(course.students), unit="student", disable=hidden(not arguments.quiet)
    ) as bar:
        results = grade_folder(
            assignment, course, arguments.submissions, out, limits=limits, isolation=isolation,
            jobs=arguments.jobs, again=arguments.again, progress=lambda result: _advance(bar, result),
        )  # fmt: skip
    late = read_late(arguments.submissions, assignment.name)
    apply_lateness(results, late, arguments.late_penalty)
    alike = hints(results, assignment)
    for result in results:
        result["for_teacher"] = alike.get(result["student"], [])
        write_result(result_file(out, result["student"]), result)
    _show_marks(with_overrides(results, out), out)


def _show_marks(results: list[dict[str, Any]], out: Path) -> None:
    from course_kit.classroom import marks

    marks.write_marks(results, out / "marks.csv")
    show(marks.marks_table(results))
    if marks.write_leaderboard(results, out / "leaderboard.csv"):
        show(f"\nleaderboard: {out / 'leaderboard.csv'}")
    changed = [f"{r['student']}: {', '.join(r['changed'])}" for r in results if r["changed"]]
    say("changed", changed)
    say("note", marks.notes_list(results))
    say("on this system", marks.warnings(results))
    if marks.write_form(results, out / "to_mark.csv"):
        show(f"\nto mark by hand: {out / 'to_mark.csv'}, then 'course override --form' with it")
    show(f"\nmarks: {out / 'marks.csv'}")


def _advance(bar: Any, result: dict[str, Any]) -> None:
    bar.set_postfix_str(str(result["student"]))
    bar.update()

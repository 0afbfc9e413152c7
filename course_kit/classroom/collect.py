"""Filing what came back by student, with how late it is."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Any

from course_kit.classroom.inbox import NOTEBOOK_ENDS, Returned, returned_notebooks
from course_kit.classroom.roster import read_table
from course_kit.grading.cells import UnreadableNotebook, read_submission
from course_kit.grading.course import Course
from course_kit.grading.text import shown
from tucker_core.files import replacing, write_json


@dataclass
class Collected:
    """What was found.

    Attributes
    ----------
    filed : student -> the file that counts
    missing : students without one
    late : student -> seconds after the due time
    notes : duplicates, files that cannot be read or belong to nobody
    conflicts : files whose name and inside contradict each other; they are not filed
    """

    filed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    late: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Due:
    """When a submission is due: for all, and for who has an extension."""

    everyone: datetime | None = None
    extended: Mapping[str, datetime] = field(default_factory=dict)

    def seconds_late(self, student: str, changed: datetime | None) -> int:
        """Seconds after the due time; 0 if in time, or if there is none or nobody knows."""
        due = self.extended.get(student, self.everyone)
        if due is None or changed is None:
            return 0
        return max(0, int((changed - due).total_seconds()))


def collect(
    course: Course,
    inbox: Path,
    out: Path,
    due: Due | None = None,
    decided: Mapping[str, str] | None = None,
) -> Collected:
    """File the notebooks of a folder or zip as ``out/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb``.

    Whose a notebook is, its metadata say, or else its path. Where they contradict each other a person
    has to decide. Of several of one student the newest counts.

    Parameters
    ----------
    course, inbox, out : who takes part, what came back, and where to file it
    due : when it was due
    decided : file -> student, or "" to leave it out

    Raises
    ------
    ValueError
        If there is no such folder or zip, or a file was decided to be a stranger's.
    """
    due, decided = due or Due(), decided or {}
    strangers = sorted(set(decided.values()) - {"", *course.students})
    if strangers:
        raise ValueError(f"{', '.join(strangers)}: not in the class list; decide for one who is")
    result = Collected()
    newest: dict[str, Returned] = {}
    for returned in sorted(returned_notebooks(inbox, result.notes), key=_age):
        try:
            student = whose(returned, course, result, decided)
        except Exception as error:  # one file is one unit
            result.notes.append(f"{returned.name}: cannot be read ({shown(error)[:200]})")
            continue
        if student is not None:
            if student in newest and newest[student].content != returned.content:
                older = newest[student].name
                result.notes.append(f"{student}: {returned.name} counts, it is newer than {older}")
            newest[student] = returned
    for student, returned in sorted(newest.items()):
        _file(returned, student, course, out, result)
        seconds = due.seconds_late(student, returned.changed)
        if seconds:
            result.late[student] = seconds
        if returned.changed is None and due.everyone is not None:
            result.notes.append(
                f"{student}: {returned.name} has no date; whether it is late is not known"
            )
    result.missing = [student for student in course.students if student not in newest]
    course.save(out)
    write_json(_late_file(out, course.assignment), {"late_seconds": result.late})
    return result


def whose(
    returned: Returned, course: Course, result: Collected, decided: Mapping[str, str]
) -> str | None:
    """The student a notebook belongs to, or None with a note or a question."""
    if returned.name in decided:
        return decided[returned.name] or None
    try:
        label = read_submission(returned.content).label
    except UnreadableNotebook:
        label = {}
    assignment = label.get("assignment", course.assignment)
    if assignment != course.assignment:
        result.notes.append(f"{returned.name}: left out, it is assignment {assignment}")
        return None
    inside = label.get("student", "")
    labelled = [inside] if inside in course.students else []
    found = list(dict.fromkeys([*labelled, *_ids_in(returned.name, course)]))
    if len(found) > 1:
        result.conflicts.append(
            f"{returned.name}: {'made' if labelled else 'named'} for {found[0]}, but named for "
            f"{' and '.join(found[1:])}; not filed: say whose it is"
        )
    if not found:
        result.notes.append(f"{returned.name}: neither its metadata nor its name tell whose it is")
    return found[0] if len(found) == 1 else None


def read_late(submissions: Path, assignment: str) -> dict[str, int]:
    """Seconds that each student was late, as `collect` found; nothing where nobody was or knows."""
    try:
        kept = json.loads(_late_file(submissions, assignment).read_text(encoding="utf-8"))
        return {str(student): int(seconds) for student, seconds in kept["late_seconds"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def parse_due(text: str) -> datetime:
    """Read a due time: a bare date means the end of that day, and no zone this computer's.

    Raises
    ------
    ValueError
        If it is no time.

    Examples
    --------
    >>> parse_due("2027-03-01T12:00+01:00").isoformat()
    '2027-03-01T12:00:00+01:00'
    >>> parse_due("2027-03-01").strftime("%H:%M:%S")
    '23:59:59'
    """
    moment = datetime.fromisoformat(text.strip())
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text.strip()):
        moment = datetime.combine(moment.date(), time(23, 59, 59))
    return moment if moment.tzinfo else moment.astimezone()


def read_extensions(path: Path, course: Course) -> dict[str, datetime]:
    """Read who has more time: a CSV file with a column of ids and one ``due``.

    Raises
    ------
    ValueError
        If a column is missing, a time is none, or an id is not in the class list.
    """
    table = read_table(path)
    head = [name.lower() for name in table.head]
    if "due" not in head:
        raise ValueError(f"{path} has the columns {table.head}; one must be named due")
    extended: dict[str, datetime] = {}
    for student, row in zip(table.ids, table.rows, strict=True):
        if student not in course.students:
            raise ValueError(f"{path}: {shown(student)!r} is not in the class list")
        try:
            extended[student] = parse_due(row[head.index("due")])
        except ValueError as error:
            raise ValueError(f"{path}: {student}: {error}") from None
    return extended


def _ids_in(name: str, course: Course) -> Iterator[str]:
    """Of the file's own name, then of each folder, the longest id that stands by itself in it."""
    lower = name.lower()
    end = next((end for end in sorted(NOTEBOOK_ENDS, key=len)[::-1] if lower.endswith(end)), "")
    for part in reversed(name[: len(name) - len(end)].split("/")):
        for student in sorted(course.students, key=len, reverse=True):
            alone = rf"(?<![A-Za-z0-9]){re.escape(student)}(?![A-Za-z0-9])"
            if re.search(alone, part, re.IGNORECASE):
                yield student
                break


def _file(returned: Returned, student: str, course: Course, out: Path, result: Collected) -> None:
    path = out / student / course.assignment / f"{course.assignment}.ipynb"
    if path.exists() and path.read_bytes() != returned.content:
        result.notes.append(f"{student}: {returned.name} replaces what was filed before")
    with replacing(path) as temporary:
        temporary.write_bytes(returned.content)
    if returned.changed is not None:
        seconds = returned.changed.timestamp()
        os.utime(path, (seconds, seconds))
    result.filed[student] = returned.name


def _age(returned: Returned) -> tuple[Any, ...]:
    return (
        returned.changed is not None,
        returned.changed and returned.changed.timestamp(),
        returned.name,
    )


def _late_file(folder: Path, assignment: str) -> Path:
    return folder / f"collected_{assignment}.json"

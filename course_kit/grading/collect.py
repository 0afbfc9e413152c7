"""Filing what came back, whatever the files are called: one notebook for each student."""

import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from course_kit.grading.cells import LARGEST_NOTEBOOK, UnreadableNotebook, read_submission
from course_kit.grading.course import Course
from tucker_core.files import replacing


class Returned(NamedTuple):
    """A notebook that came back: where from, when it was last changed, and its bytes."""

    name: str
    changed: datetime
    content: bytes


@dataclass
class Collected:
    """What was found.

    Attributes
    ----------
    filed : student -> the file that counts
    missing : students without one
    late : students whose file was changed after the due date
    notes : duplicates, contradictions, files that belong to nobody
    """

    filed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def collect(course: Course, inbox: Path, out: Path, due: datetime | None = None) -> Collected:
    """File the notebooks of a folder or zip as ``out/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb``.

    Whose a notebook is, its metadata say, or else its file name. Of several the newest counts.

    Raises
    ------
    ValueError
        If there is no such folder or zip.
    """
    result = Collected()
    newest: dict[str, Returned] = {}
    for returned in sorted(
        returned_notebooks(inbox, result.notes), key=lambda r: (r.changed, r.name)
    ):
        student = whose(returned, course, result.notes)
        if student is None:
            continue
        if student in newest:
            older = newest[student].name
            result.notes.append(f"{student}: {returned.name} counts, it is newer than {older}")
        newest[student] = returned
    for student, returned in sorted(newest.items()):
        _file(returned, out / student / course.assignment / f"{course.assignment}.ipynb")
        result.filed[student] = returned.name
        if due is not None and returned.changed > due:
            result.late.append(student)
    result.missing = [student for student in course.students if student not in newest]
    course.save(out)
    return result


def whose(returned: Returned, course: Course, notes: list[str]) -> str | None:
    """The student a notebook belongs to, or None with a note."""
    by_name = _id_in(returned.name, course)
    try:
        label = read_submission(returned.content).label
    except UnreadableNotebook:
        label = {}
    assignment = str(label.get("assignment", course.assignment))
    if assignment != course.assignment:
        notes.append(f"{returned.name}: left out, it is assignment {assignment}")
        return None
    inside = str(label.get("student", ""))
    if inside in course.students:
        if by_name not in (None, inside):
            notes.append(f"{returned.name}: filed as {inside}, as it says inside, not as {by_name}")
        return inside
    if by_name is None:
        notes.append(f"{returned.name}: neither its metadata nor its name tell whose it is")
    return by_name


def returned_notebooks(inbox: Path, notes: list[str]) -> Iterator[Returned]:
    """All notebooks below a folder or inside a zip, hidden files and checkpoints left out.

    Raises
    ------
    ValueError
        If there is no such folder or zip.
    """
    if inbox.is_dir():
        for path in sorted(inbox.rglob("*.ipynb")):
            if path.is_file() and _counts(path.relative_to(inbox).as_posix()):
                changed = datetime.fromtimestamp(path.stat().st_mtime)
                with path.open("rb") as file:
                    content = file.read(LARGEST_NOTEBOOK + 1)
                yield Returned(path.relative_to(inbox).as_posix(), changed, content)
    elif zipfile.is_zipfile(inbox):
        with zipfile.ZipFile(inbox) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".ipynb") and _counts(member.filename):
                    try:
                        with archive.open(member) as stored:  # a bomb unpacks to no more than this
                            content = stored.read(LARGEST_NOTEBOOK + 1)
                    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
                        notes.append(f"{member.filename}: cannot be unpacked ({error})")
                        continue
                    yield Returned(member.filename, datetime(*member.date_time), content)
    else:
        raise ValueError(f"{inbox} is neither a folder nor a zip file")


def _counts(name: str) -> bool:
    parts = name.split("/")
    return not any(part.startswith((".", "__MACOSX")) for part in parts)


def _id_in(name: str, course: Course) -> str | None:
    """The longest id that stands by itself in a path, the file's own name before its folders."""
    for part in reversed(name.removesuffix(".ipynb").split("/")):
        for student in sorted(course.students, key=len, reverse=True):
            if re.search(
                rf"(?<![A-Za-z0-9]){re.escape(student)}(?![A-Za-z0-9])", part, re.IGNORECASE
            ):
                return student
    return None


def _file(returned: Returned, path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(returned.content)
    seconds = returned.changed.timestamp()
    os.utime(path, (seconds, seconds))

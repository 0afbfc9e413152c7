"""Who takes part: the class list, and the small file that goes with what is handed out."""

import csv
import io
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from course_kit.grading.assignment import Assignment
from tucker_core.files import replacing, write_json

STUDENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
ID_COLUMNS = ("student", "student_id", "id", "id number", "username", "user", "login")
NAME_COLUMNS = ("name", "full name", "fullname")


@dataclass(frozen=True)
class Course:
    """One assignment handed out to one class.

    Attributes
    ----------
    assignment : short name
    course_seed : of everyone's variant
    students : id -> name, "" where unknown
    digest : of the instructor's notebook that was handed out, "" where unknown
    """

    assignment: str
    course_seed: int
    students: dict[str, str]
    digest: str = ""

    def save(self, folder: Path) -> None:
        """Write it to a folder, where `collect` and `grade` look for it."""
        write_json(course_file(folder, self.assignment), asdict(self))


def course_file(folder: Path, assignment: str) -> Path:
    """Where a folder keeps its class list and seed."""
    return folder / f"course_{assignment}.json"


def load_course(folder: Path, assignment: str) -> Course:
    """Read what `release` or `collect` wrote to a folder.

    Raises
    ------
    ValueError
        If it is not there, or not what they write.
    """
    path = course_file(folder, assignment)
    if not path.exists():
        raise ValueError(
            f"{path} does not exist: is {folder} the folder that the step before wrote to?"
        )
    try:
        course = Course(**json.loads(path.read_text(encoding="utf-8")))
        int(course.course_seed), dict(course.students)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): run the step before again") from None
    return course


def read_roster(path: Path) -> dict[str, str]:
    """Read a class list: a CSV file with a column of ids, and perhaps one of names.

    Raises
    ------
    ValueError
        If there is no such column, or an id cannot be part of a file name or comes twice.
    """
    text = path.read_text(encoding="utf-8-sig")
    delimiter = ";" if text.split("\n")[0].count(";") > text.split("\n")[0].count(",") else ","
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    head = [name.strip().lower() for name in rows[0]] if rows else []
    column = next((head.index(name) for name in ID_COLUMNS if name in head), None)
    if column is None:
        raise ValueError(
            f"{path} has the columns {head}; one must be named {' or '.join(ID_COLUMNS)}"
        )
    name_column = next((head.index(name) for name in NAME_COLUMNS if name in head), None)
    students: dict[str, str] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(field.strip() for field in row):
            continue
        student = row[column].strip() if column < len(row) else ""
        if not STUDENT_ID.fullmatch(student):
            raise ValueError(
                f"{path}, line {line}: {student!r} is no id; use 1 to 64 letters, digits and . _ @ + -"
            )
        if student.lower() in map(str.lower, students):
            raise ValueError(f"{path}, line {line}: {student} comes twice; every id must come once")
        named = name_column is not None and name_column < len(row)
        students[student] = row[name_column].strip() if named and name_column is not None else ""
    if not students:
        raise ValueError(f"{path} names no students: add a line for each")
    return students


def release(
    assignment: Assignment, students: dict[str, str], course_seed: int, out: Path
) -> list[Path]:
    """Write one notebook for each student, and return those written; what is there stays as it is.

    Run it again with a longer class list to add who came late.

    Raises
    ------
    ValueError
        If the folder was released to with another seed.
    """
    known: dict[str, str] = {}
    if course_file(out, assignment.name).exists():
        before = load_course(out, assignment.name)
        known = before.students
        if before.course_seed != course_seed:
            raise ValueError(
                f"seed {course_seed}: {out} was released with seed {before.course_seed}; use that, or "
                "another folder"
            )
    written = []
    for student in students:
        path = out / f"{assignment.name}_{student}.ipynb"
        if not path.exists():
            with replacing(path) as temporary:
                temporary.write_text(assignment.for_student(student, course_seed), encoding="utf-8")
            written.append(path)
    Course(assignment.name, course_seed, {**known, **students}, assignment.digest).save(out)
    return written

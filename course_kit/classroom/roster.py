"""Class lists as they come: from Canvas, Moodle or Excel, in any of their encodings."""

import codecs
import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

from course_kit.grading.text import shown

STUDENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
# Names that our own files have, and those that Windows keeps for its devices.
RESERVED = re.compile(
    r"(index|totals|overrides\.json|(course|collected)_.*|con|prn|aux|nul|(com|lpt)\d)(\..*)?",
    re.IGNORECASE,
)
ID_COLUMNS = (
    "student", "student_id", "student id", "sis login id", "username", "user name", "anmeldename",
    "login", "login id", "user", "sis user id", "id number", "id-nummer", "matrikelnummer", "id",
    "email address", "e-mail-adresse", "email", "e-mail", "mail",
)  # fmt: skip
NAME_COLUMNS = ("name", "full name", "fullname", "student name", "vollständiger name")
FIRST_NAMES = ("first name", "firstname", "vorname", "given name")
LAST_NAMES = ("last name", "lastname", "surname", "nachname", "family name")
NO_STUDENT = {"points possible", "student, test", "manual posting"}  # in rows that Canvas adds
MOST_NAMED = 12


class Roster(NamedTuple):
    """A class list.

    Attributes
    ----------
    head : names of the columns, as they came
    rows : the lines below, those of no student too
    ids : of each row, "" where the row is no student's
    names : of each row
    """

    head: list[str]
    rows: list[list[str]]
    ids: list[str]
    names: list[str]


def read_roster(path: Path) -> dict[str, str]:
    """Read a class list: who takes part, id -> name.

    Raises
    ------
    ValueError
        If there is no column of ids, or ids cannot be part of a file name, are kept for files of ours,
        are missing or come twice; all of them are named at once.
    """
    roster = read_table(path)
    bad: list[str] = []
    students: dict[str, str] = {}
    for line, (row, student, name) in enumerate(
        zip(roster.rows, roster.ids, roster.names, strict=True), start=2
    ):
        if not _is_student(row, name):
            continue
        if not STUDENT_ID.fullmatch(student):
            bad.append(f"line {line}: {shown(student)!r} is no id")
        elif RESERVED.fullmatch(student):
            bad.append(f"line {line}: {student!r} is the name of a file of ours or of the system's")
        elif student.lower() in map(str.lower, students):
            bad.append(f"line {line}: {student} comes twice")
        else:
            students[student] = name
    if bad:
        more = f"; and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
        raise ValueError(
            f"{path}: {'; '.join(bad[:MOST_NAMED])}{more}; an id has 1 to 64 letters, digits and "
            ". _ @ + -, and comes once"
        )
    if not students:
        raise ValueError(f"{path} names no students: add a line for each")
    return students


def read_table(path: Path) -> Roster:
    """Read a class list with all its columns.

    Raises
    ------
    ValueError
        If no column holds ids.
    """
    text = _decode(path.read_bytes())
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    head = [field.strip() for field in rows[0]] if rows else []
    width = len(head)
    body = [[*row, *[""] * (width - len(row))] for row in rows[1:] if any(map(str.strip, row))]
    names = [_name(row, [field.lower() for field in head]) for row in body]
    students = [row for row, name in zip(body, names, strict=True) if _is_student(row, name)]
    column = _id_column([field.lower() for field in head], students)
    if column is None:
        raise ValueError(
            f"{path} has the columns {[shown(name) for name in head]}; one must be named student, id, "
            "username or email"
        )
    ids = [
        row[column].strip() if _is_student(row, n) else ""
        for row, n in zip(body, names, strict=True)
    ]
    return Roster(head, body, ids, names)


def _id_column(head: list[str], rows: list[list[str]]) -> int | None:
    """The first column of ids that is filled in everywhere, or else the first of any."""
    there = [head.index(name) for name in ID_COLUMNS if name in head]
    # Canvas writes names, not ids, into its column "Student".
    if "student" in head and len(there) > 1 and not set(head) & {*NAME_COLUMNS, *FIRST_NAMES}:
        there.remove(head.index("student"))
    whole = [column for column in there if all(row[column].strip() for row in rows)]
    return next(iter(whole or there), None)


def _name(row: list[str], head: list[str]) -> str:
    columns = {name: field.strip() for name, field in zip(head, row, strict=False)}
    parts = [
        next((columns[name] for name in names if name in columns), "")
        for names in (FIRST_NAMES, LAST_NAMES)
    ]
    whole = next((columns[name] for name in NAME_COLUMNS if name in columns), "")
    canvas = columns.get("student", "") if not {*NAME_COLUMNS, *FIRST_NAMES} & set(head) else ""
    found = whole or " ".join(filter(None, parts)) or (canvas if "id" in head else "")
    return shown(found)[:200]


def _is_student(row: list[str], name: str) -> bool:
    words = {field.strip().lower() for field in (name, *row)}
    return words != {""} and not words & NO_STUDENT


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")

"""Tables of marks: for the teacher, for a leaderboard, for Canvas and Moodle, over all assignments."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from course_kit.classroom.roster import read_table
from course_kit.grading.results import BY_HAND, Result, most, read_results, to_mark, total
from tucker_core import format_table
from tucker_core.files import replacing

DAY = 86_400
FORM_HEAD = ["student", "problem", "points", "of", "reason"]


def apply_lateness(
    results: Sequence[Result], late_seconds: dict[str, int], percent_a_day: float
) -> None:
    """Write into results how late they are, and take off so many percent for each day begun.

    Raises
    ------
    ValueError
        If the percentage is none.
    """
    if not 0 <= percent_a_day <= 100:
        raise ValueError(
            f"the late penalty is {percent_a_day:g}; 0 to 100 percent a day are possible"
        )
    for result in results:
        seconds = late_seconds.get(result["student"], 0)
        result["late"] = in_words(seconds) if seconds else ""
        result["penalty"] = min(100.0, percent_a_day * -(-seconds // DAY))


def in_words(seconds: int) -> str:
    """A time span in words.

    Examples
    --------
    >>> in_words(90_000)
    '1 d 1 h'
    >>> in_words(59)
    '1 min'
    """
    minutes = max(1, seconds // 60)
    days, rest = divmod(minutes, 24 * 60)
    parts = [(days, "d"), (rest // 60, "h"), (0 if days else rest % 60, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def write_marks(results: Sequence[Result], path: Path) -> None:
    """Write marks as CSV for a spreadsheet: who, points in all and for each problem, and notes."""
    problems = [problem["grade_id"] for problem in results[0]["problems"]]
    head = ["student", "name", "status", "total", "of", "percent", "late", "penalty %"]
    rows: list[Sequence[object]] = [[*head, *problems, "to mark", "notes"]]
    for result in results:
        earned = [f"{problem['earned']:g}" for problem in result["problems"]]
        share = 100 * total(result) / most(result) if most(result) else 0.0
        summary = [f"{total(result):g}", f"{most(result):g}", f"{share:.1f}", result["late"]]
        who = [result["student"], result["name"], result["status"]]
        rest = ["; ".join(to_mark(result)), "; ".join(all_notes(result))]
        rows.append([*who, *summary, f"{result['penalty']:g}", *earned, *rest])
    _write_csv(path, rows, bom=True)


def write_form(results: Sequence[Result], path: Path) -> int:
    """Write a form with a line for each answer that a person has to mark; returns how many there are."""
    rows = [
        [result["student"], problem["grade_id"], "", f"{problem['points']:g}", ""]
        for result in results
        for problem in result["problems"]
        if problem["grade_id"] in to_mark(result)
    ]
    if rows:
        _write_csv(path, [FORM_HEAD, *rows], bom=True)
    return len(rows)


def read_form(path: Path) -> list[tuple[str, str, float, str]]:
    """Read the lines of a form that were filled in: student, problem, points and reason.

    Raises
    ------
    ValueError
        If it is no such form, or points are no number.
    """
    table = read_table(path)
    head = [name.lower() for name in table.head]
    missing = [name for name in ("problem", "points", "reason") if name not in head]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}: use the form to_mark.csv")
    marks = []
    for student, row in zip(table.ids, table.rows, strict=True):
        points = row[head.index("points")].strip().replace(",", ".")
        if not points:
            continue
        try:
            number = float(points)
        except ValueError:
            raise ValueError(f"{path}: {student}: {points!r} are no points") from None
        reason = row[head.index("reason")].strip() or "marked by hand"
        marks.append((student, row[head.index("problem")].strip(), number, reason))
    return marks


def export(results: Sequence[Result], roster: Path, column: str, path: Path) -> list[str]:
    """Write a class list as it came from Canvas or Moodle, with a column of points, to be imported there.

    Parameters
    ----------
    results : of one assignment
    roster : the class list that was exported there
    column : name of the new column, or of one that is there and is to be filled
    path : where to write it

    Returns
    -------
    Students with a result who are not in the list.
    """
    table = read_table(roster)
    points = {result["student"].lower(): f"{total(result):g}" for result in results}
    there = column in table.head
    head = table.head if there else [*table.head, column]
    rows = []
    for student, row in zip(table.ids, table.rows, strict=True):
        value = points.get(student.lower(), "")
        if not student and "points possible" in " ".join(row).lower():
            value = f"{most(results[0]):g}"
        place = table.head.index(column) if there else len(row)
        rows.append([*row[:place], value, *row[place + 1 :]])
    _write_csv(path, [head, *rows], as_is=True)  # Moodle writes "-" for no points
    listed = {student.lower() for student in table.ids}
    return [result["student"] for result in results if result["student"].lower() not in listed]


def write_totals(marks: Path, path: Path) -> list[str]:
    """Write the points of every student in every assignment, and their sum; returns the assignments.

    Raises
    ------
    ValueError
        If nothing is graded yet.
    """
    folders = sorted(folder.parent for folder in marks.glob("*/results"))
    if not folders:
        raise ValueError(f"{marks} holds no marks: run 'ada-tucker course grade' first")
    graded = {folder.name: read_results(folder) for folder in folders}
    names = {r["student"]: r["name"] for results in graded.values() for r in results}
    points = {a: {r["student"]: total(r) for r in results} for a, results in graded.items()}
    possible = [most(results[0]) for results in graded.values()]
    rows: list[Sequence[object]] = [["student", "name", *graded, "total", "of"]]
    for student in sorted(names):
        own = [points[a].get(student, 0.0) for a in graded]
        numbers = [f"{number:g}" for number in (*own, sum(own), sum(possible))]
        rows.append([student, names[student], *numbers])
    _write_csv(path, rows, bom=True)
    return list(graded)


def ranked(results: Iterable[Result]) -> list[Result]:
    """Results with a leaderboard line, best first: least in its first number, then in the next."""
    listed = [result for result in results if result["leaderboard"]]
    return sorted(listed, key=lambda result: tuple(result["leaderboard"].values()))


def write_leaderboard(results: Sequence[Result], path: Path) -> bool:
    """Write the leaderboard as CSV, if there is one; returns whether there is."""
    best = ranked(results)
    if not best:
        return False
    head = ["rank", "student", *best[0]["leaderboard"]]
    lines = [
        [rank, result["student"], *(f"{number:g}" for number in result["leaderboard"].values())]
        for rank, result in enumerate(best, start=1)
    ]
    _write_csv(path, [head, *lines])
    return True


def marks_table(results: Sequence[Result]) -> str:
    """Marks as text for the terminal."""
    rows = [("student", "points", "of", "status")]
    rows += [
        (r["student"], f"{total(r):g}", f"{most(r):g}", r["status"] + " *" * bool(all_notes(r)))
        for r in results
    ]
    return format_table(rows)


def all_notes(result: Result) -> list[str]:
    """Notes that the student sees too, and those for the teacher alone."""
    waiting = to_mark(result)
    own = [f"to mark by hand: {', '.join(waiting)}"] if waiting else []
    late = [f"handed in {result['late']} late"] if result["late"] else []
    by_hand = [
        f"{p['grade_id']} {p['message']}" for p in result["problems"] if p["state"] == BY_HAND
    ]
    return [*late, *own, *by_hand, *result["notes"], *result["for_teacher"]]


def notes_list(results: Sequence[Result]) -> list[str]:
    """What the teacher should know, one line a note."""
    return [f"{r['student']}: {note}" for r in results for note in all_notes(r)]


def warnings(results: Sequence[Result]) -> list[str]:
    """What was missing of the isolation of some submission."""
    return sorted({result["warning"] for result in results if result["warning"]})


def _write_csv(
    path: Path, rows: Iterable[Sequence[object]], *, bom: bool = False, as_is: bool = False
) -> None:
    """Write a table; with a mark in front Excel knows that it is UTF-8."""
    encoding = "utf-8-sig" if bom else "utf-8"
    safe = rows if as_is else [[_plain(field) for field in row] for row in rows]
    with replacing(path) as temporary, temporary.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(safe)


def _plain(field: object) -> object:
    """A field that no spreadsheet takes for a formula."""
    if isinstance(field, str) and field[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{field}"
    return field

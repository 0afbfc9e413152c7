"""Tables of marks: one line a student, one column a problem, and the leaderboard."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from course_kit.grading.grade import GRADED, Result, most, total
from tucker_core import format_table
from tucker_core.files import replacing


def write_marks(results: Sequence[Result], path: Path) -> None:
    """Write marks as CSV: id, name, status, points in all and for each problem, and notes."""
    problems = [problem["grade_id"] for problem in results[0]["problems"]]
    head = ["student", "name", "status", "total", "of", "percent", *problems, "notes"]
    rows: list[Sequence[object]] = [head]
    for result in results:
        earned = [f"{problem['earned']:g}" for problem in result["problems"]]
        share = 100 * total(result) / most(result) if most(result) else 0.0
        summary = [f"{total(result):g}", f"{most(result):g}", f"{share:.1f}"]
        who = [result["student"], result["name"], result["status"]]
        rows.append([*who, *summary, *earned, "; ".join(all_notes(result))])
    _write_csv(path, rows)


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
    return [*result["notes"], *result["for_teacher"]]


def notes_list(results: Sequence[Result]) -> list[str]:
    """What the teacher should know, one line a note."""
    return [f"{r['student']}: {note}" for r in results for note in all_notes(r)]


def unguarded(results: Sequence[Result]) -> list[str]:
    """Guards that this system did not allow for some submission, in words."""
    meaning = {
        "network": "the network was closed by Python alone",
        "processes": "processes left behind were looked for by their environment",
        "files": "files of other folders were closed by Python alone",
        "memory": "memory was not limited",
    }
    graded = [set(r["guards"]) for r in results if r["status"] == GRADED and r["guards"]]
    held = set.intersection(*graded) if graded else set(meaning)
    return [text for guard, text in meaning.items() if guard not in held]


def _write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([[_plain(x) for x in row] for row in rows])


def _plain(field: object) -> object:
    """A field that no spreadsheet takes for a formula."""
    if isinstance(field, str) and field[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{field}"
    return field

"""Feedback: one page for each student, with nothing outside the file, and an index for the teacher."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from course_kit.classroom.marks import all_notes, ranked
from course_kit.grading.assemble import STUDENT
from course_kit.grading.results import BY_HAND, TO_MARK, Result, most, total
from tucker_core.files import replacing

LONGEST_SHOWN = 3_000  # characters of what a cell printed
STYLE = """
:root { color-scheme: light dark; --text: #1b2a41; --page: #fff; --soft: #f4f6f9; --line: #dfe5ec;
  --quiet: #5c6c82; --good: #00684b; --bad: #b34700; --link: #0b5a8a }
@media (prefers-color-scheme: dark) { :root { --text: #e3e8ef; --page: #14191f; --soft: #1e252e;
  --line: #38434f; --quiet: #a3b0c0; --good: #4fd1a5; --bad: #ff9d5c; --link: #7cc4f0 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2rem }
.total { font-size: 2.2rem; font-weight: 700; margin: .3rem 0 } .quiet { color: var(--quiet) }
.bar { background: var(--line); border-radius: 4px; height: .6rem }
.bar div { background: #009e73; height: 100%; border-radius: 4px }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .4rem .6rem; vertical-align: top;
  border-bottom: 1px solid var(--line) }
pre { background: var(--soft); padding: .6rem .8rem; border-radius: 4px; margin: .3rem 0;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem }
.code { background: var(--page); border: 1px solid var(--line) }
.long { max-height: 16rem; overflow: auto }
.number { text-align: right } .number, td:first-child { white-space: nowrap }
.good { color: var(--good); font-weight: 600 } .bad { color: var(--bad); font-weight: 600 }
figure { margin: 1rem 0 } img { max-width: 100%; background: #fff } li { margin: .2rem 0 }
a { color: var(--link) }
@media (max-width: 40rem) { table { display: block; overflow-x: auto } th, td { padding: .3rem } }
"""


def write_feedback(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write ``STUDENT.html`` for every result, and ``index.html`` for the teacher; returns the paths."""
    pages = {folder / f"{result['student']}.html": _page_or_reason(result) for result in results}
    pages[folder / "index.html"] = index_page(results)
    for path, text in pages.items():
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return list(pages)


def _page_or_reason(result: Result) -> str:
    """A page even of a result that cannot be shown: one student's must not stop the others'."""
    try:
        return student_page(result)
    except Exception as error:
        who = f"{result['assignment']} {result['student']}"
        reason = f"this result cannot be shown ({type(error).__name__}: {error})"
        return page(who, f"<h1>{escape(who)}</h1><p>{escape(reason)}</p>")


def student_page(result: Result) -> str:
    """The page of one student: points, what each test said, notes, and their own code and plots."""
    earned, points = total(result), most(result)
    share = 100 * earned / points if points else 0
    who = escape(result["name"] or result["student"])
    late = f", handed in {result['late']} late" if result["late"] else ""
    late += f": {result['penalty']:g} % taken off" if result["penalty"] else ""
    body = [
        f"<h1>{escape(result['assignment'])}: {who}</h1>",
        f'<p class="total">{earned:g} of {points:g} points</p>',
        f'<div class="bar"><div style="width: {share:.0f}%"></div></div>',
        f'<p class="quiet">{escape(result["student"])}, course seed {result["course_seed"]}, '
        f"{escape(result['status'] + late)}</p>",
        _notes(result["notes"]),
        "<h2>Problems</h2><table><tr><th>problem</th><th>what the tests say</th>"
        '<th class="number">points</th></tr>',
        *map(_problem_row, result["problems"]),
        "</table>",
        _own_cells(result),
    ]
    return page(f"{result['assignment']} {result['student']}", "\n".join(body))


def index_page(results: Sequence[Result]) -> str:
    """The teacher's list of all students."""
    rows = [
        f'<tr><td><a href="{escape(r["student"])}.html">{escape(r["student"])}</a></td>'
        f"<td>{escape(r['name'])}</td><td>{escape(r['status'])}</td>"
        f'<td class="number">{total(r):g} of {most(r):g}</td>'
        f"<td>{escape('; '.join(all_notes(r)))}</td></tr>"
        for r in results
    ]
    body = [
        f"<h1>{escape(results[0]['assignment'])}: {len(results)} students</h1><table>",
        '<tr><th>student</th><th>name</th><th>status</th><th class="number">points</th>'
        "<th>notes</th></tr>",
        *rows,
        "</table>",
        leaderboard(results),
    ]
    return page(results[0]["assignment"], "\n".join(body))


def leaderboard(results: Sequence[Result]) -> str:
    """The leaderboard as HTML, empty where no test printed a line for it."""
    best = ranked(results)
    if not best:
        return ""
    keys = list(best[0]["leaderboard"])
    head = "".join(f'<th class="number">{escape(key)}</th>' for key in keys)
    rows = []
    for rank, result in enumerate(best, start=1):
        numbers = (result["leaderboard"].get(key, float("nan")) for key in keys)
        cells = "".join(f'<td class="number">{number:,g}</td>' for number in numbers)
        rows.append(f"<tr><td>{rank}. {escape(result['student'])}</td>{cells}</tr>")
    return f"<h2>Leaderboard</h2><table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def page(title: str, body: str) -> str:
    """A whole HTML page."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _notes(notes: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<h2>Notes</h2><ul>{items}</ul>" if notes else ""


def _problem_row(problem: Result) -> str:
    full = problem["earned"] >= problem["points"]
    words = {
        "late": "too slow",
        "not run": "not run",
        TO_MARK: TO_MARK,
        BY_HAND: "marked by hand",
    }
    verdict = words.get(problem["state"], "passed" if full else "not passed")
    if not full and problem["earned"] > 0 and problem["state"] == "ok":
        verdict = "in part"
    parts = [
        f"{name} tests: {problem[name]}" for name in ("visible", "hidden") if problem.get(name)
    ]
    both = len(parts) == 2 and not full and problem["state"] != BY_HAND
    split = f'<p class="quiet">{escape(", ".join(parts))}</p>' if both else ""
    message = f"<pre>{escape(problem['message'])}</pre>" if problem["message"] else ""
    return (
        f"<tr><td>{escape(problem['grade_id'])}</td>"
        f'<td><span class="{"good" if full else "bad"}">{verdict}</span>{split}{message}</td>'
        f'<td class="number">{problem["earned"]:g} of {problem["points"]:g}</td></tr>'
    )


def _own_cells(result: Result) -> str:
    """The student's own code, what it printed or raised, and all plots."""
    parts = []
    for cell in result["cells"]:
        own = cell["role"] == STUDENT
        shown = [f'<pre class="long code">{escape(cell["source"])}</pre>'] if own else []
        shown += map(_picture, cell["figures"])
        if own and cell["message"]:
            shown.append(f'<pre class="bad">{escape(cell["message"])}</pre>')
        if cell["output"].strip():
            shown.append(f'<pre class="long">{escape(shorten(cell["output"]))}</pre>')
        if shown:
            parts.append(f'<p class="quiet">{escape(cell["name"])}</p>' + "".join(shown))
    return "<h2>Your code, plots and prints</h2>" + "".join(parts) if parts else ""


def shorten(text: str) -> str:
    r"""The beginning of a long text, saying how much is left out.

    Examples
    --------
    >>> shorten("a" * 3_001)[-23:]
    'a\n... 1 more characters'
    """
    if len(text) <= LONGEST_SHOWN:
        return text
    return f"{text[:LONGEST_SHOWN]}\n... {len(text) - LONGEST_SHOWN:,} more characters"


def _picture(figure: str) -> str:
    return f'<figure><img alt="plot" src="data:image/png;base64,{escape(figure)}"></figure>'

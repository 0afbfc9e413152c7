"""The commands, one after the other, as a teacher would: marks, feedback, report, and what follows."""

import csv
import json
import re
import shlex
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ada_tucker.cli.main import main
from course_kit.classroom.feedback import write_feedback
from course_kit.classroom.marks import apply_lateness, ranked, warnings, write_marks
from course_kit.classroom.report import failures, solved, write_report
from course_kit.grading import grade as engine
from course_kit.grading.grade import grade_folder
from course_kit.grading.judge import Job
from course_kit.grading.results import (
    Result,
    empty_result,
    read_result,
    read_results,
    total,
    write_result,
)
from course_kit.sandbox.limits import Limits, environment
from tests.course_kit.grading.assignment_runs import ROOT
from tests.course_kit.grading.tiny_assignment import (
    SEED,
    file,
    filled,
    raw_cell,
    tiny_assignment,
    tiny_course,
)

HALF = "def double(x):\n    return 2 * x if np.ndim(x) else 2 * abs(x)"  # right in the visible test alone
PLOT = """
import matplotlib.pyplot as plt
plt.plot([1, 2])
print("<script>alert('x')</script>")
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all steps once: anna is right, bo is wrong, carl's file is broken, dana hands in nothing."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "tiny_instructor.ipynb").write_text(tiny_assignment().content)
    (folder / "roster.csv").write_text("student,name\nanna,Anna <b>\nbo,=1+1\ncarl,\ndana,\n")
    run = commands(folder)
    run("release", "--students", "roster.csv", "--seed", str(SEED), "--out", "released")
    (folder / "inbox").mkdir()
    wrong = filled("bo", {
        "rows": "def rows(x):\n    return x.sum(axis=0)[:3]", "double": HALF,
    })  # fmt: skip
    contents = {
        "anna": json.dumps(filled("anna", first=PLOT)),
        "bo": json.dumps(wrong),
        "carl": "{",
    }
    for student, content in contents.items():
        (folder / "inbox" / f"tiny_{student}.ipynb").write_text(content)
    run("collect", "--inbox", "inbox", "--released", "released", "--out", "submissions")
    run("grade", "--submissions", "submissions", "--out", "marks", "--quiet")
    run("feedback", "--marks", "marks")
    run("report", "--marks", "marks")
    return folder


def commands(folder: Path) -> Callable[..., None]:
    def run(step: str, *options: str) -> None:
        places = [o if o.startswith("--") or o.isdigit() else str(folder / o) for o in options]
        assert main(["course", step, str(folder / "tiny_instructor.ipynb"), *places]) == 0

    return run


def test_marks(course: Path) -> None:
    assert (course / "marks" / "tiny" / "marks.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (course / "marks" / "tiny" / "marks.csv").open(encoding="utf-8-sig") as table:
        rows = {row["student"]: row for row in csv.DictReader(table)}
    assert {name: row["total"] for name, row in rows.items()} == {
        "anna": "5", "bo": "0", "carl": "0", "dana": "0",
    }  # fmt: skip
    assert rows["bo"]["rows_test"] == "0"
    assert rows["bo"]["name"] == "'=1+1"  # no formula
    assert rows["carl"]["status"] == "not graded"
    assert "broken JSON" in rows["carl"]["notes"]
    assert rows["dana"]["status"] == "not handed in"


def test_leaderboard(course: Path) -> None:
    board = (course / "marks" / "tiny" / "leaderboard.csv").read_text()
    assert board == "rank,student,error,bytes\n1,anna,0,12\n"


def test_feedback_is_one_escaped_file_with_the_students_own_plot(course: Path) -> None:
    page = (course / "marks" / "tiny" / "feedback" / "anna.html").read_text()
    assert "5 of 5 points" in page
    assert "Anna &lt;b&gt;" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert page.count("data:image/png;base64,") == 1
    assert re.findall(r'(?:src|href)="(?!data:)[^"]*', page) == []
    wrong = (course / "marks" / "tiny" / "feedback" / "bo.html").read_text()
    assert "rows: first wrong index 0" in wrong
    assert "0 of 5 points" in wrong
    assert "visible tests: passed, hidden tests: not passed" in wrong
    assert "return x.sum(axis=0)[:3]" in wrong
    assert "assert np.allclose" not in wrong
    index = (course / "marks" / "tiny" / "feedback" / "index.html").read_text()
    assert index.count('.html"') == 4


def test_report_counts_what_went_wrong(course: Path) -> None:
    results = read_results(course / "marks" / "tiny")
    assert solved(results) == {"double_test": 0.5, "rows_test": 0.5}
    found = {problem: (words, count) for problem, words, count in failures(results)}
    assert found["double_test"] == ("double is wrong for negative numbers", 1)
    assert found["rows_test"][0].startswith("rows: first wrong index #, error #")
    page = (course / "marks" / "tiny" / "report.html").read_text()
    assert "2 graded" in page
    assert (course / "marks" / "tiny" / "report.png").read_bytes().startswith(b"\x89PNG")


def test_what_has_not_changed_is_not_graded_again(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded: list[str] = []

    def count(job: Job, _: object) -> Result:
        graded.append(job.student)
        return empty_result(tiny_assignment(), tiny_course([job.student]), job.student, "graded")

    monkeypatch.setattr(engine, "in_a_process", count)
    run = commands(course)
    kept = (course / "marks" / "tiny" / "marks.csv").read_text()
    run("grade", "--submissions", "submissions", "--out", "marks", "--quiet")
    assert graded == ["carl"]  # nothing could be said of it the first time
    assert (course / "marks" / "tiny" / "marks.csv").read_text().split("carl")[0] == kept.split(
        "carl"
    )[0]
    run("grade", "--submissions", "submissions", "--out", "again", "--quiet", "--again")
    assert sorted(graded[1:]) == ["anna", "bo", "carl"]
    monkeypatch.setattr(engine, "_code_digest", lambda: "a check was mended")
    run("grade", "--submissions", "submissions", "--out", "again", "--quiet")
    assert sorted(graded[4:]) == ["anna", "bo", "carl"]


def test_other_marks_than_before_are_said(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def better(job: Job, _: object) -> Result:
        result = empty_result(job.assignment, job.course, job.student, "graded")
        result["problems"][1]["earned"] = 3.0
        return result

    monkeypatch.setattr(engine, "in_a_process", better)
    shutil.copytree(course / "marks", course / "mended")
    commands(course)(
        "grade", "--submissions", "submissions", "--out", "mended", "--quiet", "--again"
    )
    said = capsys.readouterr().err
    assert "changed: bo: rows_test 0 -> 3" in said
    assert "changed: anna: double_test 2 -> 0" in said


def test_an_assignment_changed_since_is_noted(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "in_a_process", lambda *_: 1 / 0)  # nothing needs to run
    newer = course / "newer" / "tiny_instructor.ipynb"
    newer.parent.mkdir()
    newer.write_text(tiny_assignment().content.replace("double is wrong", "wrong"))
    options = [
        "--submissions",
        str(course / "submissions"),
        "--out",
        str(course / "newer"),
        "--quiet",
    ]
    for notebook, noted in ((newer, True), (course / "tiny_instructor.ipynb", False)):
        assert main(["course", "grade", str(notebook), *options]) == 0
        assert ("has changed since it was handed out" in capsys.readouterr().err) == noted


def test_a_failing_grader_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Result:
        raise RuntimeError("planted \udfff")

    monkeypatch.setattr(engine, "in_a_process", fail)
    for student in ("anna", "bo"):
        path = tmp_path / student / "tiny" / "tiny.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    results = grade_folder(
        tiny_assignment(), tiny_course(["anna", "bo"]), tmp_path, tmp_path / "out"
    )
    assert [result["status"] for result in results] == ["not graded"] * 2
    assert "RuntimeError: planted" in results[0]["notes"][0]


def test_an_interrupted_run_stops_and_keeps_what_is_done(tmp_path: Path) -> None:
    def interrupt(result: Result) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_folder(
            tiny_assignment(), tiny_course(["anna", "bo"]), tmp_path, tmp_path / "out", jobs=1,
            progress=interrupt,
        )  # fmt: skip
    assert len(read_results(tmp_path / "out")) == 1


def test_a_damaged_result_is_graded_again(tmp_path: Path) -> None:
    path = tmp_path / "results" / "anna.json"
    write_result(path, empty_result(tiny_assignment(), tiny_course(["anna"]), "anna", "graded"))
    assert read_result(path) is not None
    path.write_text(path.read_text()[:50])
    assert read_result(path) is None
    with pytest.raises(ValueError, match="run 'ada-tucker course grade' first"):
        read_results(tmp_path)


def test_best_comes_first() -> None:
    course = tiny_course(["anna", "bo", "carl"])
    results = [empty_result(tiny_assignment(), course, name, "graded") for name in course.students]
    results[0]["leaderboard"] = {"error": 0.05, "bytes": 900.0}
    results[2]["leaderboard"] = {"error": 0.05, "bytes": 800.0}
    assert [result["student"] for result in ranked(results)] == ["carl", "anna"]


def test_missing_isolation_is_said_where_all_look(tmp_path: Path) -> None:
    result = empty_result(tiny_assignment(), tiny_course(["anna"]), "anna", "graded")
    assert warnings([result]) == []
    results = [result, {**result, "warning": "no <sandbox>"}]
    assert warnings(results) == ["no <sandbox>"]
    write_report(results, tmp_path)
    assert "no &lt;sandbox&gt;" in (tmp_path / "report.html").read_text()


def test_empty_class_has_a_report_too(tmp_path: Path) -> None:
    results = [empty_result(tiny_assignment(), tiny_course(["anna"]), "anna", "not handed in")]
    write_report(results, tmp_path)
    write_marks(results, tmp_path / "marks.csv")
    assert "1 not handed in" in (tmp_path / "report.html").read_text()


def test_the_environment_holds_nothing_of_the_graders() -> None:
    outer = {"PATH": "/bin", "SECRET_TOKEN": "x", "HOME": "/home/teacher", "PYTHONPATH": "/mine"}
    inner = environment("/home/student", "anna", 3, outer)
    assert "x" not in inner.values()
    assert "/home/teacher" not in inner.values()
    assert inner["ADA_STUDENT"] == "anna"
    assert inner["ADA_COURSE_SEED"] == "3"
    assert "ADA_HIDDEN_DRAW" not in inner


def test_lateness_takes_off_for_each_day_begun() -> None:
    course = tiny_course(["anna", "bo", "carl"])
    results = [empty_result(tiny_assignment(), course, name, "graded") for name in course.students]
    for result in results:
        result["problems"][1]["earned"] = 3.0
    apply_lateness(results, {"anna": 1, "bo": 86_401}, 30)
    assert [total(result) for result in results] == [2.1, 1.2, 3.0]
    assert [result["late"] for result in results] == ["1 min", "1 d", ""]
    apply_lateness(results, {"anna": 10**7}, 30)
    assert total(results[0]) == 0
    with pytest.raises(ValueError, match="0 to 100 percent"):
        apply_lateness(results, {}, 101)


def test_one_broken_result_stops_no_page(tmp_path: Path) -> None:
    course = tiny_course(["anna", "bo"])
    results = [empty_result(tiny_assignment(), course, name, "graded") for name in course.students]
    results[0]["cells"] = [{"name": 3}]
    results[1]["cells"] = [
        {
            "name": "x",
            "role": "student",
            "source": "\ud800<",
            "message": "",
            "output": "",
            "figures": [],
        }
    ]
    write_feedback(results, tmp_path)
    assert "cannot be shown" in (tmp_path / "anna.html").read_text()
    assert "&lt;" in (tmp_path / "bo.html").read_text()


def test_points_by_hand_hold_and_are_said(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "marks"
    shutil.copytree(course / "marks", folder)
    notebook = str(course / "tiny_instructor.ipynb")
    give = ["course", "override", notebook, "--marks", str(folder), "--student", "bo"]
    mark = ["--problem", "rows_test", "--points", "1.5", "--reason", "right <idea>"]
    assert main([*give, *mark]) == 0
    assert read_result(folder / "tiny" / "results" / "bo.json") is not None
    assert total(next(r for r in read_results(folder / "tiny") if r["student"] == "bo")) == 1.5
    assert main(["course", "feedback", notebook, "--marks", str(folder)]) == 0
    page = (folder / "tiny" / "feedback" / "bo.html").read_text()
    assert "marked by hand: right &lt;idea&gt;" in page
    assert "1.5 of 5 points" in page
    options = ["--submissions", str(course / "submissions"), "--out", str(folder), "--quiet"]
    assert main(["course", "grade", notebook, *options]) == 0
    assert "bo,=1+1" not in (folder / "tiny" / "marks.csv").read_text()
    assert ",1.5,5,30.0," in (folder / "tiny" / "marks.csv").read_text()
    capsys.readouterr()
    for wrong, says in (
        (["--problem", "x", "--points", "1", "--reason", "r"], "'x' is no problem here"),
        (["--problem", "rows_test", "--points", "9", "--reason", "r"], "rows_test gives 0 to 3"),
        (["--problem", "rows_test", "--points", "1"], "needs a reason"),
        (["--problem", "rows_test"], "--student needs"),
    ):
        assert main([*give, *wrong]) == 1
        assert says in capsys.readouterr().err


def test_points_go_back_into_the_list_of_canvas(course: Path, tmp_path: Path) -> None:
    canvas = (
        "Student,ID,SIS Login ID,Section,tiny (7)\n    Points Possible,,,,5\n"
        '"Größe, Anna",4711,anna,S,\n"Neu, Eve",4712,eve,S,\n'
    )
    (tmp_path / "canvas.csv").write_bytes(canvas.encode("cp1252"))
    notebook = str(course / "tiny_instructor.ipynb")
    for column in ("tiny (7)", "tiny"):
        options = ["--marks", str(course / "marks"), "--into", str(tmp_path / "canvas.csv")]
        options += ["--column", column, "--out", str(tmp_path / "back.csv")]
        assert main(["course", "export", notebook, *options]) == 0
        with (tmp_path / "back.csv").open(encoding="utf-8", newline="") as table:
            rows = list(csv.DictReader(table))
        assert [row[column] for row in rows] == ["5", "5", ""]
        assert [row["ID"] for row in rows] == ["", "4711", "4712"]
        assert rows[1]["Student"] == "Größe, Anna"


def test_totals_over_assignments(course: Path, tmp_path: Path) -> None:
    shutil.copytree(course / "marks", tmp_path / "marks")
    shutil.copytree(tmp_path / "marks" / "tiny", tmp_path / "marks" / "tiny2")
    assert main(["course", "totals", "--marks", str(tmp_path / "marks")]) == 0
    with (tmp_path / "marks" / "totals.csv").open(encoding="utf-8-sig") as table:
        rows = {row["student"]: row for row in csv.DictReader(table)}
    assert (rows["anna"]["tiny"], rows["anna"]["total"], rows["anna"]["of"]) == ("5", "10", "10")


@pytest.mark.parametrize("name", ["cell_seconds", "notebook_seconds", "memory_gb", "disk_mb"])
def test_limits_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; a positive number"):
        Limits(**{name: 0})


STEPS = ("release", "collect", "grade", "feedback", "report", "override", "export")


@pytest.mark.parametrize("step", STEPS)
def test_every_step_explains_itself(step: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["course", step, "--help"])
    assert end.value.code == 0
    assert "assignment" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["grade", "--submissions", "none", "--out", "o"], "course_tiny.json does not exist"),
        (
            ["grade", "--submissions", "none", "--out", "o", "--jobs", "0"],
            "--jobs is 0; at least 1",
        ),
        (["feedback", "--marks", "none"], "holds no results"),
    ],
)
def test_bad_use_is_explained_in_a_line(
    options: list[str], message: str, course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    step, *rest = options
    assert main(["course", step, str(course / "tiny_instructor.ipynb"), *rest]) == 1
    assert message in capsys.readouterr().err


def test_the_commands_of_the_teaching_page_do_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(ada-tucker course release .*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "in_a_process", lambda job, _: empty_result(
        job.assignment, job.course, job.student, "graded"))  # fmt: skip
    Path("roster.csv").write_text("student,name\nanna,Anna\nbo,Bo\n")
    for line in block.splitlines():
        if "collect" in line:
            with zipfile.ZipFile("returned.zip", "w") as archive:
                archive.write("released/a1_anna.ipynb", "back.ipynb")
        assert main(shlex.split(line)[1:]) == 0, line
    said = capsys.readouterr()
    assert "missing: bo" in said.err
    assert "late: anna" not in said.err
    rows = Path("canvas.csv").read_text().splitlines()
    assert rows == ["student,name,a1", "anna,Anna,2", "bo,Bo,0"]
    assert Path("marks/totals.csv").exists()
    assert Path("marks/a1/feedback/anna.html").exists()
    assert all((ROOT / "docs" / link).exists() for link in re.findall(r"\]\(([^)]+)\)", page))


def test_answers_that_a_person_marks_wait_with_a_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = json.loads(tiny_assignment().content)
    by_hand = raw_cell("why?", "essay", "markdown", grade=True, solution=True, points=4)
    notebook["cells"].append({**by_hand, "id": "cell-9"})
    path = tmp_path / "tiny_instructor.ipynb"
    path.write_text(json.dumps(notebook))
    monkeypatch.setattr(engine, "in_a_process", lambda job, _: empty_result(
        job.assignment, job.course, job.student, "graded"))  # fmt: skip
    file(tmp_path / "in", "anna", filled("anna"))
    tiny_course(["anna", "bo"]).save(tmp_path / "in")
    options = [
        "--submissions",
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "marks"),
        "--quiet",
    ]
    assert main(["course", "grade", str(path), *options]) == 0
    form = tmp_path / "marks" / "tiny" / "to_mark.csv"
    assert form.read_text(encoding="utf-8-sig").splitlines() == [
        "student,problem,points,of,reason", "anna,essay,,4,",
    ]  # fmt: skip
    assert "to mark by hand: essay" in capsys.readouterr().err
    form.write_text("student;problem;points;of;reason\nanna;essay;3,5;4;\n")  # as Excel may save it
    give = [
        "course",
        "override",
        str(path),
        "--marks",
        str(tmp_path / "marks"),
        "--form",
        str(form),
    ]
    assert main(give) == 0
    assert total(read_results(tmp_path / "marks" / "tiny")[0]) == 3.5
    assert main(["course", "feedback", str(path), "--marks", str(tmp_path / "marks")]) == 0
    page = (tmp_path / "marks" / "tiny" / "feedback" / "anna.html").read_text()
    assert "marked by hand" in page

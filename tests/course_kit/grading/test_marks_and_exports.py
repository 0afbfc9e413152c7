"""Marks after grading: lateness, points by hand, exports, totals, and commands that are used wrongly."""

import csv
import json
import re
import shlex
import shutil
import zipfile
from pathlib import Path

import pytest

from ada_tucker.cli.main import main
from course_kit.classroom.feedback import write_feedback
from course_kit.classroom.marks import apply_lateness
from course_kit.grading import grade as engine
from course_kit.grading.results import (
    empty_result,
    read_result,
    read_results,
    total,
)
from course_kit.sandbox.limits import Limits
from tests.course_kit.grading.assignment_runs import ROOT
from tests.course_kit.grading.tiny_assignment import (
    file,
    filled,
    raw_cell,
    tiny_assignment,
    tiny_course,
)


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
    assert "rows_test marked by hand: right <idea>" in (folder / "tiny" / "marks.csv").read_text()
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
        "Student,ID,SIS Login ID,Section,other,tiny (7)\n    Points Possible,,,,9,5\n"
        '"Größe, Anna",4711,anna,S,-,\n"Neu, Eve",4712,eve,S,-1.5,\n'
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
        assert [row["other"] for row in rows] == ["9", "-", "-1.5"]  # as they came


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

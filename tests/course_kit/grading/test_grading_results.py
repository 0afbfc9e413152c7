"""The commands, one after the other, as a teacher would: marks, feedback, report, and what follows."""

import csv
import json
import re
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ada_tucker.cli.main import main
from course_kit.classroom.marks import ranked, warnings, write_marks
from course_kit.classroom.report import failures, solved, write_report
from course_kit.grading import grade as engine
from course_kit.grading.grade import grade_folder, in_a_process
from course_kit.grading.judge import Job
from course_kit.grading.results import (
    Result,
    empty_result,
    read_result,
    read_results,
    write_result,
)
from course_kit.sandbox.isolation import choose
from course_kit.sandbox.limits import Limits, environment
from tests.course_kit.grading.assignment_runs import commands
from tests.course_kit.grading.tiny_assignment import filled, tiny_assignment, tiny_course


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


def test_a_judge_that_is_ended_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = json.dumps(filled("who", first="while True: pass")).encode()
    job = Job(tiny_assignment(), tiny_course(["who"]), "who", content, Limits(), choose(), "")
    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        ended = pool.submit(in_a_process, job, stop)
        for _ in range(600):
            if list(tmp_path.glob("ada-judge-*")):
                break
            time.sleep(0.1)
        else:
            pytest.fail("there was no folder")
        stop.set()
        assert ended.result()["notes"] == ["grading was interrupted"]
    assert list(tmp_path.glob("ada-judge-*")) == []


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

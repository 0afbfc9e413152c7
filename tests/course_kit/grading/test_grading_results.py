"""The five commands, one after the other, as a teacher would: marks, feedback and report."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ada_tucker.cli.main import main
from course_kit.grading import grade as engine
from course_kit.grading.grade import empty_result, read_results, write_result
from course_kit.grading.marks import ranked, unguarded, write_marks
from course_kit.grading.report import failures, solved, write_report
from course_kit.grading.sandbox import limits
from course_kit.grading.sandbox.limits import Limits, environment, readable_paths
from course_kit.notebook.paths import DATA
from tests.course_kit.grading.tiny_assignment import SEED, filled, tiny_assignment, tiny_course

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
    wrong = filled("bo", {"rows": "def rows(x):\n    return x.sum(axis=0)[:3]"})
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
    with (course / "marks" / "tiny" / "marks.csv").open() as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert {name: row["total"] for name, row in rows.items()} == {
        "anna": "5", "bo": "2", "carl": "0", "dana": "0",
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
    assert "2 of 5 points" in wrong
    index = (course / "marks" / "tiny" / "feedback" / "index.html").read_text()
    assert index.count('.html"') == 4


def test_report_counts_what_went_wrong(course: Path) -> None:
    results = read_results(course / "marks" / "tiny")
    assert solved(results) == {"double_test": 1.0, "rows_test": 0.5}
    ((problem, words, count),) = failures(results)
    assert (problem, count) == ("rows_test", 1)
    assert words.startswith("rows: first wrong index #, error #")
    page = (course / "marks" / "tiny" / "report.html").read_text()
    assert "2 graded" in page
    assert (course / "marks" / "tiny" / "report.png").read_bytes().startswith(b"\x89PNG")


def test_what_has_not_changed_is_not_graded_again(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded: list[str] = []

    def count(assignment: object, course: object, student: str, *_: object) -> engine.Result:
        graded.append(student)
        return empty_result(tiny_assignment(), tiny_course([student]), student, "graded")

    monkeypatch.setattr(engine, "grade_submission", count)
    run = commands(course)
    kept = (course / "marks" / "tiny" / "marks.csv").read_text()
    run("grade", "--submissions", "submissions", "--out", "marks", "--quiet")
    assert graded == ["carl"]  # nothing could be said of it the first time
    assert (course / "marks" / "tiny" / "marks.csv").read_text().split("carl")[0] == kept.split(
        "carl"
    )[0]
    run("grade", "--submissions", "submissions", "--out", "again", "--quiet", "--again")
    assert sorted(graded[1:]) == ["anna", "bo", "carl"]


def test_an_assignment_changed_since_is_noted(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "grade_submission", lambda *_: 1 / 0)  # nothing needs to run
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
    def fail(*_: object) -> engine.Result:
        raise RuntimeError("planted")

    monkeypatch.setattr(engine, "grade_submission", fail)
    for student in ("anna", "bo"):
        path = tmp_path / student / "tiny" / "tiny.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    results = engine.grade_folder(
        tiny_assignment(), tiny_course(["anna", "bo"]), tmp_path, tmp_path / "out"
    )
    assert [result["status"] for result in results] == ["not graded"] * 2
    assert "RuntimeError: planted" in results[0]["notes"][0]


def test_an_interrupted_run_stops_and_keeps_what_is_done(tmp_path: Path) -> None:
    def interrupt(result: engine.Result) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.grade_folder(
            tiny_assignment(), tiny_course(["anna", "bo"]), tmp_path, tmp_path / "out", jobs=1,
            progress=interrupt,
        )  # fmt: skip
    assert len(read_results(tmp_path / "out")) == 1


def test_a_damaged_result_is_graded_again(tmp_path: Path) -> None:
    path = tmp_path / "results" / "anna.json"
    write_result(path, empty_result(tiny_assignment(), tiny_course(["anna"]), "anna", "graded"))
    assert engine.read_result(path) is not None
    path.write_text(path.read_text()[:50])
    assert engine.read_result(path) is None
    with pytest.raises(ValueError, match="run 'ada-tucker course grade' first"):
        read_results(tmp_path)


def test_best_comes_first() -> None:
    course = tiny_course(["anna", "bo", "carl"])
    results = [empty_result(tiny_assignment(), course, name, "graded") for name in course.students]
    results[0]["leaderboard"] = {"error": 0.05, "bytes": 900.0}
    results[2]["leaderboard"] = {"error": 0.05, "bytes": 800.0}
    assert [result["student"] for result in ranked(results)] == ["carl", "anna"]


def test_missing_guards_are_named() -> None:
    result = empty_result(tiny_assignment(), tiny_course(["anna"]), "anna", "graded")
    guarded = {**result, "guards": ["files", "memory", "network", "processes"]}
    assert unguarded([guarded]) == []
    partly = {**result, "guards": ["memory", "network", "processes"]}
    assert unguarded([guarded, partly]) == ["files of other folders were closed by Python alone"]


def test_empty_class_has_a_report_too(tmp_path: Path) -> None:
    results = [empty_result(tiny_assignment(), tiny_course(["anna"]), "anna", "not handed in")]
    write_report(results, tmp_path)
    write_marks(results, tmp_path / "marks.csv")
    assert "1 not handed in" in (tmp_path / "report.html").read_text()


def test_the_environment_holds_nothing_of_the_graders(tmp_path: Path) -> None:
    outer = {"PATH": "/bin", "SECRET_TOKEN": "x", "HOME": "/home/teacher", "PYTHONPATH": "/mine"}
    inner = environment(tmp_path, "anna", 3, "word", outer)
    assert "x" not in inner.values()
    assert "/home/teacher" not in inner.values()
    assert inner["ADA_STUDENT"] == "anna"
    assert inner["ADA_COURSE_SEED"] == "3"


def test_the_instructors_notebooks_are_not_readable() -> None:
    notebooks = DATA.parent / "notebooks"
    assert not any(notebooks.is_relative_to(path) for path in readable_paths())


def test_of_an_installed_package_all_is_readable_but_the_solutions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "packages" / "tucker_core" / "_shipped" / "instructor"
    hidden.mkdir(parents=True)
    for name in ("packages/numpy", "packages/tucker_core/algebra.py", "other"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(limits, "INSTRUCTOR", hidden)
    monkeypatch.setattr(limits, "SYSTEM", (str(tmp_path / "packages"), str(tmp_path / "other")))
    monkeypatch.setattr(limits, "PACKAGES", tmp_path / "packages")
    found = {path for path in readable_paths() if path.is_relative_to(tmp_path)}
    names = {path.relative_to(tmp_path).as_posix() for path in found}
    assert names == {"packages/numpy", "packages/tucker_core/algebra.py", "other", *(
        f"packages/{name}" for name in ("course_kit", "torch_bridge"))}  # fmt: skip


@pytest.mark.parametrize("name", ["cell_seconds", "notebook_seconds", "memory_gb", "disk_mb"])
def test_limits_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; a positive number"):
        Limits(**{name: 0})


@pytest.mark.parametrize("step", ["release", "collect", "grade", "feedback", "report"])
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

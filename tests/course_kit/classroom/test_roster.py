"""Class lists as they come from Canvas, Moodle and Excel."""

from pathlib import Path

import pytest

from course_kit.classroom.roster import read_roster

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,a1 (77)
,,,,,Manual Posting
    Points Possible,,,,,20
"Größe, Anna",4711,u1,anna.groesse,Spring,
"O'Neil, Bo",4712,u2,bo,Spring,18
"Student, Test",4713,,x1,Spring,
"""
MOODLE = """First name,Last name,ID number,Email address,Groups
Anna,Größe,,anna@uni.example,A
Bo,Li,17,bo@uni.example,B
"""
GERMAN = "Vorname;Nachname;Anmeldename;E-Mail-Adresse\nAnna;Größe;agroe;a@b.example\n"
TABS = "Name\tMatrikelnummer\nAnna Größe\t123\nBo Li\t124\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize(
    ("text", "students"),
    [
        (CANVAS, {"anna.groesse": "Größe, Anna", "bo": "O'Neil, Bo"}),
        (MOODLE, {"anna@uni.example": "Anna Größe", "bo@uni.example": "Bo Li"}),
        (GERMAN, {"agroe": "Anna Größe"}),
        (TABS, {"123": "Anna Größe", "124": "Bo Li"}),
        (
            "Name;ID number\nAnna Größe;anna-1\n;\nBo, Li;bo\n",
            {"anna-1": "Anna Größe", "bo": "Bo, Li"},
        ),
        ("student,name\nanna,\nbo,Bo\n", {"anna": "", "bo": "Bo"}),
        ("student\nanna\n", {"anna": ""}),
    ],
    ids=["canvas", "moodle", "german", "tabs", "semicolons", "own", "ids"],
)
def test_lists_as_they_come(
    text: str, students: dict[str, str], encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert read_roster(path) == students


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing\na@b", "one must be named student, id"),
        ("student\n../../etc", "line 2: '../../etc' is no id"),
        ("student\nanna\nANNA", "line 3: ANNA comes twice"),
        ("student\n", "names no students"),
        ("", "has the columns"),
        ("student,name\n,Anna\nbo,", "line 2: '' is no id"),
        ("student\nindex\nanna", "line 2: 'index' is the name of a file"),
        ("student\nINDEX.html", "is the name of a file"),
        ("student\nCon", "is the name of a file"),
        ("student\ncourse_a1.json", "is the name of a file"),
        (
            "student\nbad one\nanna\nanna\n\x1b[2J",
            r"line 2: 'bad one'.*line 4: anna.*line 5: '\\\\x1b",
        ),
    ],
)
def test_bad_lists_are_refused_with_all_that_is_bad(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_roster(path)


def test_of_many_bad_ids_some_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("student\n" + "a b\n" * 30)
    with pytest.raises(ValueError, match="and 18 more"):
        read_roster(path)

"""The commands of a course, run once for all tests of what they leave."""

import json
from pathlib import Path

import pytest

from tests.course_kit.grading.assignment_runs import commands
from tests.course_kit.grading.tiny_assignment import (
    SEED,
    filled,
    tiny_assignment,
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

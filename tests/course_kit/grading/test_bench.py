"""Tests run on the grader's side: what they see, what they give, and how they end."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_kit.checks.variants import DRAW_VARIABLE, SEED_VARIABLE, STUDENT_VARIABLE, variant
from course_kit.grading import bench as module
from course_kit.grading.bench import Bench, Verdict, describe
from course_kit.grading.cells import Cell, to_cell
from course_kit.sandbox.session import Proxy, Stopped, StudentError, TooLate
from tests.course_kit.grading.local_border import LocalSession
from tests.course_kit.grading.tiny_assignment import SEED, raw_cell, tiny_assignment

Judge = Callable[..., Verdict]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Judge:
    """Runs a test cell behind a read-only one, on names of a submission."""
    monkeypatch.setenv(STUDENT_VARIABLE, "who")
    monkeypatch.setenv(SEED_VARIABLE, str(SEED))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.chdir(tmp_path)

    def run(test: str, names: dict[str, Any], setup: str = "", **about: Any) -> Verdict:
        marks: dict[str, Any] = {"grade": True, "locked": True, "points": 4}
        cells = [raw_cell(setup, "setup", locked=True), raw_cell(test, "t", **marks)]
        cells[1]["metadata"] |= about
        return Bench([to_cell(cell) for cell in cells], 5.0).judge(1, LocalSession(names))

    return run


def test_the_instructors_names_are_the_instructors(judge: Judge) -> None:
    verdict = judge(
        "assert (truth(), data, own) == (3, 3, 5)\nassert abs(-1) == 1",
        {"data": 4, "own": 5, "truth": lambda: 4, "abs": None},
        setup="data = 3\ndef truth():\n    return data",
    )
    assert verdict == Verdict(4.0, visible="passed")


def test_a_read_only_cell_runs_with_the_cells_that_it_needs_and_once(judge: Judge) -> None:
    cells = [
        Cell("code", "count = []", "a", locked=True),
        Cell("code", "count.append(1); shape = f(2)", "b", locked=True),
        Cell("code", "assert False, 'nobody needs it'", "c", locked=True),
        Cell("code", "assert (shape, count) == (4, [1])", "t", locked=True, graded=True, points=1),
        Cell("code", "assert (shape, count) == (4, [1])", "u", locked=True, graded=True, points=1),
    ]
    calls: list[int] = []

    def f(x: int) -> int:
        calls.append(x)
        return 2 * x

    bench, session = Bench(cells, 5.0), LocalSession({"f": f})
    assert [bench.judge(place, session).earned for place in (3, 4)] == [1.0, 1.0]
    assert calls == [2]


def test_functions_are_proxies_and_all_else_is_plain(judge: Judge) -> None:
    verdict = judge(
        "assert f(2, b=3) == 6 and f.__name__ == 'times'\nassert g(f)(1, 5) == 5\nprint(repr(f))\n"
        "assert type(data).__name__ == 'ndarray' and (data == 1).all()",
        {"f": times, "g": lambda function: function, "data": np.ones(3)},
    )
    assert (verdict.earned, verdict.output) == (4.0, "<function times of the submission>\n")


def times(a: int, b: int) -> int:
    return a * b


def raises(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: [][1], "IndexError"),
        (lambda: sys.exit(3), "SystemExit: 3"),
        (lambda: raises(type("Own", (Exception,), {})("mine")), "Own: mine"),
        (lambda: raises(type("E", (Exception,), {"__str__": lambda s: 1 / 0})()), "cannot be shown"),
        (lambda: raises(ValueError("\x1b[2J\udfff")), "\\x1b[2J\\udfff"),
        (lambda: Path("nowhere").read_text(), "FileNotFoundError"),
    ],
)  # fmt: skip
def test_what_a_function_raises_is_raised_here(judge: Judge, function: Any, message: str) -> None:
    verdict = judge("f()", {"f": function})
    assert (verdict.earned, verdict.state) == (0.0, "error")
    assert message in verdict.message
    verdict.message.encode()


def test_a_test_may_expect_an_error(judge: Judge) -> None:
    test = "try:\n    f()\nexcept ValueError:\n    pass\nelse:\n    assert False"
    assert judge(test, {"f": lambda: int("x")}).earned == 4.0
    assert judge(test, {"f": lambda: 1}).earned == 0.0


def test_a_name_that_is_missing_is_missing(judge: Judge) -> None:
    assert judge("f()", {}).message == "NameError: name 'f' is not defined"


@pytest.mark.parametrize(
    ("test", "earned"),
    [("2.5", 2.5), ("f() + 1", 2.0), ("None", 4.0), ("True", 4.0), ("x = 1", 4.0), ("-3", 0.0),
     ("9", 4.0), ("np = 1; 'text'", 4.0), ("1\nNone", 4.0)],
)  # fmt: skip
def test_a_number_at_the_end_is_partial_credit_as_in_nbgrader(
    judge: Judge, test: str, earned: float
) -> None:
    assert judge(test, {"f": lambda: 1}).earned == earned


HIDDEN = """
assert f(1) == 1, 'seen'
### BEGIN HIDDEN TESTS
assert f(2) == 2, 'unseen'
### END HIDDEN TESTS
"""


@pytest.mark.parametrize(
    ("function", "visible", "hidden", "message"),
    [
        (lambda x: x, "passed", "passed", ""),
        (lambda x: 1, "passed", "not passed", "unseen"),
        (lambda x: 0, "not passed", "not run", "seen"),
    ],
)
def test_hidden_results_stand_apart(
    judge: Judge, function: Any, visible: str, hidden: str, message: str
) -> None:
    verdict = judge(HIDDEN, {"f": function})
    assert (verdict.visible, verdict.hidden, verdict.message) == (visible, hidden, message)


def test_marks_inside_a_block_are_no_reason_to_fail(judge: Judge) -> None:
    test = "for k in (0, 1):\n    ### BEGIN HIDDEN TESTS\n    assert f(k) == k\n    ### END HIDDEN TESTS"
    assert judge(test, {"f": lambda x: x}).earned == 4.0
    assert judge(test, {"f": lambda x: 0}).earned == 0.0


def test_a_file_is_brought_over(judge: Judge, tmp_path: Any) -> None:
    there = tmp_path / "theirs.txt"
    there.write_text("three")
    about = {"ada_tucker": {"files": [str(there), "none.txt"]}}
    test = (
        "from pathlib import Path\nassert Path('theirs.txt').read_text() == 'three'\n"
        "assert not Path('none.txt').exists()"
    )
    assert judge(test, {}, **about).message == ""


def test_a_test_that_does_not_end_by_itself_is_ended(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPARE_SECONDS", -4.8)
    started = time.monotonic()
    verdict = judge("while True:\n    try:\n        pass\n    except Exception:\n        pass", {})
    assert (verdict.state, verdict.earned) == ("late", 0.0)
    assert time.monotonic() - started < 5


class Ended(LocalSession):
    """A session whose functions do not come back."""

    error: BaseException = TooLate()

    def call(self, *_: Any) -> Any:
        raise self.error


def test_a_check_that_catches_all_errors_does_not_catch_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    source = "try:\n    f()\nexcept Exception:\n    pass"
    bench = Bench([Cell("code", source, "t", locked=True, graded=True, points=1)], 5.0)
    verdict = bench.judge(0, Ended({"f": print}))
    assert (verdict.earned, verdict.state, verdict.visible) == (0.0, "late", "not passed")
    monkeypatch.setattr(Ended, "error", Stopped("gone"))
    with pytest.raises(Stopped, match="gone"):
        bench.judge(0, Ended({"f": print}))


def test_a_function_of_an_ended_kernel_is_no_function(judge: Judge) -> None:
    old = Proxy(LocalSession({}), 0, "f")
    with pytest.raises(Stopped):
        LocalSession({}).call(old, (), {})
    assert old.__name__ == "f"
    assert Proxy(LocalSession({}), 0, "rm -rf").__name__ == "your_function"


def test_a_tests_own_function_does_not_cross(judge: Judge) -> None:
    assert "cannot be handed to a submission" in judge("f(lambda: 1)", {"f": print}).message


def test_hidden_inputs_are_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    me = variant("who", 1)

    def draws() -> list[float]:
        return [float(me.rng("a", anew=anew).random()) for anew in (False, True)]

    monkeypatch.delenv(DRAW_VARIABLE, raising=False)
    home = draws()
    assert home[0] == home[1], "at home and in nbgrader nothing is drawn anew"
    monkeypatch.setenv(DRAW_VARIABLE, "one")
    first = draws()
    monkeypatch.setenv(DRAW_VARIABLE, "two")
    assert first[0] == home[0] == draws()[0]
    assert len({first[1], home[1], draws()[1]}) == 3


def test_errors_are_described_in_whole_characters() -> None:
    assert describe(AssertionError("why")) == "why"
    assert describe(AssertionError()) == "AssertionError"
    assert describe(StudentError("x" * 9_000)) == f"StudentError: {'x' * 1_986}"


def test_the_tiny_assignment_is_judged_as_in_a_kernel(judge: Judge) -> None:
    cells = tiny_assignment().cells
    names: dict[str, Any] = {"double": lambda x: 2 * x, "rows": lambda x: x.sum(axis=1)}
    bench = Bench(cells, 5.0)
    places = [k for k, cell in enumerate(cells) if cell.graded]
    assert [bench.judge(k, LocalSession(names)).earned for k in places] == [2.0, 3.0]
    json.dumps(names["rows"](np.ones((2, 2))).tolist())

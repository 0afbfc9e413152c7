"""ADA_BUDGET decides how much a notebook computes, and a misspelt one is refused."""

import pytest

from course_kit.notebook.budget import budget, by_budget, say_budget


@pytest.mark.parametrize(
    ("variable", "chosen"),
    [(None, "default"), ("", "default"), ("smoke", "smoke"), ("full", "full")],
)
def test_the_variable_chooses(
    variable: str | None, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADA_BUDGET", raising=False)
    if variable is not None:
        monkeypatch.setenv("ADA_BUDGET", variable)
    assert budget() == by_budget(smoke="smoke", default="default", full="full") == chosen


def test_a_misspelt_budget_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA_BUDGET", "fast")
    with pytest.raises(ValueError, match="ADA_BUDGET is 'fast'; one of smoke, default, full"):
        by_budget(smoke=1, default=2, full=3)


def test_what_is_in_force_and_its_cost_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA_BUDGET", "full")
    assert say_budget(default="a minute", full="an hour").splitlines() == [
        "ADA_BUDGET=default: a minute",
        "ADA_BUDGET=full (in force): an hour",
    ]
    monkeypatch.setenv("ADA_BUDGET", "smoke")
    assert "ADA_BUDGET=smoke (in force): seconds" in say_budget(default="a minute", full="an hour")

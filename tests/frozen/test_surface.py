"""Public names, their signatures and all options are what they were, or a change of them is meant."""

import pytest

from ada_tucker.cli.parser import parser
from tests.frozen.surface import NAMES, OPTIONS, commands, names, option, options, written

ANEW = "if the change is meant, tell users in CHANGELOG.md and run: python -m tests.frozen.surface"


def test_public_names_and_signatures_are_the_known_ones() -> None:
    assert names() == NAMES.read_text(encoding="utf-8"), ANEW


def test_options_are_the_known_ones() -> None:
    assert written(options()) == OPTIONS.read_text(encoding="utf-8"), ANEW


@pytest.mark.parametrize("change", ["default", "help", "choices"])
def test_a_changed_option_would_be_seen(change: str) -> None:
    changed = parser()
    action = next(a for a in changed._actions if a.choices)
    demo = dict(action.choices)["demo"] if isinstance(action.choices, dict) else changed
    before = dict(commands(demo, "demo"))
    setattr(demo._actions[2], change, ["other"])
    assert dict(commands(demo, "demo")) != before
    assert option(demo._actions[2])[change]

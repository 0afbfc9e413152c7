"""Settings that can't be meant are refused, with value, limit and field."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from torch_bridge.training.config import check_settings


def record(**changed: Any) -> SimpleNamespace:
    return SimpleNamespace(**({"lr": 1.0, "rate": 0.0, "share": 0.5, "kind": "sgd"} | changed))


def check(given: SimpleNamespace) -> None:
    check_settings(
        given, positive=["lr"], not_negative=["rate"], fractions=["share"],
        choices={"kind": ("sgd", "adamw")},
    )  # fmt: skip


@pytest.mark.parametrize("fine", [{}, {"share": 0}, {"share": 1}, {"kind": "adamw"}, {"lr": 1e-30}])
def test_what_can_be_meant_passes(fine: dict[str, Any]) -> None:
    check(record(**fine))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"lr": 0}, "lr is 0; a positive number is needed"),
        ({"lr": math.inf}, "lr is inf"),
        ({"lr": math.nan}, "lr is nan"),
        ({"rate": -1e-9}, "rate is -1e-09; a number >= 0 is needed"),
        ({"rate": math.nan}, "rate is nan"),
        ({"share": -0.1}, "share is -0.1; a fraction, 0 to 1, is needed"),
        ({"share": 1.1}, "share is 1.1"),
        ({"kind": "lion"}, "kind is 'lion'; one of sgd, adamw is needed"),
    ],
)
def test_what_cannot_is_refused(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        check(record(**wrong))

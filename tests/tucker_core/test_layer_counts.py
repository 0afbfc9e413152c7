"""What a result may be called: half dense is still Tucker, more is mostly rounding."""

import pytest

from tucker_core.layer_counts import honest_title

DENSE, SMALL = ("w", (8, 9), (8, 9)), ("w", (8, 9), (2, 3))


@pytest.mark.parametrize(
    ("dense", "small", "title"),
    [
        (0, 4, "ADA-Tucker"),
        (2, 2, "ADA-Tucker, 2 of 4 weights dense"),
        (3, 2, "mostly rounding, 3 of 5 weights dense"),
        (4, 0, "mostly rounding, 4 of 4 weights dense"),
    ],
)
def test_more_dense_weights_than_others_are_mostly_rounding(
    dense: int, small: int, title: str
) -> None:
    plan = [DENSE] * dense + [SMALL] * small
    assert honest_title({"recipe": {"method": "ada"}, "plan": plan}) == title

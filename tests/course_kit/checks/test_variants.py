"""Variants are the same everywhere, differ between students, and follow the environment."""

import numpy as np
import pytest

from course_kit.checks.variants import (
    Variant,
    draw_fading_tensor,
    draw_shape,
    this_student,
    variant,
)
from tucker_core import multilinear_singular_values


def test_a_variant_is_the_same_on_every_machine() -> None:
    """Numbers once drawn: a change would make marks already given unfair."""
    anna = variant("anna", 0)
    assert anna.label == "ac2f3d"
    assert anna.shape("a1", 4) == (5, 6, 2, 3)
    assert anna.number("n", 1, 1_000_000) == 720_499


@pytest.mark.parametrize(
    "other",
    [variant("anna", 1), variant("Anna", 0), variant("anna0", 0), variant("bob", 0)],
    ids=str,
)
def test_another_student_or_course_draws_other_numbers(other: Variant) -> None:
    anna = variant("anna", 0)
    assert other.label != anna.label
    assert not np.allclose(other.tensor("x", (5,)), anna.tensor("x", (5,)))


def test_problems_do_not_share_numbers_and_names_cannot_run_into_each_other() -> None:
    anna = variant("anna", 0)
    assert anna.rng("a").random() != anna.rng("b").random()
    assert variant("a", 11).rng("x").random() != variant("1a", 1).rng("x").random()
    assert variant("anna problem", 0).rng("x").random() != anna.rng("problem x").random()


def test_spaces_around_a_name_do_not_matter_and_an_empty_one_is_refused() -> None:
    assert variant(" anna\n", 0) == variant("anna", 0)
    with pytest.raises(ValueError, match="a name is needed"):
        variant("  ", 0)
    with pytest.raises(ValueError, match="a whole number"):
        variant("anna", True)


def test_draws_keep_their_limits() -> None:
    numbers = {variant(f"s{k}", 0).number("n", 3, 5) for k in range(60)}
    assert numbers == {3, 4, 5}
    assert {variant(f"s{k}", 0).pick("p", "xy") for k in range(20)} == {"x", "y"}
    for k in range(30):
        shape = variant(f"s{k}", 0).shape("s", 3, 4, 6)
        assert sorted(shape) == [4, 5, 6]
    with pytest.raises(ValueError, match="there are 2 dimensions"):
        draw_shape(np.random.default_rng(0), 3, 4, 5)


def test_a_fading_tensor_fades_in_every_mode() -> None:
    tensor = draw_fading_tensor(np.random.default_rng(0), (5, 6, 7))
    for sigma in multilinear_singular_values(tensor):
        assert sigma[-1] < 0.3 * sigma[0]
        assert sigma[-1] > 1e-4 * sigma[0]
    again = variant("anna", 0)
    assert np.array_equal(again.fading_tensor("t", (3, 4)), again.fading_tensor("t", (3, 4)))


def test_whoever_grades_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADA_STUDENT", raising=False)
    monkeypatch.delenv("ADA_COURSE_SEED", raising=False)
    assert this_student() == variant("practice", 0)
    assert this_student("anna", 3) == variant("anna", 3)
    monkeypatch.setenv("ADA_STUDENT", "bob")
    monkeypatch.setenv("ADA_COURSE_SEED", "-7")
    assert this_student("anna", 3) == variant("bob", -7)
    monkeypatch.setenv("ADA_COURSE_SEED", "next year")
    with pytest.raises(ValueError, match="ADA_COURSE_SEED is 'next year'"):
        this_student()

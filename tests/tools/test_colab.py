"""Badges appear with the public address, and README says what to do until then."""

from tools.notebooks.colab import BADGE, colab_badges

NAMES = ["00_first", "01_second"]


def test_every_notebook_has_a_badge_once_the_address_is_known() -> None:
    line = colab_badges(NAMES, "https://github.com/ada/course")
    assert line.count(BADGE) == 2
    for name in NAMES:
        place = (
            f"https://colab.research.google.com/github/ada/course/blob/main/notebooks/{name}.ipynb"
        )
        assert f"]({place})" in line


def test_without_an_address_no_badge_leads_astray() -> None:
    for address in ("", "https://example.org/ada/course"):
        line = colab_badges(NAMES, address)
        assert "http" not in line
        assert "Upload notebook" in line

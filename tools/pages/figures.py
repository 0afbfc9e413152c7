"""Draw the pictures of README and docs from code and shipped files: `python -m tools.pages.figures`."""

import argparse
from pathlib import Path

from course_kit.figures.method import method_figure
from course_kit.plots import save_figure

ROOT = Path(__file__).resolve().parents[2]
SHAPE = (50, 20, 5, 5)  # LeNet-5's second convolution, three times at about 980 parameters
CASES = (
    ((5, 25, 200), (4, 4, 4), "imbalanced dimensions"),
    ((25, 25, 40), (7, 7, 7), "proper order, balanced"),
    ((125, 200), (3, 3), "improper order"),
)


def method() -> None:
    """Draw how three reshapes of one weight spend the same numbers: docs/img/method.png."""
    save_figure(method_figure(SHAPE, CASES), ROOT / "docs" / "img" / "method.png", dpi=110)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    method()

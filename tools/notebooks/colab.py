"""README's way to Colab: a badge for each notebook, once this repository's public address is known."""

from urllib.parse import urlsplit

from tools.notebooks.setup_cell import public_address
from tools.notebooks.source import FOLDER, find_pairs

BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
COLAB = "https://colab.research.google.com/github"


def colab_badges(names: list[str], address: str) -> str:
    """Say how to open the notebooks on Colab.

    Parameters
    ----------
    names : of the notebooks, NN_name
    address : of the repository; empty while it is not public. Colab reads from GitHub alone

    Examples
    --------
    >>> print(colab_badges(["00_first"], "https://github.com/ada/course"))
    On Colab: 00 [![Open 00 in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/ada/course/blob/main/notebooks/00_first.ipynb)
    """
    if urlsplit(address).hostname != "github.com":
        return (
            "On Colab: *File*, *Upload notebook*, and choose one of them. Its first cell asks for the "
            "address that you have this repository from, then fetches and installs the course."
        )
    place = f"{COLAB}{urlsplit(address).path}/blob/main/notebooks"
    badges = (
        f"{number(name)} [![Open {number(name)} in Colab]({BADGE})]({place}/{name}.ipynb)"
        for name in names
    )
    return f"On Colab: {' '.join(badges)}"


def number(name: str) -> str:
    """What a notebook's name begins with.

    Examples
    --------
    >>> number("07b_code_and_file")
    '07b'
    """
    return name.partition("_")[0]


def colab() -> str:
    """What README says on Colab, for the notebooks and the address of this checkout."""
    return colab_badges([pair.name for pair in find_pairs(FOLDER, [])], public_address())

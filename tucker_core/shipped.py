"""Where the files lie that come with the project: digits, small networks, records, assignments."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_shipped"  # where setup.py puts copies when it builds a wheel

ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


def shipped(name: str) -> Path:
    """Path of a file or folder that comes with the project, in a checkout as in an installed package.

    Parameters
    ----------
    name : its path in a checkout

    Raises
    ------
    FileNotFoundError
        If it is not there.

    Examples
    --------
    >>> shipped("data/records.json").name
    'records.json'
    """
    path = ROOT / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing, which comes with the project: clone or install it again"
        )
    return path

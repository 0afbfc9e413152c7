"""Notebooks in a folder or zip, whatever they are called and however they were packed."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from course_kit.grading.cells import LARGEST_NOTEBOOK
from course_kit.grading.text import shown

NOTEBOOK_ENDS = (".ipynb", ".ipynb.txt", ".ipynb.json")
DEEPEST = 3  # zips in zips
MOST_FILES = 20_000
LARGEST_ZIP = 1 << 30  # inside another


class Returned(NamedTuple):
    """A notebook that came back: where from, when it was last changed if that is known, and its bytes."""

    name: str
    changed: datetime | None
    content: bytes


def returned_notebooks(inbox: Path, notes: list[str]) -> Iterator[Returned]:
    """All notebooks below a folder or inside a zip, hidden files and checkpoints left out.

    Parameters
    ----------
    inbox : a folder, or a zip
    notes : takes what cannot be read, with the reason

    Raises
    ------
    ValueError
        If there is no such folder or zip.
    """
    if inbox.is_dir():
        for path in sorted(inbox.rglob("*")):
            name = path.relative_to(inbox).as_posix()
            try:
                if not path.is_file() or not _counts(name):
                    continue
                yield from _file(path, name, notes)
            except Exception as error:  # one file is one unit: no fault in it stops the others
                notes.append(_unreadable(name, error))
    elif zipfile.is_zipfile(inbox):
        yield from _members(inbox, "", notes, 1)
    else:
        raise ValueError(f"{inbox} is neither a folder nor a zip file")


def _file(path: Path, name: str, notes: list[str]) -> Iterator[Returned]:
    if is_notebook(name):
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with path.open("rb") as file:
            yield Returned(shown(name), changed, file.read(LARGEST_NOTEBOOK + 1))
    elif name.lower().endswith(".zip"):
        yield from _members(path, f"{name}/", notes, 1)


def _members(
    archive: Path | IO[bytes], prefix: str, notes: list[str], depth: int
) -> Iterator[Returned]:
    """The notebooks of a zip, and of zips in it."""
    try:
        opened = zipfile.ZipFile(archive)
    except Exception as error:
        notes.append(_unreadable(prefix.rstrip("/"), error))
        return
    with opened:
        for member in opened.infolist()[:MOST_FILES]:
            name = prefix + member.filename
            inner = name.lower().endswith(".zip") and depth < DEEPEST
            if member.is_dir() or not _counts(name) or not (is_notebook(name) or inner):
                continue
            limit = LARGEST_ZIP if inner else LARGEST_NOTEBOOK
            try:
                with opened.open(member) as stored:  # a bomb unpacks to no more than this
                    content = stored.read(limit + 1)
            except Exception as error:
                notes.append(_unreadable(name, error))
                continue
            if inner:
                yield from _members(io.BytesIO(content), f"{name}/", notes, depth + 1)
            else:
                yield Returned(shown(name), _date(member), content)


def is_notebook(name: str) -> bool:
    """Whether a file's name says that it is a notebook."""
    return name.lower().endswith(NOTEBOOK_ENDS)


def _date(member: zipfile.ZipInfo) -> datetime | None:
    try:
        return datetime(*member.date_time).astimezone()  # a zip keeps the clock on the wall
    except (ValueError, OverflowError, OSError):
        return None


def _unreadable(name: str, error: Exception) -> str:
    return f"{shown(name)}: cannot be read ({type(error).__name__}: {shown(error)[:200]})"


def _counts(name: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))

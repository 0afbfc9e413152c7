"""Writing files so that nobody ever sees half of one."""

import errno
import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_MOST_LINKS = 40  # as many as Linux follows
_NEW_FILE = 0o666  # less what the umask takes away


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the place of `path` once all went well.

    The folder is made if need be. Whatever fails, an older file stays whole and nothing half-written
    is left behind. A link stays and the file that it names is replaced; an older file's permissions
    stay; what is written to a device or a pipe is sent there when it is complete.

    Raises
    ------
    OSError
        If the folder cannot be made, `path` is a folder or a read-only file, or the file cannot be put
        in its place.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/new/a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     Path(f"{folder}/new/a.txt").read_text()
    'whole'
    """
    target = _behind_links(Path(path))
    old = _status(target)
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder; name a file in it", os.fspath(path))
    if target.is_symlink() or (old is not None and not stat.S_ISREG(old.st_mode)):
        with _sending(target) as temporary:
            yield temporary
        return
    if old is not None and not (old.st_mode & 0o222 and os.access(target, os.W_OK)):
        raise PermissionError(
            errno.EACCES, "is read-only; make it writable or name another file", os.fspath(path)
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with _naming(path, temporary):
            mode = _create(temporary, None if old is None else stat.S_IMODE(old.st_mode) & 0o777)
            yield temporary
            temporary.chmod(mode)  # a library may have put a file of its own there
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)
    finally:
        with suppress(OSError):  # what went wrong before is the news
            temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    r"""Write a value as JSON through a temporary file, so that an old file stays whole until then.

    Raises
    ------
    TypeError, ValueError
        If the value is none that JSON knows, such as NaN.
    OSError
        As `replacing`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(f"{folder}/a.json", {"bytes": 868})
    ...     Path(f"{folder}/a.json").read_text()
    '{\n "bytes": 868\n}\n'
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as temporary:  # a file name that is no text is escaped as JSON does it
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextmanager
def _naming(path: str | os.PathLike[str], temporary: Path) -> Iterator[None]:
    """Errors name the user's file: not the temporary one, and not none, as on a full disk."""
    try:
        yield
    except OSError as error:
        nameless = error.filename is None and error.errno is not None
        if nameless or str(error.filename) == str(temporary):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise


def _behind_links(path: Path) -> Path:
    """The path that the links lead to, also if nothing is there; a process's open files stay links."""
    for _ in range(_MOST_LINKS):
        if not path.is_symlink() or path.absolute().parts[1:2] in (("dev",), ("proc",)):
            return path
        path = path.parent / os.readlink(path)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _create(path: Path, mode: int | None) -> int:
    """Make an empty file that is never open to more people than it will be; gives its mode."""
    new = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    os.close(os.open(path, new, _NEW_FILE if mode is None else mode))
    if mode is not None:
        path.chmod(mode)  # what the umask took
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def _sending(device: Path) -> Iterator[Path]:
    """A temporary path elsewhere, whose content goes to a device or a pipe at the end."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "content"
        with _naming(device, temporary):
            yield temporary
            with temporary.open("rb") as source, device.open("wb") as sink:
                shutil.copyfileobj(source, sink)

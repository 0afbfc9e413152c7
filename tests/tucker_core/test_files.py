"""Files that are replaced: what is no regular file stays what it is, and nobody sees half of one."""

import errno
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from tucker_core.files import replacing, write_json

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")


def write(path: Path, content: bytes = b"new") -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def only(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_that_the_umask_leaves(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write(tmp_path / "a")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == 0o666 & ~umask


@posix
@pytest.mark.parametrize("kept", [0o600, 0o644, 0o664, 0o666, 0o755])
def test_an_old_file_keeps_its_permissions(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(kept)
    with replacing(path) as temporary:
        assert mode(temporary) == kept  # nor is a secret open to others while it is written
        temporary.write_bytes(b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", kept)
    assert only(tmp_path, "a")


@posix
@pytest.mark.parametrize("kept", [0o644, 0o600])
def test_a_writer_that_makes_a_file_of_its_own_changes_no_permissions(
    kept: int, tmp_path: Path
) -> None:
    """As safetensors does, whose files are for their owner alone."""
    (tmp_path / "a").touch(kept)
    (tmp_path / "other").touch(0o640)
    with replacing(tmp_path / "a") as temporary:
        (tmp_path / "other").replace(temporary)
    assert mode(tmp_path / "a") == kept
    assert only(tmp_path, "a")


def test_a_read_only_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=r"read-only; make it writable.*'.*a'$"):
        write(path)
    assert path.read_bytes() == b"old"
    assert only(tmp_path, "a")
    path.chmod(0o644)


@posix
@pytest.mark.parametrize("old", [b"old", None])
@pytest.mark.parametrize("relative", [True, False])
def test_a_link_stays_and_its_target_is_replaced(
    tmp_path: Path, old: bytes | None, relative: bool
) -> None:
    target, links = tmp_path / "far" / "a", tmp_path / "near"
    links.mkdir()
    if old is not None:
        target.parent.mkdir()
        target.write_bytes(old)
    (links / "one").symlink_to("../far/a" if relative else target)
    (links / "two").symlink_to("one")
    write(links / "two")
    assert target.read_bytes() == b"new"
    assert all((links / name).is_symlink() for name in ("one", "two"))
    assert only(target.parent, "a")
    assert only(links, "one", "two")


@posix
def test_links_in_a_ring_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"levels of symbolic links"):
        write(tmp_path / "a")


@posix
def test_a_pipe_and_a_device_get_the_content_and_stay(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for name in ("pipe", "link"):
        reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
        reader.start()
        write(tmp_path / name, name.encode())
        reader.join(10)
    assert got == [b"pipe", b"link"]
    assert pipe.is_fifo()
    assert only(tmp_path, "link", "pipe")
    ours, theirs = os.openpty()
    write(Path(os.ttyname(theirs)))
    assert os.read(ours, 9) == b"new"
    os.close(ours)
    os.close(theirs)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_an_open_file_of_the_process_is_written_to(tmp_path: Path) -> None:
    source, sink = os.pipe()
    write(Path(f"/dev/fd/{sink}"))
    assert os.read(source, 9) == b"new"
    os.close(sink)
    os.close(source)
    with (tmp_path / "a").open("wb") as file:
        write(Path(f"/proc/self/fd/{file.fileno()}"))
        assert os.fstat(file.fileno()).st_size == 3  # the file that is open, not one in its place


@posix
def test_a_pipe_gets_nothing_of_what_failed(tmp_path: Path) -> None:
    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise ValueError("half way")

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="half way"), replacing(tmp_path / "pipe") as temporary:
        fail(temporary)  # opening the pipe would wait for a reader for ever
    assert only(tmp_path, "pipe")


def test_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=rf"is a folder.*{tmp_path.name}'$"):
        write(tmp_path)
    assert only(tmp_path)


@posix
def test_messages_name_the_users_file_only(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"'[^']*/a'$"), replacing(tmp_path / "a") as temporary:
        temporary.unlink()  # as a writer does that never comes to write
    with pytest.raises(OSError, match=r"'[^']*/a'$"), replacing(tmp_path / "a") as temporary:
        temporary.open("xb")  # exists
    with pytest.raises(OSError, match=r"'[^']*/a'$"), replacing(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")  # as what is written to a full disk
    assert only(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_device_is_named() -> None:
    with pytest.raises(OSError, match=r"'/dev/full'$"):
        write(Path("/dev/full"))


def test_a_name_as_long_as_names_may_be_is_written(tmp_path: Path) -> None:
    write(tmp_path / ("a" * 255))
    assert only(tmp_path, "a" * 255)


def test_many_threads_write_one_path_and_readers_see_whole_files(tmp_path: Path) -> None:
    path, faults, done = tmp_path / "a", list[str](), threading.Event()
    contents = [bytes([k]) * 50_000 for k in range(4)]
    write(path, contents[0])

    def save(content: bytes) -> None:
        for _ in range(60):
            try:
                write(path, content)
            except OSError as error:
                faults.append(str(error))

    def read() -> None:
        while not done.is_set():
            if path.read_bytes() not in contents:
                faults.append("half a file")

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=save, args=(content,)) for content in contents]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert not faults
    assert only(tmp_path, "a")


def test_json_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"ä": [1, 2.5]})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n "ä": [\n  1,\n  2.5\n ]\n}\n'
    assert only(tmp_path, "a.json")

"""tasks.py without installing anything: what is current, what is refused, what Make offers."""

import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

import tasks

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give tasks.py a checkout with both input files and a .venv that is nothing but a name."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("numpy==2.4.6\n")
    monkeypatch.setattr(tasks, "ROOT", tmp_path)
    monkeypatch.setattr(tasks, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(tasks, "PYTHON", python)
    monkeypatch.setattr(tasks, "STAMP", tmp_path / ".venv" / "stamp.json")
    return tmp_path


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record what would be installed instead of installing it."""
    recorded: list[list[str]] = []
    monkeypatch.setattr(tasks, "install", recorded.append)
    monkeypatch.setattr(tasks, "venv_is_ours", lambda: True)
    return recorded


def test_a_second_call_installs_nothing(checkout: Path, installs: list[list[str]]) -> None:
    tasks.prepare(("dev",))
    tasks.prepare(("dev",))
    assert installs == [["dev"]]


def test_fewer_extras_are_already_there(checkout: Path, installs: list[list[str]]) -> None:
    tasks.prepare(("dev", "notebooks"))
    tasks.prepare(())
    assert installs == [["dev", "notebooks"]]


def test_more_extras_are_added_to_those_there(checkout: Path, installs: list[list[str]]) -> None:
    tasks.prepare(("notebooks",))
    tasks.prepare(("dev",))
    assert installs == [["notebooks"], ["dev", "notebooks"]]


@pytest.mark.parametrize("name", tasks.INPUTS)
def test_a_changed_input_reinstalls_by_content_not_by_time(
    name: str, checkout: Path, installs: list[list[str]]
) -> None:
    tasks.prepare(())
    (checkout / name).touch()
    tasks.prepare(())
    assert len(installs) == 1
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    tasks.prepare(())
    assert len(installs) == 2


def test_line_endings_of_the_checkout_do_not_matter(
    checkout: Path, installs: list[list[str]]
) -> None:
    tasks.prepare(())
    (checkout / "constraints.txt").write_bytes(b"numpy==2.4.6\r\n")
    tasks.prepare(())
    assert len(installs) == 1


def test_an_interrupted_install_is_done_again(
    checkout: Path, installs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(extras: list[str]) -> None:
        raise KeyboardInterrupt

    tasks.prepare(())
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tasks.prepare(("dev",))
    tasks.prepare(())
    assert installs == [[], []]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"digest": "0"}'])
def test_a_broken_stamp_counts_as_none(text: str, checkout: Path) -> None:
    tasks.STAMP.write_text(text)
    assert tasks.read_stamp() is None


def test_a_venv_of_another_python_or_folder_is_not_current(checkout: Path) -> None:
    stamp = tasks.expected_stamp([])
    assert tasks.is_current(stamp, ())
    assert stamp.folder == str(tasks.VENV)
    assert not tasks.is_current(stamp._replace(python="3.9"), ())
    assert not tasks.is_current(stamp._replace(folder="/elsewhere/.venv"), ())


def test_a_venv_whose_python_is_gone_is_not_current(checkout: Path) -> None:
    stamp = tasks.expected_stamp([])
    tasks.PYTHON.unlink()
    assert not tasks.is_current(stamp, ())


def write_config(version: str, folder: Path) -> None:
    lines = ["home = /usr/bin", f"version = {version}", f"command = python -m venv {folder}"]
    (tasks.VENV / "pyvenv.cfg").write_text("\n".join(lines))


def test_only_a_venv_of_this_python_in_this_folder_is_kept(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "quiet", lambda command: True)
    assert not tasks.venv_is_ours()  # no pyvenv.cfg
    here = "{}.{}.0".format(*sys.version_info)
    write_config(here, tasks.VENV)
    assert tasks.venv_is_ours()
    write_config("3.1.4", tasks.VENV)
    assert not tasks.venv_is_ours()
    write_config(here, checkout / "old" / ".venv")
    assert not tasks.venv_is_ours()


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_lies_at_the_place_of_the_venv_is_left_alone(
    kind: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thesis = (tasks.VENV if kind == "folder" else checkout / "elsewhere") / "thesis.txt"
    shutil.rmtree(tasks.VENV)
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    if kind == "link":
        (thesis.parent / "pyvenv.cfg").write_text("")
        tasks.VENV.symlink_to(thesis.parent)
    with pytest.raises(SystemExit):
        tasks.make_venv()
    assert "is no virtual environment of this folder: move it" in capsys.readouterr().err
    assert thesis.read_text() == "years of work"


def test_a_failing_pip_ends_with_one_line_and_code_1(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tasks, "PYTHON", Path(sys.executable))
    (checkout / "constraints.txt").unlink()  # pip stops before it looks for anything
    with pytest.raises(SystemExit) as stopped:
        tasks.install([])
    assert stopped.value.code == 1
    assert "pip could not install ." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "reachable", "expected"),
    [
        (None, True, ["--extra-index-url", tasks.TORCH_CPU_INDEX]),
        (None, False, []),
        ("", True, []),
        ("file:///wheels", False, ["--extra-index-url", "file:///wheels"]),
    ],
)
def test_where_torch_comes_from(
    variable: str | None, reachable: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "quiet", lambda command: False)  # no torch yet
    monkeypatch.setattr(tasks, "is_reachable", lambda index: reachable)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.delenv("ADA_TORCH_INDEX", raising=False)
    if variable is not None:
        monkeypatch.setenv("ADA_TORCH_INDEX", variable)
    assert tasks.torch_index() == expected
    monkeypatch.setattr(tasks, "quiet", lambda command: True)  # torch is there: leave it alone
    assert tasks.torch_index() == []


def test_an_index_that_is_not_there_is_not_reachable() -> None:
    assert not tasks.is_reachable("http://127.0.0.1:9")


def test_an_unknown_task_is_refused_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.main(["dmeo"]) == 2
    message = capsys.readouterr().err
    assert "'dmeo'" in message
    assert all(name in message for name in tasks.TASKS)


@pytest.mark.parametrize("version", [(3, 10), (2, 7), (3, 15)])
def test_a_python_without_our_dependencies_is_refused(
    version: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        tasks.check_python(version)
    assert stopped.value.code == 1
    assert "Python 3.11 to 3.14 is needed" in capsys.readouterr().err


def test_this_python_is_accepted_and_agrees_with_pyproject() -> None:
    tasks.check_python(sys.version_info[:2])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">={}.{}".format(*tasks.OLDEST)


def test_arguments_and_exit_codes_pass_through(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys; print(sys.argv[1:]); sys.exit(3)"
    task = tasks.Task((), [["-c", script], ["-c", "pass"]], "say what came through")
    monkeypatch.setattr(tasks, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(tasks, "prepare", lambda extras: None)
    monkeypatch.setitem(tasks.TASKS, "echo", task)
    assert tasks.main(["echo", "--data-dir", "a b"]) == 3
    assert "['--data-dir', 'a b']" in capfd.readouterr().out


def test_make_offers_exactly_the_tasks() -> None:
    listed = re.search(r"^TASKS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed
    assert listed[1].split() == list(tasks.TASKS)

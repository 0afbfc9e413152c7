"""The notebook tool catches what it promises to catch, on one tiny notebook run for real."""

import asyncio
import json
import queue
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_kit.sandbox.kernel_client import PatientChannel
from tools.notebooks import commands
from tools.notebooks.commands import main, parse
from tools.notebooks.differences import differs, find_differences, visible_outputs
from tools.notebooks.faults import LARGEST_FILE, find_faults, find_orphans
from tools.notebooks.folds import fold_answers, is_folded
from tools.notebooks.source import FOLDER, Pair, find_pairs, read_source

SOURCE = """\
# %% [markdown]
# # Tiny

# %%
error = 0.612
print(f"error {error:.3f} after 2 steps")

# %% tags=["nondeterministic"]
seconds = 1.0
seconds

# %%
import os

os.environ["ADA_BUDGET"]
"""


def write_source(folder: Path, text: str) -> Pair:
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "00_tiny.py").write_text(text)
    return find_pairs(folder, [])[0]


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebooks")
    write_source(folder, SOURCE)
    assert main(["build", "--folder", str(folder)]) == 0
    return folder


@pytest.fixture
def folder(built_once: Path, tmp_path: Path) -> Path:
    """Copy the built notebook, so that a test may spoil it."""
    shutil.copytree(built_once, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def pair(folder: Path) -> Pair:
    return find_pairs(folder, [])[0]


def edit(pair: Pair, change: Any) -> None:
    """Change the built notebook as a person with an editor would."""
    notebook = json.loads(pair.built.read_text())
    change(notebook)
    pair.built.write_text(json.dumps(notebook))


def test_a_second_build_gives_the_same_bytes(folder: Path, pair: Pair) -> None:
    before = pair.built.read_bytes()
    assert main(["build", "--force", "--folder", str(folder)]) == 0
    assert pair.built.read_bytes() == before
    assert [path.name for path in folder.glob("*.tmp")] == []


@pytest.mark.parametrize(("error", "seconds"), [("0.612", "1.0"), ("0.7", "99")])
def test_timings_stay_unless_something_else_changed(
    folder: Path, pair: Pair, error: str, seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second build on a slower machine gives the same bytes; one with another error, new timings."""
    before = pair.built.read_bytes()
    fresh = nbformat.read(pair.built, as_version=4)
    fresh.cells[1].outputs[0].text = f"error {error} after 2 steps\n"
    fresh.cells[2].outputs[0].data["text/plain"] = "99"
    monkeypatch.setattr(commands, "execute", lambda *_, **__: fresh)
    assert main(["build", "--force", "--folder", str(folder)]) == 0
    built = nbformat.read(pair.built, as_version=4)
    assert built.cells[2].outputs[0].data["text/plain"] == seconds
    assert (pair.built.read_bytes() == before) is (error == "0.612")


def test_a_current_notebook_is_not_run_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "execute", lambda *_, **__: pytest.fail("ran a current notebook"))
    assert main(["build", "--folder", str(folder)]) == 0
    assert main(["check", "--folder", str(folder)]) == 0


def test_a_change_of_text_alone_runs_nothing_and_keeps_the_outputs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = SOURCE.replace("# # Tiny", "# # Tiny\n#\n# **Predict** the error.")
    pair = write_source(folder, question)
    before = dict(visible_outputs(nbformat.read(pair.built, as_version=4)))
    with monkeypatch.context() as patched:
        patched.setattr(commands, "execute", lambda *_, **__: pytest.fail("ran unchanged code"))
        assert main(["build", "--folder", str(folder)]) == 0
    built = nbformat.read(pair.built, as_version=4)
    assert dict(visible_outputs(built)) == before
    assert [is_folded(cell) for cell in built.cells] == [False, True, False, False]
    edit(pair, strip_outputs)
    assert main(["build", "--folder", str(folder)]) == 0  # these are no outputs to keep
    assert nbformat.read(pair.built, as_version=4).cells == built.cells


def test_an_answer_may_stand_further_down() -> None:
    ask = nbformat.v4.new_markdown_cell("**Predict** it.")
    shown = [nbformat.v4.new_output("stream", text="7")]
    aside = nbformat.v4.new_code_cell("1", outputs=shown)
    answer = nbformat.v4.new_code_cell("2", outputs=shown, metadata={"tags": ["answer"]})
    notebook = nbformat.v4.new_notebook(cells=[ask, aside, answer])
    fold_answers(notebook)
    assert [is_folded(cell) for cell in notebook.cells] == [False, False, True]


def test_a_notebook_links_to_its_neighbours(tmp_path: Path) -> None:
    for name in ("00_first", "01_second", "02_third"):
        (tmp_path / f"{name}.py").write_text(f"# %% [markdown]\n# # About {name}\n")
    last = read_source(tmp_path / "01_second.py").cells[-1].source
    assert "← [About 00_first](00_first.ipynb)" in last
    assert "[About 02_third](02_third.ipynb) →" in last


def test_the_budget_reaches_the_notebook(pair: Pair) -> None:
    shown = dict(visible_outputs(nbformat.read(pair.built, as_version=4)))
    assert shown[3] == "'default'"


def test_cell_ids_and_metadata_are_the_same_on_every_machine(pair: Pair) -> None:
    notebook = json.loads(pair.built.read_text())
    assert [cell["id"] for cell in notebook["cells"]] == [f"cell-{i:02d}" for i in range(4)]
    assert set(notebook["metadata"]) == {"kernelspec", "language_info", "built_from"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}


def test_an_edited_source_is_caught_and_the_mending_command_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_source(folder, SOURCE.replace("0.612", "0.5"))
    assert main(["check", "--folder", str(folder)]) == 1
    message = capsys.readouterr().err
    assert "cells differ from the source" in message
    assert "make notebooks" in message


def test_an_edited_tag_is_caught(folder: Path) -> None:
    changed = write_source(folder, SOURCE.replace(' tags=["nondeterministic"]', ""))
    assert find_faults(changed)


def strip_outputs(notebook: Any) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)


def add_error(notebook: Any) -> None:
    error = {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []}
    notebook["cells"][1]["outputs"].append(error)


def add_address(notebook: Any) -> None:
    notebook["cells"][1]["outputs"][0]["text"] = "<Line2D at 0x7f85874485d0>"


def add_bulk(notebook: Any) -> None:
    notebook["cells"][1]["outputs"][0]["text"] = "x" * LARGEST_FILE


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (strip_outputs, "not run from top to bottom"),
        (add_error, "has an error among its outputs"),
        (add_address, "shows a memory address"),
        (add_bulk, "bytes, more than 1,000,000"),
        (lambda n: n["metadata"].pop("built_from"), "outputs were made from another source"),
        (lambda n: n["cells"][1].update(source="1 + 1"), "cells differ from the source"),
    ],
)
def test_a_spoilt_notebook_is_caught(pair: Pair, change: Any, fault: str) -> None:
    assert find_faults(pair) == []
    edit(pair, change)
    faults = find_faults(pair)
    assert len(faults) == 1
    assert fault in faults[0]


def test_a_missing_and_an_unreadable_notebook_are_caught(pair: Pair) -> None:
    pair.built.write_text("<<<<<<< ours")
    assert "cannot be read" in find_faults(pair)[0]
    pair.built.unlink()
    assert "missing" in find_faults(pair)[0]


def test_a_notebook_without_a_source_is_caught(folder: Path) -> None:
    (folder / "src" / "00_tiny.py").unlink()
    assert main(["check", "--folder", str(folder)]) == 1
    assert "has no source" in find_orphans(folder)[0]


def test_a_hand_edited_number_passes_check_but_not_compare(
    folder: Path,
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fresh = nbformat.read(pair.built, as_version=4)
    monkeypatch.setattr(commands, "execute", lambda *_, **__: fresh)  # what running it again gives
    assert main(["compare", "--folder", str(folder)]) == 0
    pair.built.write_text(pair.built.read_text().replace("error 0.612", "error 0.712"))
    assert find_faults(pair) == []
    assert main(["compare", "--folder", str(folder)]) == 1
    message = capsys.readouterr().err
    assert "committed 'error 0.712" in message
    assert "now 'error 0.612" in message
    assert "make notebooks" in message


def test_a_cell_tagged_nondeterministic_is_not_compared(pair: Pair) -> None:
    committed = nbformat.read(pair.built, as_version=4)
    fresh = nbformat.read(pair.built, as_version=4)
    fresh.cells[2].outputs[0].data["text/plain"] = "99"
    assert find_differences(pair, committed, fresh) == []
    fresh.cells[3].outputs[0].data["text/plain"] = "99"
    assert len(find_differences(pair, committed, fresh)) == 1


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("error 0.612", "error 0.6125", False),
        ("error 0.612", "error 0.712", True),
        ("loss 1000.0", "loss 1009.0", False),
        ("loss 1000.0", "loss 1011.0", True),
        ("a  b\n", "a b", False),
        ("a b", "a c", True),
        ("1 2", "1 2 3", True),
        ("conv1 is 3", "conv2 is 3", True),
        ("1e-9", "-1e-9", False),
        ("<image/png>", "", True),
    ],
)
def test_texts_differ_beyond_white_space_and_tolerance(old: str, new: str, expected: bool) -> None:
    assert differs(old, new) is expected


def test_a_failing_cell_is_shown_and_the_old_notebook_stays(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = write_source(folder, "# %%\n1 + 1\n\n# %%\nratio = 1 / 0\n")
    before = pair.built.read_bytes()
    assert main(["build", "--folder", str(folder)]) == 1
    message = capsys.readouterr().err
    for part in ("00_tiny.py", "cell 1 failed", "ratio = 1 / 0", "ZeroDivisionError"):
        assert part in message
    assert pair.built.read_bytes() == before


class DeafSocket:
    """A socket whose first wake-up is lost: the message is there, and poll says nothing."""

    def __init__(self) -> None:
        self.polls = 0

    async def poll(self, timeout: int | None) -> int:
        self.polls += 1
        return self.polls > 1


@pytest.mark.parametrize("timeout", [None, 600])
def test_a_lost_wake_up_does_not_cost_the_whole_time_limit(
    monkeypatch: pytest.MonkeyPatch, timeout: float | None
) -> None:
    async def message(self: Any) -> dict[str, str]:
        return {"header": "reply"}

    monkeypatch.setattr(PatientChannel, "_recv", message)
    channel = object.__new__(PatientChannel)
    channel.socket = DeafSocket()  # type: ignore[assignment]
    assert asyncio.run(channel.get_msg(timeout)) == {"header": "reply"}


def test_a_time_limit_is_kept() -> None:
    channel = object.__new__(PatientChannel)
    channel.socket = DeafSocket()  # type: ignore[assignment]
    with pytest.raises(queue.Empty):
        asyncio.run(channel.get_msg(0))


def test_force_may_stand_before_the_name() -> None:
    options = parse(["build", "--force", "00_tiny"])
    assert (options.names, options.force) == (["00_tiny"], True)


def test_an_unknown_name_is_refused_with_the_known_ones(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "99_none", "--folder", str(folder)]) == 2
    message = capsys.readouterr().err
    assert "99_none" in message
    assert "00_tiny" in message


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "solutions"], ids=["course", "solutions"])
def test_notebooks_are_current(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["check", "--folder", str(folder)])
    assert code == 0, capsys.readouterr().err

"""What the commands write, remove and print: nothing of others is harmed, and it is found out early."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ada_tucker.cli import inspect, preflight
from ada_tucker.cli.preflight import check_apart, check_file, check_folder
from tests.ada_tucker.tiny_cli import Command
from tests.torch_bridge.tiny_runs import interrupt_at, write_ada

TRAINING = ("--quiet", "--epochs", 1)


def test_demo_removes_nothing_that_it_did_not_write(ada: Command, tmp_path: Path) -> None:
    """Its results may lie inside its runs, and other things of the user's too."""
    thesis = tmp_path / "keep" / "demo" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("years of work")
    (thesis.parent / "deep").mkdir()
    ada("demo", "lenet300", "--runs", "keep", "--out", "keep/demo", *TRAINING).done()
    assert thesis.read_text() == "years of work"
    left = sorted(path.name for path in thesis.parent.iterdir())
    copies = [name for name in left if name.startswith("augmented-")]
    assert len(copies) == 1, "augmented copies stay for the next run"
    assert [name for name in left if name not in copies] == [
        "deep", "lenet300.ada", "lenet300.png", "lenet300_qr.png", "lenet300_qr.svg", "result.json",
        "thesis.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("compress lenet300 --levels nan", ["levels is nan"]),
        ("compress lenet300 --levels 0", ["levels is 0.0"]),
        ("demo lenet300 --levels -1", ["levels is -1.0"]),
        ("demo lenet300 --max-bytes 40", ["max_bytes is 40", "bytes at the coarsest"]),
        ("demo lenet300 --budget 9", ["budget is 9"]),
        ("demo lenet300 --out file.txt", ["--out file.txt", "no folder"]),
        ("demo lenet300 --out full", ["full/lenet300.ada is a folder"]),
        ("train lenet300 --runs file.txt", ["--runs file.txt", "no folder"]),
        ("train lenet300 --out full", ["full is a folder"]),
        ("train lenet300 --out file.txt/net.npz", ["file.txt is no folder"]),
        ("train lenet300 --out /proc/no/net.npz", ["/proc", "cannot be written to"]),
        ("train lenet300 --result /proc/no/a.json", ["--result", "cannot be written to"]),
        ("train lenet300 --out net.ada", ["ends in '.ada'", ".npz is needed"]),
        ("train lenet300 --out net", ["ends in ''", ".npz is needed"]),
        ("train lenet300 --result net.npz", ["ends in '.npz'", ".json is needed"]),
        ("compress lenet300 --out net.npz", ["ends in '.npz'", ".ada is needed"]),
        ("compress lenet300 --out net.onnx", ["ends in '.onnx'"]),
        ("compress lenet300 --result full", ["--result full is a folder"]),
        ("pareto lenet300 --out file.txt", ["file.txt is no folder"]),
        ("pareto lenet300 --budgets 2000 9", ["budget is 9"]),
        ("pareto lenet300 --rates -1", ["rate is -1.0"]),
        ("pareto lenet300 --rates nan", ["rate is nan"]),
        ("ablate core magic", ["study 'magic' is unknown"]),
        ("ablate --out file.txt", ["file.txt is no folder"]),
        ("ablate --lr nan", ["lr is nan"]),
    ],
)
def test_what_cannot_be_is_found_out_before_training(
    line: str, parts: list[str], ada: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file.txt").write_text("mine")
    (tmp_path / "full" / "lenet300.ada").mkdir(parents=True)
    calls = interrupt_at(monkeypatch, 1)
    ada(*line.split(), "--quiet").error(*parts)
    assert calls() == 0
    assert (tmp_path / "file.txt").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} <= {"file.txt", "full", "runs"}


def test_one_output_never_takes_the_place_of_another_or_of_an_input(
    ada: Command, tmp_path: Path
) -> None:
    content = write_ada(tmp_path / "net.ada")
    (tmp_path / "link.json").symlink_to(tmp_path / "net.ada")
    ada("profile", "net.ada", "--result", "link.json").error("link.json is read")
    ada("profile", "net.ada", "--result", "net.ada").error("ends in '.ada'")
    ada("qr", "net.ada", "--out", "a.png", "a.svg", "./a.png").error("would be written twice")
    assert (tmp_path / "net.ada").read_bytes() == content
    with pytest.raises(ValueError, match="would be written twice"):
        check_apart([Path("a.ada"), None, Path("b/../a.ada")])


def test_devices_are_fine_as_files_and_nothing_is_made_early(tmp_path: Path) -> None:
    check_file(Path("/dev/null"), ".ada")
    check_file(tmp_path / "new" / "deep" / "a.ada", ".ada")
    check_folder(tmp_path / "new" / "deep")
    assert list(tmp_path.iterdir()) == []


JSON = {
    "demo": "demo lenet300 --quiet --epochs 1",
    "train": "train lenet300 --quiet --epochs 1",
    "compress": "compress lenet300 --quiet --epochs 1",
    "pareto": "pareto lenet300 --quiet --epochs 1 --budgets 900 --rates 0.1",
    "ablate": "ablate core --quiet --epochs 1 --seeds 0",
    "ablate several": "ablate core start --quiet --epochs 1 --seeds 0",
    "evaluate": "evaluate net.ada",
    "evaluate several": "evaluate net.ada net.ada.ada",
    "inspect": "inspect net.ada",
    "profile": "profile net.ada --seconds 0",
    "bench list": "bench --list",
}


@pytest.mark.parametrize("name", JSON)
def test_json_is_one_document(name: str, ada: Command, tmp_path: Path) -> None:
    write_ada(tmp_path / "net.ada")
    write_ada(tmp_path / "net.ada.ada")
    found: Any = json.loads(ada(*JSON[name].split(), "--json").done().out)
    assert isinstance(found, list) == (name in ("pareto", "bench list") or "several" in name)
    if name == "ablate several":
        assert [study["study"] for study in found] == ["core", "start"]


def test_version(ada: Command) -> None:
    result = ada("--version").done()
    assert result.out.startswith("ada-tucker ")


def test_an_unforeseen_error_is_one_line_and_debug_shows_where(
    ada: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ada(tmp_path / "net.ada")
    for error, part in (
        (KeyError("rows"), "KeyError: 'rows'; --debug shows"),
        (RuntimeError("mat1 and\nmat2"), "RuntimeError: mat1 and mat2"),
        (RuntimeError("can't allocate memory: you tried"), "take smaller batches"),
        (
            RuntimeError("bad\nException raised from f (most recent call first)"),
            "RuntimeError: bad;",
        ),
        (MemoryError(), "not enough memory"),
        (AssertionError(), "AssertionError"),
    ):
        monkeypatch.setattr(inspect, "load", _raising(error))
        ada("inspect", "net.ada").error(part)
        for line in (("--debug", "inspect", "net.ada"), ("inspect", "net.ada", "--debug")):
            with pytest.raises(type(error)):
                ada(*line)


def _raising(error: Exception) -> Any:
    def load(_: Path) -> None:
        raise error

    return load


def test_names_cannot_drive_the_terminal(ada: Command, tmp_path: Path) -> None:
    red = "\x1b[31mred\x07\u202e.ada"
    write_ada(tmp_path / red)
    for line in (
        ("inspect", red),
        ("evaluate", red),
        ("inspect", f"no{red}"),
        ("evaluate", f"no{red}"),
    ):
        result = ada(*line)
        for text in (result.out, result.err):
            assert all(c.isprintable() or c == "\n" for c in text)
        assert "\\x1b[31mred" in result.out + result.err
    wrong = ada("inspect", "a.ada", red)
    assert wrong.code == 2
    assert "\x1b" not in wrong.err
    assert json.loads(ada("evaluate", red, "--json").done().out)["file"] == red


def test_a_log_has_one_line_a_stage(ada: Command) -> None:
    result = ada("compress", "lenet300", "--epochs", 1, "--json").done()
    assert "\r" not in result.err
    lines = result.err.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "ADA-Tucker lenet300",
        "ADA-Tucker, QAT lenet300",
    ]
    assert all("val_error=" in line for line in lines)


@pytest.mark.parametrize(
    "words", ["demo lenet300", "pareto lenet300", "ablate", "qr net.ada", "bench lenet5 --compare"]
)
def test_what_ends_in_a_picture_does_not_begin_without_what_draws_it(
    words: str, ada: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "find_spec", lambda name: None if name == "segno" else name)
    ada(*words.split()).error("segno", "pip install 'ada-tucker[course]'")

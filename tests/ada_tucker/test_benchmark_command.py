"""The command `ada-tucker bench`: what it writes, shows and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ada_tucker.cli import main as cli
from torch_bridge.benchmarks import BENCHMARKS
from torch_bridge.models import LENETS
from tucker_core import shipped


def command(*words: object) -> int:
    return cli.main(["bench", *map(str, words)])


def test_command_trains_and_compresses(
    tmp_path: Path, resnet8: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ("--out", tmp_path, "--runs", tmp_path / "runs", "--quiet", "--json")
    assert command(resnet8, *folders) == 0
    dense = next(tmp_path.glob("*dense-1*.npz"))
    assert json.loads(capsys.readouterr().out)[0]["params"] == 75_290
    assert command(resnet8, "--method", "ada", "--dense", dense, "--epochs", 3, *folders) == 0
    compressed = json.loads(capsys.readouterr().out)[1]
    assert compressed["ratio"] > 10
    path = next(tmp_path.glob("*ada-15x*.json"))
    assert json.loads(path.read_text())["recipe"]["bits"] == BENCHMARKS[resnet8].recipe.bits == 2.5
    path = next(tmp_path.glob("*.ada"))
    assert command(resnet8, "--evaluate", path, *folders) == 0
    again = json.loads(capsys.readouterr().out)[0]
    assert again == compressed | {"seconds": 0.0}
    assert command(resnet8, "--hole", 40, *folders) == 1
    assert "cutout is 40" in capsys.readouterr().err
    assert command(resnet8, "--start", dense, *folders) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "dense-1-more"
    assert command(resnet8, "--start", dense, "--distil", 0.7, *folders) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "dense-1-taught"
    assert command("resnet20", "--evaluate", path, *folders) == 1
    assert "holds a resnet8; resnet20 is asked for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--method", "ada"), "--dense FILE is needed"),
        (("--method", "ada", "--dense", "no.npz"), "no such file: no.npz"),
        (("--start", "no.npz"), "no such file: no.npz"),
        (
            ("--start", "data/models/no.npz"),
            "no.npz; the dense networks of data/models come with a",
        ),
        (("--evaluate", "no.ada", "nor.ada"), "no such file: no.ada, nor.ada"),
        (("--distil", 0.7), "--start FILE is needed"),
        (("--method", "ada", "--start", "no.npz"), "--start is for the dense network"),
    ],
)
def test_what_cannot_be_is_refused_before_images_are_read(
    options: tuple[object, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("resnet20", *options, "--data-dir", "nowhere") == 1
    assert message in capsys.readouterr().err


@pytest.mark.filterwarnings("always::UserWarning")
def test_comparison_runs_every_method_once_and_says_what_is_impossible(
    tmp_path: Path, resnet8: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ("--out", tmp_path, "--runs", tmp_path / "runs", "--quiet")
    methods = ("--compare", "--methods", "svd", "pruning", "tt")
    options = (*methods, "--seeds", 0, "--epochs", 2, "--distil", 0.5)
    assert command(resnet8, *options, "--ratios", 8, 300, *folders) == 0
    shown = capsys.readouterr().out
    stem = tmp_path / "compare_resnet8_cifar-10-tiny"
    content = json.loads(stem.with_suffix(".json").read_text())
    done = {(run["method"], run["ratio"]): run for run in content["runs"]}
    assert len(done) == 6
    assert content["recipe"]["qat"]["distil"] == 0.5
    assert "take a smaller ratio" in done["svd", 300.0]["reason"]
    assert "take a smaller ratio" in shown
    for method in ("svd", "pruning", "tt"):
        row = done[method, 8.0]["row"]
        path = tmp_path / "runs" / "compare" / row["name"]
        assert row["n_bytes"] == path.stat().st_size
        assert f"{row['n_bytes']:,}" in shown
        assert command(resnet8, "--evaluate", path, *folders, "--json") == 0
        assert json.loads(capsys.readouterr().out)[0]["test_error"] == row["test_error"]
    assert stem.with_suffix(".png").stat().st_size > 10_000
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    assert command(resnet8, *options, "--ratios", 8, 300, *folders, "--json") == 0
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    assert json.loads(capsys.readouterr().out)["runs"] == content["runs"]
    assert command(resnet8, *options, "--ratios", 8, 300, "--bits", 3, *folders, "--json") == 0
    said = capsys.readouterr()
    assert said.err.count("of other settings, other data or an older version; it is made") == 5
    other = json.loads(said.out)["runs"]
    sizes = [
        [run["row"]["params"] for run in runs if "row" in run] for runs in (content["runs"], other)
    ]
    assert sizes[0] != sizes[1]


def test_shapes_are_tried_once_at_equal_parameters(
    tmp_path: Path, resnet8: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ("--out", tmp_path, "--runs", tmp_path / "runs", "--quiet")
    assert command(resnet8, *folders) == 0
    dense = next(tmp_path.glob("*dense-1*.npz"))
    options = ("--shapes", "--dense", dense, "--seeds", 0, "--epochs", 1)
    assert command(resnet8, *options, *folders) == 1
    assert "--shapes needs --fraction" in capsys.readouterr().err
    assert command(resnet8, *options, "--fraction", 0.2, *folders) == 0
    shown = capsys.readouterr().out
    stem = tmp_path / "shapes_resnet8_cifar-10-tiny"
    content = json.loads(stem.with_suffix(".json").read_text())
    done = [run for run in content["runs"] if "row" in run]
    assert {run["order"] for run in done} == {2, 3, 4, 5, 6}
    assert all(run["row"]["params"] <= 0.2 * 75_290 for run in done)
    assert all(run["row"]["n_bytes"] == 4 * run["row"]["params"] for run in done)
    lost = {(run["order"], run["title"]): run["energy_lost"] for run in done}
    assert 0 < lost[3, "(out, in, k k)"] < lost[2, "(out, in k k)"] < 1
    assert "(out, in, k k)" in shown
    assert stem.with_suffix(".png").stat().st_size > 10_000
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    assert command(resnet8, *options, "--fraction", 0.2, *folders, "--json") == 0
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    assert json.loads(capsys.readouterr().out)["runs"] == content["runs"]


@pytest.mark.filterwarnings("always::UserWarning")
def test_rate_against_rank_at_the_same_bytes(
    tmp_path: Path, resnet8: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ("--out", tmp_path, "--runs", tmp_path / "runs", "--quiet")
    options = ("--compare", "--ratios", 10, "--fractions", 1, 0.4, 0.2, "--seeds", 0, "--epochs", 2)
    assert command(resnet8, *options, *folders) == 0
    stem = tmp_path / "rates_resnet8_cifar-10-tiny"
    runs = json.loads(stem.with_suffix(".json").read_text())["runs"]
    expected = [("rounding", 3.2), ("ada", 8.0), ("ada", 16.0)]
    assert [(run["method"], run["bits"]) for run in runs] == expected
    whole, part, _ = (run["row"] for run in runs)
    assert len(list((tmp_path / "runs" / "compare").rglob("*.ada"))) == 3
    assert whole["params"] > 75_000 > 0.42 * 75_290 > part["params"]
    assert f"{part['params']:,}" in capsys.readouterr().out
    assert stem.with_suffix(".png").stat().st_size > 10_000


def test_list_names_parameters_data_and_what_is_published(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("--list", "--json") == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert {*LENETS} < set(entries) == {*BENCHMARKS}
    assert entries["wrn28-10"]["parameters"] == 36_479_194
    assert all(record["source"] for entry in entries.values() for record in entry["published"])
    assert command("--list") == 0
    shown = capsys.readouterr().out
    assert "resnet50" in shown
    assert "T-Basis, 18.0 % of the parameters: 8.15 %" in shown


def test_a_list_without_what_is_published_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shipped, "ROOT", tmp_path)
    assert command("--list") == 1
    out, err = capsys.readouterr()
    assert (out, "records.json is missing" in err) == ("", True)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "which benchmark? choose one of"),
        (("resnet21",), "benchmark 'resnet21' is unknown; choose one of"),
        (("resnet20", "--device", "cuda"), "device 'cuda' is not available"),
        (("resnet20", "--data-dir", "/nowhere"), "cifar-10-binary.tar.gz"),
    ],
)
def test_command_says_what_is_wrong(
    words: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*words) == 1
    assert text in capsys.readouterr().err

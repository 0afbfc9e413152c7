"""The command line: what each command does, its exit codes, and one line for every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ada_tucker.cli import evaluate, experiment
from tests.ada_tucker.tiny_cli import Command
from tests.torch_bridge.tiny_runs import TEST, interrupt_at, write_ada
from torch_bridge.datasets import DataError, load_mnist, sources
from tucker_core import ARCHITECTURES, CompressedNetwork, load, save

# numpy leaves a file open that is no zip file; python says so when it is collected.
leaks = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

TRAINING = ("--quiet", "--epochs", 1)


@pytest.mark.parametrize(
    "command", ["", "demo", "train", "compress", "pareto", "ablate", "evaluate", "inspect", "qr"]
)
def test_help(command: str, ada: Command) -> None:
    result = ada(*command.split(), "--help").done()
    assert f"usage: ada-tucker {command}".strip() in result.out
    assert result.err == ""


@pytest.mark.parametrize(
    "line",
    [
        "", "paint", "demo lenet6", "train", "train lenet6", "compress lenet6", "qr", "inspect",
        "evaluate", "compress lenet5 --method magic", "compress lenet5 --start cold",
        "demo --budget 0", "demo --budget many", "train lenet5 --epochs 0", "demo --max-bytes -3",
        "demo --seed x", "compress lenet5 --lr fast", "evaluate a.ada --unknown",
    ],
)  # fmt: skip
def test_wrong_use(line: str, ada: Command) -> None:
    result = ada(*line.split())
    assert result.code == 2
    assert result.out == ""
    assert "usage: ada-tucker" in result.err
    assert "error: " in result.err


def put(kind: str, path: Path) -> None:
    """Put something at a path that is no good .ada file."""
    content = write_ada(path)
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        middle = len(content) // 2
        flipped = bytes([content[middle] ^ 1])
        path.write_bytes(
            {
                "picture": b"\x89PNG\r\n\x1a\n" + content,
                "empty": b"",
                "cut off": content[:middle],
                "damaged": content[:middle] + flipped + content[middle + 1 :],
                "newer": content[:3] + b"\x63" + content[4:],
            }[kind]
        )


@pytest.mark.parametrize("command", ["evaluate", "inspect", "qr"])
@pytest.mark.parametrize(
    "kind", ["missing", "folder", "picture", "empty", "cut off", "damaged", "newer"]
)
def test_bad_file(command: str, kind: str, ada: Command, tmp_path: Path) -> None:
    put(kind, tmp_path / "net.ada")
    ada(command, "net.ada").error("net.ada")
    assert {path.name for path in tmp_path.iterdir()} <= {"net.ada"}


def put_npz(kind: str, path: Path) -> None:
    """Write something at a path that is no good weights file."""
    arrays: dict[str, Any] = {
        "checkpoint": {"mark": np.array("0123"), "state/epoch": np.array(1)},
        "strangers": {"a": np.ones(3)},
        "objects": {"a": np.array([{}], object)},
        "nan": {k: np.full(s, np.nan, np.float32) for k, s in ARCHITECTURES["lenet300"].items()},
    }
    if kind in arrays:
        np.savez(path, **arrays[kind])
    elif kind == "single array":
        with path.open("wb") as file:
            np.save(file, np.ones(3))
    else:
        path.write_bytes({"empty": b"", "text": b"hello", "zip": b"PK\x03\x04"}[kind])


@leaks
@pytest.mark.parametrize(
    "kind",
    ["checkpoint", "strangers", "objects", "nan", "single array", "empty", "text", "zip"],
)
def test_bad_weights_file(kind: str, ada: Command, tmp_path: Path) -> None:
    """A checkpoint of a run is the .npz that one is most likely to take for the weights."""
    put_npz(kind, tmp_path / "net.npz")
    ada("evaluate", "net.npz").error("net.npz")
    ada("compress", "lenet300", "--dense", "net.npz", *TRAINING).error("net.npz")


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("demo lenet300 --budget 3", ["budget is 3", "at least"]),
        ("compress lenet300 --max-bytes 40", ["max_bytes is 40", "bytes at the coarsest"]),
        ("compress lenet300 --budget 9", ["budget is 9", "at least"]),
        ("train lenet300 --device tpu", ["device 'tpu' is not available", "'cpu'"]),
        ("train lenet300 --lr nan", ["lr is nan"]),
        ("train lenet300 --lr -1", ["lr is -1.0"]),
        ("train lenet300 --data-dir nowhere", ["nowhere"]),
        ("demo lenet300 --data-dir .", ["data_dir"]),
        ("train lenet300 --lr 1e30", ["dense lenet300", "step", "epoch 1", "1e+30"]),
        ("compress lenet300 --lr 1e30", ["ADA-Tucker lenet300", "step", "epoch 1"]),
        ("compress lenet300 --start hosvd", ["--init hosvd", "dense network is needed"]),
        ("compress lenet300 --distil 0.5", ["--distil", "dense network is needed"]),
        ("compress lenet300 --distil 1.5", ["distil is 1.5"]),
        ("compress lenet300 --dense none.npz", ["none.npz"]),
        ("compress lenet300 --no-rounding --out a.ada", ["--no-qat writes no file", "a.ada"]),
        ("compress lenet300 --dims original --order 3", ["'original'", "order 3"]),
        ("compress lenet300 --dims original --method scada --budget 300", ["budget", "300"]),
        ("train lenet300 --recipe small", ["'small'", "full MNIST"]),
    ],
)
def test_bad_input(line: str, parts: list[str], ada: Command, tmp_path: Path) -> None:
    ada(*line.split(), *TRAINING).error(*parts)
    assert not list(tmp_path.glob("*.ada"))
    assert not list(tmp_path.glob("*.npz"))


def test_seed_that_torch_cannot_take_is_named(ada: Command) -> None:
    result = ada("train", "lenet300", "--seed", 10**18, *TRAINING)
    assert result.code in (1, 2)
    assert "seed" in result.err.splitlines()[-1]


def test_cuda_that_is_not_there(ada: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    ada("train", "lenet300", "--device", "cuda").error("device 'cuda' is not available")


def test_train_then_evaluate_its_weights(ada: Command, tmp_path: Path) -> None:
    trained = json.loads(ada("train", "lenet300", "--json", *TRAINING).done().out)
    (row,) = trained["rows"]
    found = json.loads(ada("evaluate", "lenet300.npz", "--json").done().out)
    assert found["test_error"] == row["test_error"]
    assert (found["model"], found["params"], found["bytes"]) == ("lenet300", 266_610, 1_066_440)
    assert found["ratio"] == 1.0
    ada("compress", "lenet5", "--dense", "lenet300.npz").error(
        "lenet300.npz", "lenet5 is asked for"
    )
    options = ("--dense", "lenet300.npz", "--start", "hosvd", "--distil", 0.5, "--out", "a/b.ada")
    assert "b.ada, decoded" in ada("compress", "lenet300", *options, *TRAINING).done().out
    assert (tmp_path / "a" / "b.ada").exists()


def test_train_without_augmentation_prints_a_table(ada: Command) -> None:
    result = ada("train", "lenet300", "--no-augment", "--out", "w.npz", *TRAINING).done()
    assert "dense, no augmentation" in result.out
    assert result.out.startswith("MNIST-5k")
    assert result.err == ""


def test_compress_then_evaluate_its_file(ada: Command, tmp_path: Path) -> None:
    made = json.loads(ada("compress", "lenet300", "--json", *TRAINING).done().out)
    (row,) = made["rows"]
    found = json.loads(ada("evaluate", "lenet300.ada", "--json").done().out)
    assert found == {
        "file": "lenet300.ada",
        "model": "lenet300",
        "data_set": "MNIST-5k",
        "test_images": TEST,
        "params": row["params"],
        "bytes": (tmp_path / "lenet300.ada").stat().st_size,
        "ratio": row["ratio"],
        "test_error": row["test_error"],
    }


def test_compress_without_rounding_counts_what_a_file_would_store(
    ada: Command, tmp_path: Path
) -> None:
    """The inner biases are zero, so that neither the count nor a file holds them."""
    options = ("--no-rounding", "--json", "--result", "floats.json", *TRAINING)
    (row,) = json.loads(ada("compress", "lenet300", *options).done().out)["rows"]
    assert not list(tmp_path.glob("*.ada"))
    assert json.loads((tmp_path / "floats.json").read_text())["rows"] == [row]
    ada("compress", "lenet300", *TRAINING).done()
    assert row["params"] == load(tmp_path / "lenet300.ada").n_params
    assert row["n_bytes"] == 4 * row["params"]


@pytest.mark.parametrize(
    ("options", "dims"),
    [
        ("--dims original", [[300, 784], [100, 300], [10, 100]]),
        ("--dims balanced --order 3", [[56, 60, 70], [25, 30, 40], [10, 10, 10]]),
        ("--order 3", [[300, 28, 28], [100, 15, 20], [10, 10, 10]]),
        (
            "--dims natural --method scada",
            [[15, 20, 28, 28], [10, 10, 15, 20], [10, 4, 5, 5]],
        ),
    ],
)
def test_dims_can_be_chosen(options: str, dims: list[list[int]], ada: Command) -> None:
    ada("compress", "lenet300", "--budget", 4_000, *options.split(), *TRAINING).done()
    layers = json.loads(ada("inspect", "lenet300.ada", "--json").done().out)["layers"]
    assert [layer["dims"] for layer in layers if len(layer["shape"]) > 1] == dims


def test_evaluate_several_files(ada: Command, tmp_path: Path) -> None:
    for name in ("lenet5", "lenet300"):
        write_ada(tmp_path / f"{name}.ada", name)
    table = ada("evaluate", "lenet5.ada", "lenet300.ada").done().out
    assert [line.split()[0] for line in table.splitlines()[2:]] == ["lenet5.ada", "lenet300.ada"]
    found = json.loads(ada("evaluate", "lenet5.ada", "lenet300.ada", "--json").done().out)
    assert [entry["model"] for entry in found] == ["lenet5", "lenet300"]
    ada("evaluate", "lenet5.ada", "none.ada").error("none.ada")


def test_evaluation_on_images_that_may_have_been_seen_says_so(ada: Command, tmp_path: Path) -> None:
    write_ada(tmp_path / "a.ada")
    result = ada("evaluate", "a.ada").done()
    assert result.err == f"note: {evaluate.SEEN}\n"


def test_evaluate_network_of_an_unknown_model(ada: Command, tmp_path: Path) -> None:
    write_ada(tmp_path / "a.ada")
    known = load(tmp_path / "a.ada")
    save(tmp_path / "a.ada", CompressedNetwork("lenet6", known.parameters))
    ada("evaluate", "a.ada").error("'lenet6' is unknown", "lenet300, lenet5")
    assert "lenet6" in ada("inspect", "a.ada").done().out


def test_interrupted_compress_goes_on_to_the_same_file(
    ada: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada("compress", "lenet300", "--quiet", "--runs", "apart", "--out", "whole.ada").done()
    with monkeypatch.context() as patch:
        interrupt_at(patch, 4)  # the second epoch of QAT
        stopped = ada("compress", "lenet300", "--quiet")
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.err.strip().splitlines() == [
        "ada-tucker: interrupted; the same command goes on from the last epoch"
    ]
    assert not (tmp_path / "lenet300.ada").exists()
    calls = interrupt_at(monkeypatch, 0)
    ada("compress", "lenet300", "--quiet").done()
    assert calls() == 1
    assert (tmp_path / "lenet300.ada").read_bytes() == (tmp_path / "whole.ada").read_bytes()


@leaks
def test_damaged_checkpoint_is_named(ada: Command, tmp_path: Path) -> None:
    ada("train", "lenet300", *TRAINING).done()
    (checkpoint,) = (tmp_path / "runs").glob("*.npz")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100] + bytes(100))
    (tmp_path / "lenet300.npz").unlink()
    ada("train", "lenet300", *TRAINING).error(checkpoint.name, "delete it")


def test_demo_leaves_its_folder_and_no_checkpoints(ada: Command, tmp_path: Path) -> None:
    result = ada("demo", "lenet300", "--out", "made", "--json", *TRAINING).done()
    assert json.loads(result.out)["command"].startswith("ada-tucker demo lenet300 --out made")
    assert "made" in result.err
    assert len(list((tmp_path / "made").iterdir())) == 5
    assert not list((tmp_path / "runs").rglob("*.npz"))


@pytest.mark.filterwarnings("always::UserWarning")
def test_bundled_digits_in_place_of_mnist_are_noted(
    ada: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(offline: bool, progress: bool) -> Any:
        raise DataError("no mirror was asked")

    write_ada(tmp_path / "a.ada")
    monkeypatch.delenv("ADA_DATA_DIR", raising=False)
    monkeypatch.setattr(sources, "read_or_fetch_mnist", nothing)
    monkeypatch.setattr(experiment, "load_mnist", load_mnist)
    result = ada("evaluate", "a.ada", "--offline", "--json").done()
    assert json.loads(result.out)["data_set"] == "MNIST-5k"
    fallback, seen = result.err.splitlines()
    assert fallback.startswith("note: using the bundled MNIST-5k")
    assert seen == f"note: {evaluate.SEEN}"

"""Checkpoints: what comes back, and what a damaged, foreign or interrupted file does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from torch_bridge.state import checkpoint
from torch_bridge.state.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

STATE: dict[str, Any] = {
    "model": {
        "0.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
        "fc.double": torch.ones(2, dtype=torch.float64),
        "mask": torch.tensor([True, False]),
        "bytes": torch.arange(3, dtype=torch.uint8),
        "permuted": torch.arange(6).reshape(2, 3).T,
    },
    "optimizer": {0: {"step": torch.tensor(7.0), "exp_avg": torch.zeros(3)}, 11: {"n": 1}},
    "epoch": 3,
    "seconds": 0.1,
    "best_error": float("inf"),
    "title": "größe",
}

# numpy leaves the file open when it is no zip file; python says so when it is collected.
leaks = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def assert_same(found: Any, expected: Any) -> None:
    """Compare nested dicts of tensors and plain values, types too."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)
    else:
        assert found == expected


def same(found: Any, expected: Any) -> bool:
    """Tell whether `assert_same` holds."""
    try:
        assert_same(found, expected)
    except AssertionError:
        return False
    return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a checkpoint."""
    save_checkpoint(tmp_path / "run.npz", "mark", STATE)
    return tmp_path / "run.npz"


def test_nested_round_trip(path: Path) -> None:
    assert_same(load_checkpoint(path, "mark"), STATE)


def test_empty_dict_comes_back_as_nothing(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "run.npz", "mark", {"best": {}, "epoch": 1})
    assert load_checkpoint(tmp_path / "run.npz", "mark") == {"epoch": 1}


def test_tensors_without_modes_stay_tensors(tmp_path: Path) -> None:
    """Such as a BatchNorm's `num_batches_tracked`, which `load_state_dict` wants as a tensor."""
    model = torch.nn.BatchNorm1d(2)
    model(torch.ones(3, 2))
    save_checkpoint(tmp_path / "run.npz", "mark", {"model": model.state_dict()})
    state = load_checkpoint(tmp_path / "run.npz", "mark")
    assert state is not None
    assert isinstance(state["model"]["num_batches_tracked"], torch.Tensor)
    torch.nn.BatchNorm1d(2).load_state_dict(state["model"])


def test_missing_file_and_foreign_mark_are_no_checkpoint(path: Path) -> None:
    assert load_checkpoint(path.with_name("other.npz"), "mark") is None
    assert load_checkpoint(path, "another mark") is None


def assert_named_as_damaged(path: Path) -> None:
    """Loading says which file is damaged and what to do about it."""
    with pytest.raises(CheckpointError, match=r"is damaged .*delete it") as caught:
        load_checkpoint(path, "mark")
    assert str(path) in str(caught.value)


@leaks
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_truncated_file(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert_named_as_damaged(path)


@leaks
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", b"PK\x03\x04", b"not a zip file" * 20])
def test_foreign_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert_named_as_damaged(path)


def test_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    assert_named_as_damaged(tmp_path)


def test_single_array_in_the_place_of_the_file(path: Path) -> None:
    """`np.load` gives an array for it, and an array is no context manager."""
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    assert_named_as_damaged(path)


@leaks
def test_any_changed_byte_is_harmless_or_named(path: Path) -> None:
    """A zip file can also lose entries, or raise NotImplementedError and RuntimeError."""
    content = path.read_bytes()
    escaped = {}
    for place in range(0, len(content), 3):
        for change in (0x01, 0xFF):
            damaged = bytearray(content)
            damaged[place] ^= change
            path.write_bytes(damaged)
            try:
                state = load_checkpoint(path, "mark")
            except CheckpointError:
                continue
            except Exception as error:
                escaped[repr(error)] = place
                continue
            if state is not None and not same(state, STATE):
                escaped["state differs"] = place
    assert not escaped


def test_pickled_objects_are_refused(path: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return (Path.touch, (tmp_path / "ran",))

    bad: dict[str, Any] = {"state/a": np.array([Trap()], object)}
    np.savez(path, mark=np.array("mark"), **bad)
    assert_named_as_damaged(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full")])
def test_interrupted_write_leaves_the_old_file_alone(
    path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(file: Any, **arrays: Any) -> None:
        file.write(b"half")
        raise error

    monkeypatch.setattr(checkpoint.np, "savez", half)  # type: ignore[attr-defined]
    with pytest.raises((KeyboardInterrupt, OSError)):
        save_checkpoint(path, "mark", {"epoch": 4})
    assert_same(load_checkpoint(path, "mark"), STATE)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_folder_is_made(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a" / "b" / "run.npz", "mark", {"epoch": 1})
    assert load_checkpoint(tmp_path / "a" / "b" / "run.npz", "mark") == {"epoch": 1}

"""Nothing is made twice, and a step waits for no number: copies are kept, looks are rare."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.torch_bridge.tiny_runs import training_tensors
from torch_bridge import attach_quantizers, build_model, compress_model, use_implementation
from torch_bridge.training import augment, loop, objective
from torch_bridge.training.augment import Distortion, augmented_copies, kept_copies
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.data import AugmentedCopies
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.fit import fit
from torch_bridge.training.loop import training_run
from torch_bridge.weights import product

IMAGES = torch.arange(3 * 28 * 28, dtype=torch.int64).reshape(3, 28, 28).to(torch.uint8)


def kept(folder: Path, seed: int = 0, images: torch.Tensor = IMAGES) -> list[torch.Tensor]:
    return kept_copies(images, 2, Distortion(), seed, folder)


def test_copies_are_made_once_and_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = augmented_copies(IMAGES, 2, Distortion(), 0)
    first = kept(tmp_path)
    monkeypatch.setattr(augment, "augmented_copies", lambda *_, **__: pytest.fail("made again"))
    for found in (first, kept(tmp_path)):
        assert [copy.dtype for copy in found] == [torch.uint8] * 2
        assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("harm", ["cut", "flipped", "text", "other"])
def test_a_damaged_or_stale_file_of_copies_is_made_anew(tmp_path: Path, harm: str) -> None:
    expected = kept(tmp_path)
    (path,) = tmp_path.glob("augmented-*.zip")
    content = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(content[:-100])
    elif harm == "flipped":
        content[content.find(bytes(expected[0].numpy().tobytes()[:500])) + 250] ^= 1
        path.write_bytes(content)
    elif harm == "text":
        path.write_text("no archive")
    else:  # a file of other copies under this name
        kept(tmp_path / "else", seed=1)
        (other,) = (tmp_path / "else").glob("augmented-*.zip")
        other.replace(path)
    assert all(torch.equal(*pair) for pair in zip(kept(tmp_path), expected, strict=True))
    assert not [file for file in tmp_path.iterdir() if file.is_file() and file != path]


def test_whatever_decides_the_copies_decides_their_file(tmp_path: Path) -> None:
    kept(tmp_path)
    kept_copies(IMAGES, 3, Distortion(), 0, tmp_path)
    kept(tmp_path, images=IMAGES + 1)
    assert len(list(tmp_path.iterdir())) == 3
    oldest = min(tmp_path.iterdir(), key=os.path.getmtime)
    kept_copies(IMAGES, 2, Distortion(degrees=1.0), 0, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3, "only the newest three are kept"
    assert not oldest.exists()


class Looks(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts how often Python asks a device for a number."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        self.found[func.name()] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("bits", [0.0, 5_000.0])
def test_on_a_gpu_a_step_asks_for_no_number(bits: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loss and size are looked at every 20 steps, as this CPU is told to do; a CPU does at each."""
    model = build_model("lenet300", seed=0)
    compress_model(model, 1_200, init="scratch")
    attach_quantizers(model, 4.0)
    images, labels, validation = training_tensors()
    config = TrainConfig(
        epochs=1, lr=1e-3, batch_size=5, precision="float32", optimizer="sgd", rate=1e-3, bits=bits
    )
    counted: list[int] = []
    for is_cpu in (True, False):
        for module in (loop, objective):
            monkeypatch.setattr(module, "looks_now", lambda _, s, c=is_cpu: c or s % 20 == 0)
        with Looks() as looks:
            fit(model, [images], labels, validation, config, progress=False)
        counted.append(looks.found["aten::_local_scalar_dense"])
    steps = len(images) // config.batch_size
    assert counted[0] >= 2 * steps
    assert counted[1] <= steps, "a few looks at loss and bits, and a count of integers an epoch"
    assert counted[1] < counted[0] / 2


NO_LAUNCH = ("view", "t", "permute", "transpose", "expand", "slice", "select", "unbind", "detach",
             "squeeze", "unsqueeze", "as_strided", "alias", "empty", "new_empty_strided", "lift_fresh",
             "_unsafe_view", "empty_like", "empty_strided", "split", "is_same_size")  # fmt: skip


@pytest.mark.parametrize(("tucker", "most"), [(False, 55), (True, 95)])
def test_a_step_launches_few_operations(
    tucker: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted as a GPU would get them: a chain of products, and one launch for all of an optimizer.

    The Tucker step has more to launch than the dense one, 4 small products for a large one, and stays
    below twice as many; `torch.compile` makes 24 kernels of its forward and backward pass, 16 of the
    dense one's.
    """
    monkeypatch.setattr(product, "kernels_are_faster", lambda _: False)
    model, (images, labels, _) = build_model("lenet5", seed=0), training_tensors()
    if tucker:
        compress_model(model, 3_650, init="scratch")
    data = AugmentedCopies([images], labels, torch.device("cpu"))
    config = TrainConfig(epochs=1, lr=1e-3, batch_size=64, precision="float32")
    with training_run(model, data, config, DistributedContext()) as run:
        run.optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
        for group in run.optimizer.param_groups:
            group["initial_lr"] = 1e-3
        first, second, *_ = data.epoch(0, 64, 0, DistributedContext())
        run.one_step(first)
        with Looks() as looks:
            run.one_step(second)
    names = {name: name.removeprefix("aten::").partition(".")[0] for name in looks.found}
    found = sum(n for name, n in looks.found.items() if names[name] not in NO_LAUNCH)
    assert 0.8 * most < found <= most, "fewer: lower the bound"


def test_factorized_layers_with_quantizers_are_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """`fullgraph` refuses whatever would break the graph, and with it the few launches."""
    model = build_model("lenet300", seed=0)
    compress_model(model, 1_200, init="scratch")
    attach_quantizers(model, 4.0)
    use_implementation(model, "factorized")
    inputs = torch.randn(8, 1, 28, 28)
    compiled: Any = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(inputs), model(inputs))
    compiled(inputs).sum().backward()

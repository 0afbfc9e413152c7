"""What a training step costs: time and memory, dense and with Tucker weights, on made-up images.

Nothing is learned here, so a full-size network can be tried on a machine that could never train it.
Memory is the most that a process held at any moment, so each case is measured in a process of its own.
"""

import json
import statistics
import subprocess
import sys
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from torch_bridge.benchmarks.catalogue import Benchmark, benchmark_named
from torch_bridge.benchmarks.plan import plan_benchmark
from torch_bridge.compression.compress import compress_model
from torch_bridge.datasets.registry import IMAGE_SETS, ImageSet
from torch_bridge.models import build_model
from torch_bridge.training.augment import Augmentation
from torch_bridge.training.data import ImagesInMemory, Normalisation
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.loop import training_run
from torch_bridge.training.precision import put_channels_last
from torch_bridge.weights.count import count_params
from tucker_core.timing import Stopwatch

MEBI = 1 << 20
_LEAST = ("seconds", "cpu_seconds", "peak_mib")


def time_steps(
    name: str, *, fraction: float | None, batch_size: int | None, steps: int, device: str = "cpu"
) -> dict[str, Any]:
    """Train a few steps on noise and say what they cost.

    Parameters
    ----------
    name : of the benchmark
    fraction : of the dense weights that the compressed network may store; None for the dense network
    batch_size : images a step; None for the benchmark's
    steps : how many are timed, after one that is not
    device : where

    Returns
    -------
    medians of seconds a step by the clock and of CPU seconds, which other programs disturb less; peak
    memory in MiB; parameters

    Examples
    --------
    >>> cost = time_steps("convnet", fraction=None, batch_size=4, steps=1)
    >>> cost["parameters"], cost["seconds"] > 0
    (1423370, True)
    """
    benchmark = benchmark_named(name)
    known = benchmark.recipe.dense
    config = replace(known, batch_size=batch_size or known.batch_size, epochs=steps + 1)
    context = DistributedContext(device=torch.device(device))
    _load_kernels()
    model = build_model(benchmark.model, seed=0)
    if fraction is not None:
        weights = sum(p.numel() for p in model.parameters() if p.dim() > 1)
        compress_model(
            model, plan_benchmark(model, int(fraction * weights), benchmark.recipe.ranks_by)
        )
    put_channels_last(model.to(device))
    data = _noise(IMAGE_SETS[benchmark.data], config.batch_size, torch.device(device))
    model.train()
    seconds, work = [], []
    with training_run(model, data, config, context, title=name) as run:
        for epoch in range(steps + 1):
            for batch in data.epoch(epoch, config.batch_size, epoch, context):
                watch = Stopwatch()
                run.one_step(batch)
                if device == "cuda":
                    torch.cuda.synchronize()
                seconds.append(watch.seconds)
                work.append(watch.cpu_seconds)
            run.losses = []
    return {
        "benchmark": name,
        "weights": "dense" if fraction is None else f"tucker, {fraction:g} of the parameters",
        "batch_size": config.batch_size,
        "parameters": count_params(model),
        "seconds": statistics.median(seconds[1:]),
        "cpu_seconds": statistics.median(work[1:]),
        "peak_mib": _peak_mib(device),
    }


def measured_apart(name: str, **options: Any) -> dict[str, Any]:
    """`time_steps` in a process of its own, whose peak memory is then that of this case alone.

    Raises
    ------
    ValueError
        If it cannot be done, such as with too small a fraction.
    RuntimeError
        If that process fails otherwise; its last words are passed on.
    """
    code = (
        "import json, sys; from torch_bridge.benchmarks.cost import time_steps; "
        "print(json.dumps(time_steps(**json.loads(sys.argv[1]))))"
    )
    words = [sys.executable, "-c", code, json.dumps({"name": name, **options})]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with code {done.returncode}"]
        kind, _, said = last[0].partition("ValueError: ")
        if said and not kind:
            raise ValueError(f"a training step of {name} could not be measured: {said}")
        raise RuntimeError(f"a training step of {name} could not be measured: {last[0]}")
    cost: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return cost


def overhead(
    name: str, fraction: float, batch_size: int | None, rounds: int, device: str
) -> dict[str, Any]:
    """What Tucker weights add to a training step: dense and Tucker in turn, each several times.

    Parameters
    ----------
    name, batch_size, device : as for `time_steps`
    fraction : of the dense weights' parameters that the compressed network stores
    rounds : measurements of each; the least time and memory count, as other programs only add to them

    Returns
    -------
    both costs, and their ratios "time" (on a CPU of CPU seconds) and "memory"
    """
    costs: dict[str, list[dict[str, Any]]] = {"dense": [], "tucker": []}
    for _ in range(rounds):
        for kind, part in (("dense", None), ("tucker", fraction)):
            cost = measured_apart(
                name, fraction=part, batch_size=batch_size, steps=5, device=device
            )
            costs[kind].append(cost)
    best = {
        kind: {**found[0], **{key: min(c[key] for c in found) for key in _LEAST}}
        for kind, found in costs.items()
    }
    dense, tucker = best["dense"], best["tucker"]
    ratios = {
        "time": _undisturbed(tucker, device) / _undisturbed(dense, device),
        "memory": tucker["peak_mib"] / dense["peak_mib"],
    }
    return {**best, "ratios": ratios, "rounds": rounds}


def dry_run(
    benchmark: Benchmark, fraction: float, batch_size: int | None, device: str
) -> dict[str, Any]:
    """Three steps at full size, dense and with Tucker weights, and what a whole training would take.

    Parameters
    ----------
    benchmark, fraction, device : as for `time_steps`
    batch_size : images a step where the benchmark's own batch is too large for this machine; memory at
        that batch is then estimated along the line through this size and half of it

    Returns
    -------
    both costs, with hours for all epochs and MiB at the benchmark's own batch, both estimated
    """
    config, images = benchmark.recipe.dense, IMAGE_SETS[benchmark.data].train_images
    size = batch_size or config.batch_size
    costs = []
    for part in (None, fraction):
        options = {"fraction": part, "device": device}
        cost = measured_apart(benchmark.name, batch_size=size, steps=3, **options)
        mib = cost["peak_mib"]
        if 1 < size != config.batch_size:
            half = measured_apart(benchmark.name, batch_size=size // 2, steps=1, **options)
            slope = (mib - half["peak_mib"]) / (size - size // 2)
            mib += slope * (config.batch_size - size)
        hours = config.epochs * (images // size) * _undisturbed(cost, device) / 3_600
        planned = {"epochs": config.epochs, "full_batch_size": config.batch_size}
        costs.append({**cost, **planned, "hours": hours, "full_batch_mib": mib})
    return {"costs": costs, "note": "made-up images; hours and full_batch_mib are estimates"}


def _undisturbed(cost: dict[str, Any], device: str) -> float:
    """Seconds a step as if nothing else ran: on a CPU its own time there, fractiond by its threads."""
    if device != "cpu":
        return float(cost["seconds"])
    return float(cost["cpu_seconds"]) / torch.get_num_threads()


def _load_kernels() -> None:
    """Load tucker_core's compiled kernels, in the dense case too: some 100 MiB that no step adds to."""
    layer = nn.Conv2d(8, 8, 3)
    compress_model(layer, plan_benchmark(layer, 300))
    layer(torch.zeros(1, 8, 3, 3)).sum().backward()


def _noise(known: ImageSet, n: int, device: torch.device) -> ImagesInMemory:
    """One batch of random images of the data set's size."""
    generator = torch.Generator().manual_seed(0)
    size = (n, known.side, known.side, len(known.mean))
    images = torch.randint(0, 256, size, generator=generator)
    labels = torch.randint(0, known.classes, (n,), generator=generator)
    pixels = Normalisation(known.mean, known.std)
    return ImagesInMemory(
        images.byte().to(device), labels.to(device), pixels, Augmentation(known.side // 8)
    )


def _peak_mib(device: str) -> float:
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / MEBI
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEBI


__all__ = ["dry_run", "measured_apart", "overhead", "time_steps"]

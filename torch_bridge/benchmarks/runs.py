"""One benchmark on one data set: training of the dense network, and what a result file says of it."""

import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from torch_bridge.benchmarks.catalogue import Benchmark
from torch_bridge.benchmarks.experiment import Row, fix_inner_biases
from torch_bridge.benchmarks.images import Images
from torch_bridge.benchmarks.results import command_line, environment, kept_result, run_facts
from torch_bridge.models import build_model
from torch_bridge.state.fingerprint import digest_weights, fingerprint
from torch_bridge.state.tensors import load_weights, save_weights
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.data import TrainingData
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.evaluate import EvaluationSet, error_rate
from torch_bridge.training.loop import FitResult, train
from torch_bridge.training.model_facts import model_facts
from torch_bridge.training.precision import pick_precision
from torch_bridge.weights.count import count_params
from tucker_core.files import write_json


@dataclass
class Bench:
    """A benchmark with its images in memory.

    Attributes
    ----------
    benchmark : network, data set, regimes
    images : which also say what the data set is to be called
    context : where it is trained
    seed : of everything random
    out : folder for results, weights and files
    folder : folder for checkpoints; None keeps none
    progress : show progress bars
    """

    benchmark: Benchmark
    images: Images
    context: DistributedContext
    out: Path
    seed: int = 0
    folder: Path | None = None
    progress: bool = True

    def stem(self, method: str) -> str:
        """Begin the name of every file of a run: benchmark, data set, method, seed."""
        return f"bench_{self.benchmark.name}_{self.images.name.lower()}_{method}_seed{self.seed}"

    def build(self) -> nn.Module:
        """Draw the dense network."""
        model = build_model(self.benchmark.model, seed=self.seed)
        if not self.benchmark.inner_biases:
            fix_inner_biases(model)
        return model

    def load(self, path: Path) -> nn.Module:
        """Read weights of the dense network; the first process does it for all.

        Raises
        ------
        ValueError
            If they are not of this network, or the file is damaged.
        """
        model = self.build()
        self.context.from_first(lambda: load_weights(path, model) and None)
        self.context.spread(model)
        return model

    def fit(
        self, model: nn.Module, method: str, regime: TrainConfig, teacher: nn.Module | None = None
    ) -> FitResult:
        """Train a model of this benchmark, with a checkpoint after every epoch."""
        path = None if self.folder is None else self.folder / f"{self.stem(method)}.npz"
        return train(
            model, self.images.train, self.images.validation, replace(regime, seed=self.seed),
            teacher=teacher, context=self.context, checkpoint=path, progress=self.progress,
            title=f"{method} {self.benchmark.name}",
        )  # fmt: skip

    def dense(self, regime: TrainConfig, start: Path | None = None) -> Row:
        """Train the dense network, from scratch or from weights; leaves weights and result.

        Raises
        ------
        ValueError
            If it shall imitate (`distil`), and there are no weights of what it was before.
        """
        check_teacher(regime.distil, start)
        model, method, more = self.build(), f"dense-{regime.epochs}", {}
        if start is not None:
            model = self.load(start)
            method += "-taught" if regime.distil else "-more"
            more = {"start": {"file": start.name, "weights": digest_weights(model)}}
        mark = self.fingerprint(model, dense=regime)
        model.to(self.context.device)
        trained = self.fit(model, method, regime, copy.deepcopy(model) if regime.distil else None)
        params = count_params(model)
        error = error_rate(model, self.images.test)
        row = Row(method, params, 4 * params, 1.0, trained.val_error, error, trained.seconds)
        if self.context.is_first:
            path = self.out / f"{self.stem(method)}.npz"
            save_weights(path, model)
            more |= run_facts(mark, [path])
            self.write(method, [row], {"dense": regime}, {"dense": trained}, **more)
        return row

    def dense_weights(self, regime: TrainConfig) -> Path:
        """The weights of the dense network trained in that way, which is done if it was not yet."""
        stem = self.out / self.stem(f"dense-{regime.epochs}")
        mark = self.fingerprint(self.build(), dense=regime)
        told = Path(f"{stem}.json")
        if self.context.from_first(lambda: kept_result(told, mark)) is None:
            self.dense(regime)
            self.context.from_first(lambda: None)  # until it has written them
        return Path(f"{stem}.npz")

    def fingerprint(self, start: nn.Module, **regimes: TrainConfig) -> str:
        """Hash of everything that a run from these weights depends on."""
        return fingerprint(
            benchmark=[self.benchmark.model, self.benchmark.evidence, self.benchmark.inner_biases],
            start=model_facts(start),
            seed=self.seed,
            regimes={name: asdict(regime) for name, regime in regimes.items()},
            precisions={name: self._precision(regime) for name, regime in regimes.items()},
            data=[part.fingerprint() for part in self._parts()],
            device=self.context.device.type,
            processes=self.context.size,
        )

    def _parts(self) -> tuple[TrainingData, EvaluationSet, EvaluationSet]:
        return self.images.train, self.images.validation, self.images.test

    def write(
        self, method: str, rows: list[Row], regimes: dict[str, TrainConfig], runs: dict[str, FitResult],
        **more: Any,
    ) -> None:  # fmt: skip
        """Write everything that a reader needs to judge and to repeat a run."""
        content = {
            "command": command_line(),
            "benchmark": self.benchmark.name,
            "model": self.benchmark.model,
            "data_set": self.images.name,
            "images": {
                "train": len(self.images.train),
                "validation": len(self.images.validation),
                "test": len(self.images.test),
            },
            "seed": self.seed,
            "processes": self.context.size,
            "regimes": {name: asdict(regime) for name, regime in regimes.items()},
            "precisions": {name: self._precision(regime) for name, regime in regimes.items()},
            "rows": [asdict(row) for row in rows],
            **more,
            "journals": {name: run.history.table() for name, run in runs.items()},
            **environment(),
        }  # fmt: skip
        write_json(self.out / f"{self.stem(method)}.json", content)

    def _precision(self, regime: TrainConfig) -> str:
        """What "auto" came to on this device."""
        return str(pick_precision(self.context.device, regime.precision)).removeprefix("torch.")


def check_teacher(distil: float | None, start: Path | None) -> None:
    """Refuse a dense network that shall imitate nothing.

    Raises
    ------
    ValueError
        If there are no weights of what it was before.
    """
    if distil and start is None:
        raise ValueError(
            f"distil is {distil}: a dense network imitates what it was at the start; "
            "give the weights that it starts from"
        )

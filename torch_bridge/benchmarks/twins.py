"""The small twin of a dense network: planned, decomposed, trained, rounded, written and read back."""

import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from torch_bridge.benchmarks.experiment import Row
from torch_bridge.benchmarks.methods import METHODS, Init, Room, dense_weights, read_file
from torch_bridge.benchmarks.results import run_facts
from torch_bridge.benchmarks.runs import Bench
from torch_bridge.models.fold_batch_norm import fold_batch_norms
from torch_bridge.quantization.qat import attach_quantizers
from torch_bridge.state.fingerprint import fingerprint
from torch_bridge.training.config import TrainConfig, check_settings, exactly
from torch_bridge.training.evaluate import error_rate
from torch_bridge.training.loop import FitResult
from torch_bridge.weights.count import count_params
from tucker_core import FileFormatError
from tucker_core.files import replacing

_SEEDS = 1_000  # between those of the rounds of one run and those of the next
_MARGIN = 0.985  # the price on bits stops a little above what it is steered to


@dataclass(frozen=True)
class Wish:
    """What the twin shall be like.

    Attributes
    ----------
    ratio : how many times smaller than the dense network's bytes its file shall be
    method : one of `METHODS`: "ada", "scada" where all weights share one core, or a baseline
    init : "hosvd" of the dense network, or "scratch"
    bits : per stored number, on average: fewer bits, more numbers in the same bytes
    levels : first rounding steps per root mean square of each core and factor
    """

    ratio: float
    method: str = "ada"
    init: Init = "hosvd"
    bits: float = 3.5
    levels: float = 2.2

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_settings(
            self,
            positive=("ratio", "bits"),
            levels=("levels",),
            choices={"method": tuple(METHODS), "init": ("hosvd", "scratch")},
        )

    @property
    def name(self) -> str:
        """Short name for files and tables, e.g. "ada-15x"."""
        return f"{self.method}-{exactly(self.ratio)}x" + (
            "-scratch" if self.init == "scratch" else ""
        )


def compress_benchmark(
    bench: Bench, dense_path: Path, wish: Wish, tucker: TrainConfig, rounding: TrainConfig
) -> list[Row]:
    """Make the twin, train it in two stages, write its file, and test what the file decodes to.

    Parameters
    ----------
    bench : benchmark, images, folders
    dense_path : weights of the dense network: start, teacher and what the twin is compared with
    wish : size and kind of the twin
    tucker, rounding : how it is trained before and after its numbers are rounded

    Returns
    -------
    a row for the dense network and one for the file

    Raises
    ------
    ValueError
        If the ratio leaves no room for the parameters that are not compressed, or for the smallest
        ranks.
    """
    return begin(bench, dense_path, wish).finish(tucker, rounding)


def begin(bench: Bench, dense_path: Path, wish: Wish) -> "Twin":
    """Make the twin and put its weights into their small form.

    Raises
    ------
    ValueError
        As `compress_benchmark`.
    """
    dense, model = bench.load(dense_path), bench.build()
    model.load_state_dict(dense.state_dict())
    target = 4 * count_params(model) / wish.ratio
    room = Room(
        _room(model, target, wish), wish.bits, bench.benchmark.evidence, wish.init, bench.seed
    )
    method, device = METHODS[wish.method], bench.context.device
    layout = method.put(copy.deepcopy(model) if method.in_rounds else model, room)
    return Twin(bench, wish, dense.to(device).eval(), model.to(device), target, room, layout)


@dataclass(frozen=True)
class Twin:
    """A small network and the dense one that it comes from.

    Attributes
    ----------
    bench : benchmark, images, folders
    wish : size and kind of the twin
    dense, model : the two networks
    target : bytes that the file shall have
    room : what the weights may take of them
    layout : how the weights are stored
    """

    bench: Bench
    wish: Wish
    dense: nn.Module
    model: nn.Module
    target: float
    room: Room
    layout: list[Any]

    def finish(self, tucker: TrainConfig, rounding: TrainConfig) -> list[Row]:
        """Train in two stages, write file and result, test the file: a row for each network."""
        bench, method = self.bench, METHODS[self.wish.method]
        stem = f"{self.wish.name}-{tucker.epochs + rounding.epochs}"
        mark = self.mark(tucker, rounding)
        if method.entries and tucker.plain_lr is not None:
            tucker = replace(tucker, lr=tucker.plain_lr)
        floats = self._before_rounding(f"{stem}-floats", tucker)
        attach_quantizers(self.model, self.wish.levels)
        rounding = replace(rounding, bits=bench.context.from_first(self._bits))
        rounded = bench.fit(self.model, f"{stem}-rounded", rounding, self.dense)
        rows = [dense_row(bench, self.dense)]
        if not bench.context.is_first:
            return rows
        path = bench.out / f"{bench.stem(stem)}{method.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(method.write(fold_batch_norms(self.model), bench.benchmark.model))
        seconds = sum(run.seconds for run in (*floats.values(), rounded))
        rows.append(file_row(bench, path, seconds))
        bench.write(
            stem, rows, {"tucker": tucker, "rounding": rounding},
            {**floats, "rounding": rounded}, wish=asdict(self.wish), plan=self.layout,
            points_lost=rows[1].test_error - rows[0].test_error, **run_facts(mark, [path]),
        )  # fmt: skip
        return rows

    def _before_rounding(self, stem: str, regime: TrainConfig) -> dict[str, FitResult]:
        """Train at once, or in rounds of an epoch that each leave less room."""
        bench, method = self.bench, METHODS[self.wish.method]
        if not method.in_rounds:
            return {"tucker": bench.fit(self.model, stem, regime, self.dense)}
        whole = self.room.each * sum(
            weight.numel() for weight in dense_weights(self.dense).values()
        )
        runs = {}
        for done in range(1, regime.epochs + 1):
            share = done / regime.epochs
            room = replace(self.room, bits=whole ** (1 - share) * self.room.bits**share)
            self.layout[:] = method.put(self.model, room)
            job = replace(bench, seed=_SEEDS * (bench.seed + 1) + done)
            one = replace(regime, epochs=1)
            runs[f"round {done}"] = job.fit(self.model, f"{stem}-{done}", one, self.dense)
        return runs

    def mark(self, tucker: TrainConfig, rounding: TrainConfig) -> str:
        """Hash of everything that the result depends on."""
        run = self.bench.fingerprint(self.dense, tucker=tucker, rounding=rounding)
        return fingerprint(run=run, wish=asdict(self.wish))

    def _bits(self) -> float:
        """Bits that the integers may take, so that with all the rest the file has the target's bytes."""
        at_rest = fold_batch_norms(copy.deepcopy(self.model))
        fixed = METHODS[self.wish.method].fixed(at_rest, self.bench.benchmark.model)
        return max(1.0, 8 * (_MARGIN * self.target - fixed))


def file_row(bench: Bench, path: Path, seconds: float = 0.0) -> Row:
    """Read a file back and test the decoded network, as an ordinary dense one.

    Raises
    ------
    ValueError
        If the file is damaged or holds another network.
    """
    content = path.read_bytes()
    try:
        architecture, model, numbers = read_file(content)
    except FileFormatError as fault:
        raise FileFormatError(f"{path}: {fault}") from fault
    if architecture != bench.benchmark.model:
        raise ValueError(f"{path} holds a {architecture}; {bench.benchmark.model} is asked for")
    model.to(bench.context.device)
    val_error = error_rate(model, bench.images.validation)
    error = error_rate(model, bench.images.test)
    ratio = 4 * count_params(bench.build()) / len(content)
    return Row(path.name, numbers, len(content), ratio, val_error, error, seconds)


def _room(model: nn.Module, target: float, wish: Wish) -> float:
    """Bits for the weights, in so many bytes beside all other parameters, which take about one each."""
    plain = sum(p.numel() for p in model.parameters() if p.dim() == 1 and bool(p.any()))
    if target <= plain:
        raise ValueError(
            f"ratio is {wish.ratio:g}: {target:,.0f} bytes are not enough for {plain:,} biases and "
            "batch-norm numbers; take a smaller ratio"
        )
    return 8 * (target - plain)


def dense_row(bench: Bench, dense: nn.Module) -> Row:
    """Test the dense network."""
    params = count_params(dense)
    val_error = error_rate(dense, bench.images.validation)
    error = error_rate(dense, bench.images.test)
    return Row("dense", params, 4 * params, 1.0, val_error, error, 0.0)

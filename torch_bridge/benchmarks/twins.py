"""The small twin of a dense network: planned, decomposed, trained, rounded, written and read back."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from torch_bridge.benchmarks.folding import fold_batch_norms
from torch_bridge.benchmarks.methods import METHODS, Init, Room, read_file
from torch_bridge.benchmarks.runs import Bench
from torch_bridge.benchmarks.weights import load_weights
from torch_bridge.layers import count_params
from torch_bridge.pipeline import Row
from torch_bridge.rounding import attach_quantizers
from torch_bridge.settings import check_settings
from torch_bridge.training import Regime, error_rate
from tucker_core import FileFormatError
from tucker_core.files import replacing

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
            positive=("ratio", "bits", "levels"),
            choices={"method": tuple(METHODS), "init": ("hosvd", "scratch")},
        )

    @property
    def name(self) -> str:
        """Short name for files and tables, e.g. "ada-15x"."""
        return f"{self.method}-{self.ratio:g}x" + ("-scratch" if self.init == "scratch" else "")


def compress_benchmark(
    bench: Bench, dense_path: Path, wish: Wish, tucker: Regime, rounding: Regime
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
    name, device = bench.benchmark.model, bench.world.device
    method, stem = METHODS[wish.method], f"{wish.name}-{tucker.epochs + rounding.epochs}"
    dense = load_weights(dense_path, bench.build())
    twin = bench.build()
    twin.load_state_dict(dense.state_dict())
    dense.to(device).eval()
    target = 4 * count_params(twin) / wish.ratio  # bytes
    evidence = bench.benchmark.evidence
    room = Room(_room(twin, target, wish), wish.bits, evidence, wish.init, bench.seed)
    layout = method.put(twin, room)
    twin.to(device)
    if method.entries and tucker.plain_lr is not None:
        tucker = replace(tucker, lr=tucker.plain_lr)
    floats = bench.fit(twin, f"{stem}-floats", tucker, dense)
    attach_quantizers(twin, wish.levels)
    bits = 8 * (_MARGIN * target - method.fixed(fold_batch_norms(copy.deepcopy(twin)), name))
    rounding = replace(rounding, bits=max(1.0, bits))
    rounded = bench.fit(twin, f"{stem}-rounded", rounding, dense)
    rows = [dense_row(bench, dense)]
    if not bench.world.is_first:
        return rows
    path = bench.out / f"{bench.stem(stem)}{method.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(method.write(fold_batch_norms(twin), name))
    seconds = floats.seconds + rounded.seconds
    rows.append(file_row(bench, path, seconds))
    bench.write(
        stem, rows, {"tucker": tucker, "rounding": rounding}, {"tucker": floats, "rounding": rounded},
        wish=vars(wish), points_lost=rows[1].test_error - rows[0].test_error,
        plan=layout,
    )  # fmt: skip
    return rows


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
    model.to(bench.world.device)
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

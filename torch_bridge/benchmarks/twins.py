"""The Tucker twin of a dense network: planned, decomposed, trained, rounded, written and read back."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from torch_bridge.benchmarks.folding import fold_batch_norms
from torch_bridge.benchmarks.planning import plan_benchmark
from torch_bridge.benchmarks.runs import Bench
from torch_bridge.benchmarks.weights import load_weights
from torch_bridge.compress import compress_model
from torch_bridge.layers import count_params, tucker_layers
from torch_bridge.models import build_model
from torch_bridge.pipeline import Row
from torch_bridge.rounding import attach_quantizers
from torch_bridge.storage import load_network, to_network
from torch_bridge.training import Regime, error_rate
from tucker_core import CompressedNetwork, coded_bits, load, save, to_bytes

_MARGIN = 0.985  # the price on bits stops a little above what it is steered to


@dataclass(frozen=True)
class Wish:
    """What the twin shall be like.

    Attributes
    ----------
    ratio : how many times smaller than the dense network's bytes its file shall be
    method : "ada", or "scada" where all weights share one core
    init : "hosvd" of the dense network, or "scratch"
    bits : per stored number, on average: fewer bits, more numbers in the same bytes
    levels : first rounding steps per root mean square of each core and factor
    """

    ratio: float
    method: str = "ada"
    init: str = "hosvd"
    bits: float = 3.5
    levels: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("ratio", "bits", "levels"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; a positive number is needed")
        if self.method not in ("ada", "scada") or self.init not in ("hosvd", "scratch"):
            raise ValueError(
                f"method is {self.method!r} and init is {self.init!r}; ada or scada, and hosvd or "
                "scratch are needed"
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
        If the ratio leaves no room for the parameters that are not compressed.
    """
    name, device = bench.benchmark.model, bench.world.device
    dense = load_weights(dense_path, build_model(name)).to(device).eval()
    twin = build_model(name, seed=bench.seed)
    twin.load_state_dict(dense.state_dict())
    target = 4 * count_params(twin) / wish.ratio  # bytes
    plan = plan_benchmark(
        dense.cpu(), _budget(twin, target, wish), shared_core=wish.method == "scada"
    )
    dense.to(device)
    generator = torch.Generator().manual_seed(bench.seed)
    compress_model(twin, plan, init=wish.init, generator=generator)  # type: ignore[arg-type]
    twin.to(device)
    stem = f"{wish.name}-{tucker.epochs + rounding.epochs}"
    floats = bench.fit(twin, f"{stem}-floats", tucker, dense)
    attach_quantizers(twin, wish.levels)
    rounding = replace(rounding, bits=_bits(twin, name, target))
    rounded = bench.fit(twin, f"{stem}-rounded", rounding, dense)
    network = to_network(fold_batch_norms(twin), name)
    rows = [_dense_row(bench, dense)]
    if not bench.world.is_first:
        return rows
    path = bench.out / f"{bench.stem(stem)}.ada"
    save(path, network)
    seconds = floats.seconds + rounded.seconds
    rows.append(file_row(bench, path, rounded.val_error, seconds))
    bench.write(
        stem, rows, {"tucker": tucker, "rounding": rounding}, {"tucker": floats, "rounding": rounded},
        wish=vars(wish), points_lost=rows[1].test_error - rows[0].test_error,
        plan=[(p.name, p.reshape.dims, p.rank) for p in plan.layers],
    )  # fmt: skip
    return rows


def file_row(bench: Bench, path: Path, val_error: float = math.nan, seconds: float = 0.0) -> Row:
    """Read a file back and test the decoded network, as an ordinary dense one.

    Raises
    ------
    ValueError
        If the file is damaged or holds another network.
    """
    network = load(path)
    if network.architecture != bench.benchmark.model:
        raise ValueError(
            f"{path} holds a {network.architecture}; {bench.benchmark.model} is asked for"
        )
    model = decode(network).to(bench.world.device)
    size = path.stat().st_size
    error = error_rate(model, bench.images.test)
    ratio = network.dense_bytes / size
    return Row(path.name, network.n_params, size, ratio, val_error, error, seconds)


def decode(network: CompressedNetwork) -> nn.Module:
    """Build the dense network of a file; its batch-norms are at rest."""
    return load_network(fold_batch_norms(build_model(network.architecture)), network).eval()


def _budget(model: nn.Module, target: float, wish: Wish) -> int:
    """Numbers for cores and factors that fit into so many bytes beside all other parameters."""
    plain = sum(p.numel() for p in model.parameters() if p.dim() == 1)
    room = int((target - plain) * 8 / wish.bits)
    if room <= 0:
        raise ValueError(
            f"ratio is {wish.ratio:g}: {target:,.0f} bytes are not enough for {plain:,} biases and "
            "batch-norm numbers; take a smaller ratio"
        )
    return room


def _bits(model: nn.Module, name: str, target: float) -> float:
    """Bits that the integers may take, so that with all the rest the file has `target` bytes."""
    network = to_network(model, name)
    tucker = dict(tucker_layers(model))
    coded = sum(bits for key, bits in coded_bits(network).items() if key in tucker)
    rest = 8 * len(to_bytes(network)) - coded
    return max(1.0, 8 * _MARGIN * target - rest)


def _dense_row(bench: Bench, dense: nn.Module) -> Row:
    params = count_params(dense)
    val_error = error_rate(dense, bench.images.validation)
    error = error_rate(dense, bench.images.test)
    return Row("dense", params, 4 * params, 1.0, val_error, error, 0.0)

"""Compress networks that others trained, without their data: `python -m tools.zoo [STUDY ...]`.

energy         energy lost at a quarter of the parameters: default, svd, balanced; seconds
tuning         4x fewer parameters and the same short distillation, by method
bytes          files that agree as int8 does: int8, quantised alone, ADA
efficientnet   EfficientNet-lite0 at half of its parameters, as a curve

Each study writes results/zoo_*.json; `python -m tools.pages.zoo` makes docs/zoo.md of them. Networks and
photographs come from PyPI packages that the project does not need; those missing are named, with the
command that installs them.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import torch

from tools.zoo import efficientnet, energy, sizes, tuning
from tools.zoo.networks import NETWORKS, Network
from tools.zoo.packages import MissingPackagesError, require, versions
from torch_bridge.benchmarks.results import write_result

ROOT = Path(__file__).resolve().parents[2]
STUDIES = ("energy", "tuning", "bytes", "efficientnet")


def main(arguments: list[str] | None = None) -> int:
    """Run the studies named, all by default."""
    chosen = _options().parse_args(arguments)
    torch.set_num_threads(1)
    studies = chosen.studies or list(STUDIES)
    wanted = {name: _networks(name, chosen.network) for name in studies}
    try:
        require(module for found in wanted.values() for own in found for module in own.modules)
    except MissingPackagesError as error:
        print(f"zoo: {error}", file=sys.stderr)
        return 1
    for study, networks in wanted.items():
        for network in networks:
            print(f"{study}: {network.name}", flush=True)
            began = time.process_time(), time.monotonic()
            found = _run(study, network, chosen)
            content = {
                "command": _command(study, network, chosen), "study": study, "network": network.name,
                "what": network.what, "seed": chosen.seed, **found,
                "packages": versions(network.modules),
                "cpu_seconds": round(time.process_time() - began[0], 1),
                "seconds": round(time.monotonic() - began[1], 1),
            }  # fmt: skip
            write_result(chosen.out / f"zoo_{study}_{network.name}.json", content)
    return 0


def _run(study: str, network: Network, chosen: argparse.Namespace) -> dict[str, Any]:
    if study == "energy":
        return energy.study(network.build())
    if study == "efficientnet":
        return efficientnet.study(chosen.steps or 2_000, chosen.seed, chosen.runs)
    trained = tuning.study if study == "tuning" else sizes.study
    return trained(network, chosen.steps or 200, chosen.seed)


def _networks(study: str, names: list[str]) -> list[Network]:
    """Those that a study is of, of those that are named."""
    if study == "efficientnet":
        return [NETWORKS["efficientnet_lite0"]]
    found = [own for own in NETWORKS.values() if study == "energy" or own.inputs is not None]
    return [own for own in found if not names or own.name in names]


def _command(study: str, network: Network, chosen: argparse.Namespace) -> str:
    words = ["python -m tools.zoo", study]
    if study != "efficientnet":
        words.append(f"--network {network.name}")
    if chosen.steps and study != "energy":
        words.append(f"--steps {chosen.steps}")
    return " ".join(words if chosen.seed == 0 else [*words, f"--seed {chosen.seed}"])


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m tools.zoo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("studies", nargs="*", choices=[*STUDIES, []], metavar="STUDY")
    options.add_argument(
        "--network",
        action="append",
        choices=NETWORKS,
        default=[],
        help="only this one; may be repeated",
    )
    options.add_argument(
        "--steps", type=int, help="of each training (default: 200, efficientnet 2000)"
    )
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--runs", type=Path, default=ROOT / "runs", help="folder of checkpoints")
    options.add_argument("--out", type=Path, default=ROOT / "results", help="folder of results")
    return options


if __name__ == "__main__":
    sys.exit(main())

"""Result files: one JSON per published number, with everything needed to get it again."""

import os
import platform
import shlex
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from torch_bridge.benchmarks.experiment import Experiment, Row
from torch_bridge.state.fingerprint import digest_file
from tucker_core import format_table
from tucker_core.json_file import read_json


def environment() -> dict[str, Any]:
    """What a result depends on besides its command: versions, machine, date."""
    packages = ("numpy", "torch", "constriction")
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
        "machine": {
            "system": platform.system(),
            "cpu": _cpu_name(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
        "date": date.today().isoformat(),
    }


def command_line() -> str:
    """The command that is running, as a user would type it."""
    return shlex.join(["ada-tucker", *sys.argv[1:]])


def run_facts(mark: str, files: Sequence[Path] = ()) -> dict[str, Any]:
    """What a result says of itself so that `kept_result` knows it again: fingerprint and files."""
    return {
        "mark": mark,
        "files": {path.name: digest_file(path.read_bytes()) for path in files},
    }


def kept_result(path: Path, mark: str) -> dict[str, Any] | None:
    """The result that this very run left before; None if there is none, and the run is to be made.

    A result of other settings, other data or an older version, or one whose files are gone or were
    changed, is none; a warning says why.

    Parameters
    ----------
    path : of the result; its files lie beside it
    mark : fingerprint of the run

    Raises
    ------
    ValueError
        If the file cannot be a result: it is damaged, or something else.
    """
    if not path.exists():
        return None
    content = read_json(path)
    if content.get("mark") != mark:
        what = "is of other settings, other data or an older version"
    elif not content.get("rows"):
        raise ValueError(f"{path} holds no rows; it is damaged: delete it to make it anew")
    elif wrong := [n for n, known in content["files"].items() if not _is(path.parent / n, known)]:
        what = f"is of a file that is missing or was changed ({', '.join(wrong)})"
    else:
        return content
    warnings.warn(f"{path} {what}; it is made anew", stacklevel=2)
    return None


def _is(path: Path, known: str) -> bool:
    return path.is_file() and digest_file(path.read_bytes()) == known


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def result_content(experiment: Experiment, rows: list[Row]) -> dict[str, object]:
    """Everything a reader needs to judge and to repeat a run."""
    return {
        "command": command_line(),
        "model": experiment.model_name,
        "data_set": experiment.data.name,
        "images": {
            "train": len(experiment.train_images),
            "validation": len(experiment.validation[0]),
            "test": len(experiment.test[0]),
        },
        "seed": experiment.seed,
        "recipe": asdict(experiment.recipe),
        "rows": [asdict(row) for row in rows],
        **environment(),
    }


def rows_table(rows: list[Row], data_set: str) -> str:
    """Format the rows as the text table that the command prints."""
    head = (data_set, "parameters", "bytes", "ratio", "val error", "test error", "seconds")
    body = [
        (
            row.name, f"{row.params:,}", f"{row.n_bytes:,}", f"{row.ratio:,.0f}x",
            f"{row.val_error:.2f} %", f"{row.test_error:.2f} %", f"{row.seconds:.0f}",
        )
        for row in rows
    ]  # fmt: skip
    return format_table([head, *body])

"""Result files: one JSON per published number, with everything needed to get it again."""

import os
import platform
import shlex
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from torch_bridge.state.fingerprint import digest_file
from tucker_core import format_table
from tucker_core.files import write_json
from tucker_core.results import read_result


@dataclass(frozen=True)
class Row:
    """One line of the result table.

    Attributes
    ----------
    name : what was tested
    params : parameters stored
    n_bytes : 4 per parameter for a dense net, the size of the file for a compressed one
    ratio : bytes of the dense network of this architecture / n_bytes
    val_error, test_error : percent
    seconds : training time
    """

    name: str
    params: int
    n_bytes: int
    ratio: float
    val_error: float
    test_error: float
    seconds: float


@dataclass(frozen=True)
class Result:
    """What the result file of trained networks says, beside command, versions, machine and date.

    Attributes
    ----------
    model, data_set, seed : what was trained, on what
    images : how many were trained on, validated with, tested on
    recipe : how
    rows : what came out, a `Row` each
    history : of each training, a row an epoch
    precisions : what "auto" came to
    device, processes : where it was trained; how many processes trained together
    benchmark : its name, if it is one's
    fingerprint, files : by which `kept_result` knows the run and its files again
    init : file and weights that a dense training went on from
    plan : layout of each compressed weight
    points_lost : test error of the file less that of the dense network
    """

    model: str
    data_set: str
    images: dict[str, int]
    seed: int
    recipe: dict[str, Any]
    rows: list[dict[str, Any]]
    history: dict[str, Any]
    precisions: dict[str, str]
    device: str = "cpu"
    processes: int = 1
    benchmark: str = ""
    fingerprint: str = ""
    files: dict[str, str] = field(default_factory=dict)
    init: dict[str, str] = field(default_factory=dict)
    plan: list[Any] = field(default_factory=list)
    points_lost: float | None = None

    def content(self) -> dict[str, Any]:
        """As in the file; what does not apply is left out."""
        said = {
            name: value for name, value in asdict(self).items() if value not in ("", {}, [], None)
        }
        return with_environment(said)


def write_result(path: Path, result: Result | dict[str, Any]) -> dict[str, Any]:
    """Write a result of trained networks, or another measurement's content; gives what the file says."""
    content = result.content() if isinstance(result, Result) else with_environment(result)
    write_json(path, content)
    return content


def with_environment(content: dict[str, Any]) -> dict[str, Any]:
    """A result's content with the command before it, and versions, machine and date behind it."""
    return {"command": command_line(), **content, **environment()}


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


def run_facts(run: str, files: Sequence[Path] = ()) -> dict[str, Any]:
    """What a result says of itself so that `kept_result` knows it again: fingerprint and files."""
    return {
        "fingerprint": run,
        "files": {path.name: digest_file(path.read_bytes()) for path in files},
    }


def kept_result(path: Path, run: str) -> dict[str, Any] | None:
    """The result that this very run left before; None if there is none, and the run is to be made.

    A result of other settings, other data or an older version, or one whose files are gone or were
    changed, is none; a warning says why.

    Parameters
    ----------
    path : of the result; its files lie beside it
    run : its fingerprint

    Raises
    ------
    ValueError
        If the file cannot be a result: it is damaged, or something else.
    """
    if not path.exists():
        return None
    content = read_result(path)
    if content.get("fingerprint") != run:
        what = "is of other settings, other data or an older version"
    elif not content.get("rows"):
        raise ValueError(f"{path} holds no rows; it is damaged: delete it to make it anew")
    elif wrong := [
        n for n, known in content.get("files", {}).items() if not _is(path.parent / n, known)
    ]:
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

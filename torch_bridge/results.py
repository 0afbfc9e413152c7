"""Result files: one JSON per published number, with everything needed to get it again."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tucker_core.files import replacing


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


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a result through a temporary file, so that the old one stays whole until then."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a result.

    Raises
    ------
    ValueError
        If the file is damaged or holds something else.
    OSError
        If it cannot be read.
    """
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it to run this anew") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no result but a {type(content).__name__}; delete it")
    return content


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()

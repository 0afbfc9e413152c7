"""Running the parts of a tool one after the other, each in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence


def run_parts(package: str, parts: Sequence[str], arguments: Sequence[str]) -> int:
    """Run every part with the same arguments; returns the first exit code that is not 0."""
    codes = [
        subprocess.run([sys.executable, "-m", f"{package}.{part}", *arguments]).returncode
        for part in parts
    ]
    return next((code for code in codes if code), 0)

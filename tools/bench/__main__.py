"""Time this project beside its peers, all parts in turn: `python -m tools.bench`.

One part alone: `python -m tools.bench.core`, `.layer`, `.rebuild`, `.step`; of other people's models
`.model`. Each prints a table and writes results/bench_*.json.
"""

import subprocess
import sys

PARTS = ("core", "layer", "rebuild", "step")


def main(arguments: list[str]) -> int:
    """Run every part in a process of its own; returns the first exit code that is not 0."""
    codes = [
        subprocess.run([sys.executable, "-m", f"tools.bench.{part}", *arguments]).returncode
        for part in PARTS
    ]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

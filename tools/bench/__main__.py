"""Time this project beside its peers, all parts in turn: `python -m tools.bench`.

One part alone: `python -m tools.bench.core`, `.layer`, `.rebuild`, `.implementations`, `.step`,
`.where`; of other people's models `.model`; on a GPU `.gpu`; what dims and shared cores lose `.shapes`
and `.sharing`. Each writes results/*.json.
"""

import sys

from tools.parts import run_parts

PARTS = ("core", "layer", "rebuild", "implementations", "step", "where")


if __name__ == "__main__":
    sys.exit(run_parts("tools.bench", PARTS, sys.argv[1:]))

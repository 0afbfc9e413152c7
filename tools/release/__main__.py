"""Take into the tree what it ships: `python -m tools.release demo|mnist5k|records ...`.

- `demo FOLDER`: the result of a finished demo
- `mnist5k`: the bundled 5,000 digits, made from the full MNIST
- `records`: runs, files and pictures of the records

What follows the name goes to that part; `python -m tools.release records --help` tells more.
"""

import runpy
import sys

PARTS = ("demo", "mnist5k", "records")


def main() -> int:
    """Run the part that the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] not in PARTS:
        print(__doc__, file=sys.stderr)
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    name = sys.argv.pop(1)
    runpy.run_module(f"tools.release.{name}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

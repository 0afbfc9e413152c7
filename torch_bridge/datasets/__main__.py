"""Fetch MNIST: ``python -m torch_bridge.datasets``."""

import logging
import sys

from torch_bridge.datasets import DataError, fetch_mnist


def main() -> int:
    """Fetch MNIST, print where it lies and its size, and return the exit code."""
    logging.basicConfig(format="%(message)s")
    try:
        folder = fetch_mnist()
    except DataError as error:
        print(f"MNIST: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in folder.glob("*-ubyte*"))
    print(f"MNIST: {folder} ({size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

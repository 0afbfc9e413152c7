"""Data sets as NumPy arrays: found, fetched, checked, and split; no PyTorch needed."""

from torch_bridge.datasets.idx import DataError, parse_idx, read_idx
from torch_bridge.datasets.mnist import DataSet, load_mnist, load_mnist5k
from torch_bridge.datasets.sources import fetch_mnist

__all__ = [
    "DataError",
    "DataSet",
    "fetch_mnist",
    "load_mnist",
    "load_mnist5k",
    "parse_idx",
    "read_idx",
]

"""Training of the benchmarks: regimes, batches, the loop, and what watches over it."""

from torch_bridge.training.config import Decay, Regime
from torch_bridge.training.data import MemorySupply, Supply
from torch_bridge.training.distributed import World, join
from torch_bridge.training.folders import FolderSupply, HeldPictures
from torch_bridge.training.history import Journal
from torch_bridge.training.images import (
    Augmentation,
    Held,
    HeldImages,
    HoledAugmentation,
    Pixels,
    error_rate,
)
from torch_bridge.training.loop import Trained, train

__all__ = [
    "Augmentation",
    "Decay",
    "FolderSupply",
    "Held",
    "HeldImages",
    "HeldPictures",
    "HoledAugmentation",
    "Journal",
    "MemorySupply",
    "Pixels",
    "Regime",
    "Supply",
    "Trained",
    "World",
    "error_rate",
    "join",
    "train",
]

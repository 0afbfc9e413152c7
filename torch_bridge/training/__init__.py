"""Training of the benchmarks: regimes, batches, the loop, and what watches over it."""

from torch_bridge.training.images import (
    Augmentation,
    Held,
    HeldImages,
    HoledAugmentation,
    Pixels,
    error_rate,
)
from torch_bridge.training.journal import Journal
from torch_bridge.training.loop import Trained, train
from torch_bridge.training.parallel import World, join
from torch_bridge.training.regime import Decay, Regime
from torch_bridge.training.streams import FolderSupply, HeldPictures
from torch_bridge.training.supply import MemorySupply, Supply

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

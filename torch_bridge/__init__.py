"""PyTorch on top of tucker_core: Tucker weights, training, data sets and the command `ada-tucker`.

`compress_model` puts the layers of a model into Tucker form, `fit` trains it, `to_network` rounds it
for a `.ada` file, `load_network` and `materialize` bring dense weights back.
"""

from torch_bridge import threads  # isort: skip (before torch is loaded)
from torch_bridge.compress import CompressionReport, compress_model, materialize
from torch_bridge.inference import evaluate
from torch_bridge.models import MODELS, build_model
from torch_bridge.rounding import attach_quantizers
from torch_bridge.storage import load_network, to_network
from torch_bridge.train import TrainConfig, TrainingError, fit
from torch_bridge.weight import TuckerWeight, tucker_product

__all__ = [
    "MODELS",
    "CompressionReport",
    "TrainConfig",
    "TrainingError",
    "TuckerWeight",
    "attach_quantizers",
    "build_model",
    "compress_model",
    "evaluate",
    "fit",
    "load_network",
    "materialize",
    "threads",
    "to_network",
    "tucker_product",
]

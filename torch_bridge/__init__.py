"""PyTorch on top of tucker_core: Tucker weights, compression of any model, training, models, data.

`compress_model` puts the layers of a model into Tucker form, `fit` trains it, `to_network` rounds it
for a `.ada` file, `load_network` and `materialize` bring dense weights back. `quantize_model` rounds
weights without a decomposition. `survey` says which weights of a model can be compressed,
`scan_sensitivity` how much each of them bears, and `use_implementation` lets layers compute with their
factors.
"""

from torch_bridge import threads  # isort: skip (before torch is loaded)
from torch_bridge.compression.compress import CompressionReport, compress_model, materialize
from torch_bridge.compression.export import export_model
from torch_bridge.compression.load_network import load_network, load_tucker
from torch_bridge.compression.quantize_model import quantize_model
from torch_bridge.compression.sensitivity import scan_rate, scan_sensitivity
from torch_bridge.compression.survey import survey
from torch_bridge.compression.to_network import to_network
from torch_bridge.datasets.tensors import load_digits
from torch_bridge.forward.implementation import use_form, use_implementation
from torch_bridge.models import MODELS, build_model
from torch_bridge.quantization.qat import attach_quantizers
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.diagnose import TrainingError
from torch_bridge.training.evaluate import evaluate
from torch_bridge.training.fit import fit
from torch_bridge.weights.product import tucker_product
from torch_bridge.weights.tucker_weight import TuckerWeight

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
    "export_model",
    "fit",
    "load_digits",
    "load_network",
    "load_tucker",
    "materialize",
    "quantize_model",
    "scan_rate",
    "scan_sensitivity",
    "survey",
    "threads",
    "to_network",
    "tucker_product",
    "use_form",
    "use_implementation",
]

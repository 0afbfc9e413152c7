"""What of a model decides how it trains, for the fingerprint of a run."""

from dataclasses import asdict
from typing import Any

from torch import nn

from torch_bridge.quantization.qat import quantized_tensors
from torch_bridge.state.fingerprint import digest
from torch_bridge.weights.tucker_weight import tucker_layers, tucker_parts


def model_facts(model: nn.Module) -> dict[str, Any]:
    """What of a model decides how it trains: its parts, plans and values, and which of them learn."""
    return {
        "parts": [(name, type(part).__name__) for name, part in model.named_modules()],
        "plans": {
            name: asdict(tucker_parts(layer, name)[0].plan) for name, layer in tucker_layers(model)
        },
        "learns": [name for name, p in model.named_parameters() if p.requires_grad],
        "values": digest(model.state_dict().values()),
        "units": [quantizer.unit for quantizer, _ in quantized_tensors(model)],
    }

"""The optimizer: every parameter with the learning rate and the weight decay of its kind."""

from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from torch_bridge.quantization.qat import quantized_tensors
from torch_bridge.training.config import TrainConfig
from torch_bridge.weights.parametrization import stored_layers, stored_parts

KINDS = ("weights", "tucker", "norms", "biases", "steps")


def parameter_kinds(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The parameters that are trained, each once, by kind.

    Returns
    -------
    kind -> parameters; "weights" of layers, "tucker" cores and factors, "norms" of batch-norms, other
    "biases", and "steps" of quantizers

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    >>> {kind: len(found) for kind, found in parameter_kinds(model).items() if found}
    {'weights': 1, 'norms': 2, 'biases': 1}
    """
    known: dict[int, str] = {}
    for quantizer, _ in quantized_tensors(model):
        known |= {id(p): "steps" for p in quantizer.parameters()}
    for name, layer in stored_layers(model):
        known |= {id(part): "tucker" for part in stored_parts(layer, name)[1]}
    for module in model.modules():
        if isinstance(module, _NormBase):
            known |= {id(p): "norms" for p in module.parameters()}
    kinds: dict[str, list[nn.Parameter]] = {kind: [] for kind in KINDS}
    for parameter in model.parameters():
        if parameter.requires_grad:
            plain = "biases" if parameter.dim() == 1 else "weights"
            kinds[known.get(id(parameter), plain)].append(parameter)
    return kinds


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """SGD or AdamW over the parameters of a model, one group a kind."""
    plain = config.lr if config.plain_lr is None else config.plain_lr
    rates = dict.fromkeys(KINDS, plain) | {"tucker": config.lr, "steps": config.step_lr}
    groups: list[dict[str, Any]] = [
        {
            "params": found,
            "lr": rates[kind],
            "initial_lr": rates[kind],
            "weight_decay": config.decay_of(kind),
        }
        for kind, found in parameter_kinds(model).items()
        if found
    ]
    # one launch for all parameters on a GPU; elsewhere sums are added in the order that they always were
    fused = True if next(model.parameters()).is_cuda else None
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, config.lr, momentum=0.9, nesterov=True, fused=fused)
    return torch.optim.AdamW(groups, config.lr, betas=(0.9, 0.99), fused=fused)

"""What a state dict of a model in Tucker form says where a dense one has a weight: how it was reshaped.

Core and factors alone would load into a layer with another plan of the same shapes. And a program that
knows nothing of Tucker would leave them out and go on with random weights: `strict=False` does, and so
does the `from_pretrained` of Hugging Face. So under the name of the dense weight stands its layout, a
vector, which fits no dense weight and stops both.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from torch_bridge.weights.tucker_weight import TuckerWeight


def let_mark(layer: nn.Module) -> None:
    """Let a layer, whose class torch has made its own to parametrize it, mark its weights' state."""
    kind: Any = type(layer)
    kind._dense_class = kind.__mro__[1]  # another wrapper may make a class of this one
    kind._save_to_state_dict = _save
    kind._load_from_state_dict = _load


def mark_of(weight: TuckerWeight) -> Tensor:
    """Shape, padded shape, permutation and dims of a weight, one after the other.

    Examples
    --------
    >>> from tucker_core import LayerPlan, plan_reshape
    >>> mark_of(TuckerWeight(LayerPlan("fc", plan_reshape((30, 20)), (3, 2)))).tolist()
    [30, 20, 30, 20, 0, 1, 30, 20]
    """
    plan = weight.plan.reshape
    return torch.tensor([*plan.shape, *(plan.padded or plan.shape), *plan.permutation, *plan.dims])


def _save(self: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
    plain: Any = self._dense_class
    plain._save_to_state_dict(self, destination, prefix, keep_vars)
    for attribute, weight in _weights(self):
        destination[f"{prefix}{attribute}"] = mark_of(weight)


def _load(self: Any, state_dict: Any, prefix: str, *rest: Any) -> None:
    *_, errors = rest
    for attribute, weight in _weights(self):
        name = f"{prefix}{attribute}"
        _check_levels(state_dict, f"{prefix}parametrizations.{attribute}.", weight, errors)
        found, mark = state_dict.pop(name, None), mark_of(weight)
        if found is None or torch.equal(found.cpu(), mark):
            continue  # state dicts of earlier versions have no marks
        if tuple(found.shape) == weight.plan.reshape.shape:
            errors.append(
                f"{name} is dense and this layer is in Tucker form: load dense weights before "
                "compress_model, or into materialize(model)"
            )
        else:
            errors.append(
                f"{name} was compressed by another plan, {found.tolist()} for {mark.tolist()} (shape, "
                "padded shape, permutation, dims): compress the model by the plan of the state dict"
            )
    plain: Any = self._dense_class
    plain._load_from_state_dict(self, state_dict, prefix, *rest)


def _check_levels(state_dict: Any, prefix: str, weight: TuckerWeight, errors: list[str]) -> None:
    """Levels are no numbers of a core, nor the other way round: `strict=False` would not ask."""
    has_levels = f"{prefix}0.quantizers.0.log_step" in state_dict
    if f"{prefix}original0" in state_dict and has_levels != bool(weight.quantizers):
        found, way = (
            ("rounded", "call attach_quantizers first")
            if has_levels
            else ("not rounded", "load it into a model without quantizers")
        )
        errors.append(
            f"{prefix}original0 is {found} in the state dict and not so in this model: {way}"
        )


def _weights(layer: Any) -> Iterator[tuple[str, TuckerWeight]]:
    for attribute, chain in layer.parametrizations.items():
        if isinstance(chain[0], TuckerWeight):
            yield attribute, chain[0]

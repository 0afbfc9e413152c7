"""Which weights of a model can take Tucker form, and why the others cannot.

`survey` looks at every parameter of a model and changes nothing. A weight that several modules share is
one weight with several slots. What is skipped is named with its reason, so that no layer is left out
silently; vectors (biases, gains) are not weights and are not mentioned.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_bridge.weights.count import is_lazy
from tucker_core import plan_reshape
from tucker_core.checks import MAX_ORDER
from tucker_core.core_shapes import least_params
from tucker_core.reshape_ways import lengthened

Pattern: TypeAlias = str | type[nn.Module]
"""A pattern for the name of a weight or its layer ("encoder.*", "*.bias"), or a type of layer."""

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_ONE_WEIGHT = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d,
    nn.ConvTranspose3d, nn.Embedding, nn.EmbeddingBag, nn.Bilinear,
)  # fmt: skip
_ATTENTION = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")


@dataclass(frozen=True, eq=False)
class Slot:
    """A place that holds a weight: a layer and the name of its attribute.

    Attributes
    ----------
    name : full name, e.g. "encoder.0.weight"
    layer : the module
    attribute : e.g. "weight"
    """

    name: str
    layer: nn.Module
    attribute: str


@dataclass(frozen=True, eq=False)
class Weight:
    """A dense weight that can take Tucker form.

    Attributes
    ----------
    name : full name of its first slot
    parameter : its values
    slots : every place that holds it; more than one if modules share it
    """

    name: str
    parameter: nn.Parameter
    slots: tuple[Slot, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the dense weight."""
        return tuple(self.parameter.shape)


@dataclass(frozen=True)
class Skipped:
    """A weight that stays as it is.

    Attributes
    ----------
    name : its full name
    reason : why
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """Every weight of a model: those that can take Tucker form, and those that stay as they are."""

    weights: tuple[Weight, ...]
    skipped: tuple[Skipped, ...]


def survey(
    model: nn.Module, include: Sequence[Pattern] = (), exclude: Sequence[Pattern] = ()
) -> Survey:
    """Look through a model for weights that can take Tucker form.

    Parameters
    ----------
    model : any module; it is not changed
    include : patterns, of which at least one must fit; by default all layers of the known kinds do. A
        pattern for names also takes in parameters of other modules
    exclude : patterns, of which none may fit

    Raises
    ------
    ValueError
        If a pattern fits nothing in the model: a misspelt name would otherwise go unnoticed.

    Examples
    --------
    >>> found = survey(nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 30)), exclude=["1"])
    >>> [weight.name for weight in found.weights], found.skipped
    (['0.weight'], (Skipped(name='1.weight', reason="excluded by '1'"),))
    """
    _refuse_idle_patterns(model, (*include, *exclude))
    found: dict[int, list[tuple[Slot, str]]] = {}
    skipped = list[Skipped]()
    for slot, known in _slots(model):
        reason = _filtered(slot, include, exclude)
        parameter = _own(slot.layer).get(slot.attribute)
        if parameter is None:
            skipped.append(Skipped(slot.name, reason or _maker(slot)))
            continue
        reason = reason or _unreachable(slot.layer)
        if not (reason or known or any(isinstance(p, str) and _fits(slot, p) for p in include)):
            reason = f"in a {type(slot.layer).__name__}, no known kind of layer: include it by name"
        reason = reason or _unfit(parameter)
        found.setdefault(id(parameter), []).append((slot, reason))
    weights = []
    for holders in found.values():
        reasons = [(slot, reason) for slot, reason in holders if reason]
        slots = tuple(slot for slot, _ in holders)
        if not reasons:
            parameter = _own(slots[0].layer)[slots[0].attribute]
            assert parameter is not None
            weights.append(Weight(slots[0].name, parameter, slots))
        for slot, reason in holders if reasons else ():
            first, why = reasons[0]
            skipped.append(
                Skipped(slot.name, reason or f"shared with {first.name}, which is {why}")
            )
    return Survey(tuple(weights), tuple(skipped))


def _slots(model: nn.Module) -> Iterator[tuple[Slot, bool]]:
    """Every slot that holds a weight, and whether its layer is of a known kind."""
    for prefix, layer in model.named_modules():
        if "parametrizations" in prefix.split("."):
            continue
        usual, own = _usual_weights(layer), _own(layer)
        for name in dict.fromkeys([*usual, *own]):
            slot = Slot(f"{prefix}.{name}" if prefix else name, layer, name)
            if name in usual:
                if own.get(name, layer) is not None:  # None: this layer does without
                    yield slot, True
            elif _order(own[name]) > 1:
                yield slot, False


def _own(layer: nn.Module) -> dict[str, nn.Parameter | None]:
    """The parameters that a module holds itself; those of a ScriptModule are no dict."""
    return dict(layer._parameters.items())


def _order(parameter: Tensor | None) -> int:
    """How many modes a parameter has; 0 for none, and for one that is not initialised yet."""
    return 0 if parameter is None or is_lazy(parameter) else parameter.dim()


def _usual_weights(layer: nn.Module) -> list[str]:
    """Attributes that hold the weights of a known kind of layer."""
    if isinstance(layer, _ONE_WEIGHT):
        return ["weight"]
    if isinstance(layer, nn.MultiheadAttention):
        return list(_ATTENTION)
    if type(layer).__module__.startswith("transformers."):
        return _transformers_weights(layer)
    if isinstance(layer, nn.RNNBase):
        return [name for name in layer._flat_weights_names if name.startswith("weight")]
    return ["weight_ih", "weight_hh"] if isinstance(layer, nn.RNNCellBase) else []


def _transformers_weights(layer: nn.Module) -> list[str]:
    """Weights of two kinds of Hugging Face's: GPT-2's linear layer, and all experts of a mixture at once.

    These hold plain parameters, (in, out) and (experts, in, out), under names of their own.
    """
    if type(layer).__name__ == "Conv1D":
        return ["weight"]
    own = _own(layer) if type(layer).__name__.endswith("Experts") else {}
    return [name for name, parameter in own.items() if _order(parameter) == 3]


def _maker(slot: Slot) -> str:
    """Why an attribute that should hold a weight is no parameter."""
    layer, name = slot.layer, slot.attribute
    if parametrize.is_parametrized(layer, name):
        chain: Any = layer.parametrizations
        kinds = ", ".join(type(step).__name__ for step in chain[name])
        return f"parametrized already, by {kinds}"
    if isinstance(getattr(type(layer), name, None), property):
        return f"a property of {type(layer).__name__}, no parameter"
    return "no parameter: something else, such as weight norm or pruning, makes it before each call"


def _unreachable(layer: nn.Module) -> str:
    if isinstance(layer, torch.jit.ScriptModule):
        return (
            "part of a ScriptModule, whose weights cannot be replaced: compress the module that was "
            "scripted, and script or export the result"
        )
    if isinstance(layer, nn.ParameterList | nn.ParameterDict):
        return f"an entry of a {type(layer).__name__}, which takes no parametrization"
    if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
        if layer.sparse:
            return "an embedding with sparse gradients; make it with sparse=False"
        if layer.max_norm is not None:
            return "an embedding that changes its weight in place (max_norm)"
    return ""


def _refuse_idle_patterns(model: nn.Module, patterns: Sequence[Pattern]) -> None:
    names = [name for name, _ in (*model.named_modules(), *model.named_parameters())]
    for pattern in patterns:
        if isinstance(pattern, str):
            fits = any(fnmatchcase(name, pattern) for name in names)
        else:
            fits = any(isinstance(layer, pattern) for layer in model.modules())
        if not fits:
            raise ValueError(
                f"{_names([pattern])} fits nothing in {type(model).__name__}; it has "
                f"{[name for name in names if name][:20]}"
            )


def _filtered(slot: Slot, include: Sequence[Pattern], exclude: Sequence[Pattern]) -> str:
    """Why the patterns leave a weight out."""
    unwanted = [pattern for pattern in exclude if _fits(slot, pattern)]
    if unwanted:
        return f"excluded by {_names(unwanted[:1])}"
    wanted = not include or any(_fits(slot, pattern) for pattern in include)
    return "" if wanted else f"not included by {_names(include)}"


def _fits(slot: Slot, pattern: Pattern) -> bool:
    if isinstance(pattern, str):
        layer = slot.name.removesuffix(slot.attribute).removesuffix(".")
        return fnmatchcase(slot.name, pattern) or fnmatchcase(layer, pattern)
    return isinstance(slot.layer, pattern)


def _names(patterns: Sequence[Pattern]) -> str:
    return ", ".join(repr(p) if isinstance(p, str) else p.__name__ for p in patterns)


def _unfit(parameter: Tensor) -> str:
    """Why a parameter itself cannot be put in Tucker form."""
    if is_lazy(parameter):
        return "not initialised yet: run one batch through the model first"
    if parameter.dtype not in FLOATS:
        return f"of dtype {parameter.dtype}; real floating-point weights can be decomposed"
    if parameter.layout is not torch.strided:
        return f"of layout {parameter.layout}; only strided tensors can be decomposed"
    shape = tuple(parameter.shape)
    if 0 in shape:
        return f"without entries, its shape being {shape}"
    if not 1 <= len(shape) <= MAX_ORDER:
        return f"of order {len(shape)}; orders 1 to {MAX_ORDER} can be decomposed"
    proper = {plan_reshape(whole).dims for whole in (shape, lengthened(shape))}
    if min(map(least_params, proper)) >= math.prod(shape):
        return (
            f"so small ({math.prod(shape)} parameters) that no Tucker form stores fewer parameters"
        )
    return ""


def compressible_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield (name of the weight, layer) for every dense weight that can take Tucker form."""
    for weight in survey(model).weights:
        yield weight.name, weight.slots[0].layer

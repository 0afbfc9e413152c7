"""Put a model into Tucker form: `compress_model` plans its weights under one budget and replaces them.

It first looks (`survey`), plans (`choose_plan`, `tucker_core.planner`) and computes every core and
factor, and only then touches the model (`replace`), so that a model is compressed as a whole
or left as it was. `materialize` brings dense weights back.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from torch_bridge.compression.budget import Unit
from torch_bridge.compression.choose_plan import Criterion, Wanted, choose_plan
from torch_bridge.compression.file_size import plain_bytes, stored_bytes
from torch_bridge.compression.rank_selection import Evidence, check_values
from torch_bridge.compression.replace import insert, materialize
from torch_bridge.compression.survey import Pattern, Skipped, Survey, Weight, survey
from torch_bridge.weights.count import count_bytes, count_params
from torch_bridge.weights.initialize import start_parts
from torch_bridge.weights.parametrization import stored_layers, tucker_originals
from tucker_core import NetworkPlan
from tucker_core.rounding_loss import rounding_bits, rounding_loss

_LEVELS = 8.0  # at which cores and factors are usually rounded
_LEAST_KEPT = 1e-12

_WRAPPERS = {"DistributedDataParallel", "FullyShardedDataParallel", "FSDPModule"}

__all__ = ["CompressionReport", "compress_model", "materialize"]


@dataclass(frozen=True)
class CompressionReport:
    """What `compress_model` did, or would do.

    Attributes
    ----------
    plan : dims and core shape of every compressed weight
    dense_params : parameters of the model before, biases included
    params : parameters of the model now: cores, factors, and what was not compressed
    dense_bytes, n_bytes : of parameters and buffers before and now, as torch stores them
    skipped : the weights that stay as they are, with the reason
    notes : what a user should know of weights that were compressed, and of what files hold beside them
    plain_bytes : of a file, about, for what is not in Tucker form
    """

    plan: NetworkPlan
    dense_params: int
    params: int
    dense_bytes: int = 0
    n_bytes: int = 0
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    plain_bytes: int = 0

    def file_bytes(self, levels: float = 8.0) -> int:
        """How many bytes `to_network` at so many levels makes of the model, about."""
        names = [layer.name for layer in self.plan.layers]
        return self.plain_bytes + stored_bytes(self.plan.n_params, names, levels)

    def table(self) -> str:
        """Format the plan, below it what was skipped and why, and all parameters before and after."""
        ratio = self.dense_params / self.params
        blocks = [self.plan.table()]
        if self.skipped:
            rows = [(skipped.name, skipped.reason) for skipped in self.skipped]
            width = max(len(name) for name, _ in rows)
            lines = "\n".join(f"{name.ljust(width)}  {reason}" for name, reason in rows)
            blocks.append(f"\nnot compressed:\n{lines}\n")
        blocks += [f"note: {note}" for note in self.notes]
        blocks.append(
            f"all parameters, biases included: {self.dense_params:,} -> {self.params:,}, "
            f"{ratio:.{0 if ratio >= 10 else 1}f}x fewer; a file at 8 levels takes about "
            f"{self.file_bytes():,} bytes"
        )
        return "\n".join(blocks)

    __str__ = table


def compress_model(
    model: nn.Module,
    plan_or_budget: NetworkPlan | float,
    *,
    unit: Unit = "numbers",
    include: Sequence[Pattern] = (),
    exclude: Sequence[Pattern] = (),
    criterion: Criterion | Evidence = "auto",
    calibration: Any = None,
    order: int | Literal["auto"] = "auto",
    reshape: str = "auto",
    allow_dense: bool = False,
    shared_core: bool | Literal["groups"] = False,
    init: Literal["hosvd", "scratch"] = "hosvd",
    generator: torch.Generator | None = None,
    dry_run: bool = False,
    evidence: Criterion | Evidence | None = None,
) -> CompressionReport:
    """Replace the weights of a model, in place, by trainable Tucker weights.

    Parameters
    ----------
    model : its linear, (transposed) convolution, embedding, attention and recurrent layers are
        compressed; biases stay as they are, and every weight that does is named in the report
    plan_or_budget : a plan, or a ceiling that is never exceeded
    unit : of the ceiling: "numbers" of all cores and factors together; all "parameters" of the model;
        "bytes" of its parameters and buffers; or a "ratio" of parameters before to those after
    include : patterns for names ("encoder.*") or types of layers; only what fits one is compressed. A
        pattern for names may also name parameters of layers of other kinds
    exclude : patterns for names or types; what fits one is not compressed
    criterion : what dims and ranks go by. "spectra": order, dims and ranks of all weights together that
        keep most of their energy; "loss": those that change the outputs on `calibration` data least;
        "balanced": proper orders, balanced dims and cores near cubes; or what `scan_sensitivity` or
        `scan_rate` measured. "auto" is "spectra", but "balanced" with init="scratch", on the device
        "meta" and where all weights look as they were drawn
    calibration : with criterion="loss": a batch of inputs, a data loader, or a function from a model to
        its loss. Each family of reshapes of each weight is measured at up to four sizes: with a batch
        one forward pass each, with a loader one for each of its first batches
    order : with a budget, how many modes every weight is reshaped to
    reshape : with a budget, the family that the dims are taken from: "svd" (a product of two thin
        matrices), "order 2", "natural", "split" or "balanced"; see `tucker_core.plan_network`
    allow_dense : let a weight stay as it is where that is best; else each stores fewer parameters
    shared_core : with a budget, plan one core for all weights (SCADA-Tucker), or for each of the "groups"
        of weights of equal shape; a plan says it itself
    init : "hosvd" approximates the present weights; "scratch" draws core and factors so that the
        reconstructed weight has the standard deviation sqrt(2 / fan_in)
    generator : where "scratch" draws from; by default a new one with seed 0
    dry_run : only plan: the model is not touched, and may be on the device "meta"
    evidence : the old name of `criterion`; it goes with the next release

    Returns
    -------
    CompressionReport; `print` shows the plan, what was skipped and why

    Raises
    ------
    ValueError
        If there is nothing to compress, the budget is too small (the smallest possible one is named), a
        weight has no values or is not finite, a pattern fits nothing, an option is unknown, or the model
        is wrapped in DistributedDataParallel. Whatever is raised, the model is left as it was.

    Examples
    --------
    >>> from torch_bridge.models import LeNet5
    >>> report = compress_model(LeNet5(), 3_900)
    >>> report.plan.n_params <= 3_900
    True
    >>> compress_model(LeNet5(), 50, unit="ratio", exclude=["conv1"], dry_run=True).params <= 8_621
    True
    """
    if evidence is not None:
        warnings.warn("evidence= is criterion= now", DeprecationWarning, stacklevel=2)
        criterion = evidence
    model = getattr(model, "_orig_mod", model)  # that of torch.compile, which compiles it anew
    found = _checked_survey(model, include, exclude)
    weights = {weight.name: weight for weight in found.weights}
    if isinstance(plan_or_budget, NetworkPlan):
        plan = plan_or_budget
        _check_plan(plan, weights, found.skipped)
    else:
        wanted = Wanted(
            criterion, order, reshape, shared_core, allow_dense, init == "scratch", calibration
        )
        plan = choose_plan(model, weights, plan_or_budget, unit, wanted)
    planned = {layer.name: weights[layer.name] for layer in plan.layers}
    report = _reported(model, plan, planned, found)
    if not dry_run:
        check_values(planned, finite=init == "hosvd")
        generator = generator or torch.Generator().manual_seed(0)
        dense = {name: weight.parameter for name, weight in planned.items()}
        insert(model, plan, planned, start_parts(plan, dense, init, generator))
    return report


def _reported(
    model: nn.Module, plan: NetworkPlan, planned: Mapping[str, Weight], found: Survey
) -> CompressionReport:
    """What a plan does to a model."""
    left = [weight.name for weight in found.weights if weight.name not in planned]
    return CompressionReport(
        plan,
        *(count_params(model), _params_after(model, plan, planned)),
        *(count_bytes(model), _bytes_after(model, plan, planned)),
        (*found.skipped, *(Skipped(name, "not in the plan") for name in left)),
        (
            *_advice(plan),
            *(note for weight in planned.values() for note in _notes(weight)),
            *_state_notes(model),
        ),
        plain_bytes(model, {id(weight.parameter) for weight in planned.values()}),
    )


def _checked_survey(
    model: nn.Module, include: Sequence[Pattern], exclude: Sequence[Pattern]
) -> Survey:
    kinds = {kind.__name__ for module in model.modules() for kind in type(module).__mro__}
    for wrapper in sorted(kinds & _WRAPPERS):
        raise ValueError(
            f"the model, or a part of it, is wrapped in {wrapper}, which knows its parameters already; "
            "compress it first and wrap it then"
        )
    found = survey(model, include, exclude)
    if not found.weights:
        reasons = "; ".join(f"{skip.name} is {skip.reason}" for skip in found.skipped[:4])
        raise ValueError(
            f"{type(model).__name__} has no dense Linear, Conv or Embedding layer to compress"
            + (f": {reasons}" if reasons else "")
        )
    return found


def _check_plan(
    plan: NetworkPlan, weights: Mapping[str, Weight], skipped: Sequence[Skipped]
) -> None:
    reasons = {skip.name: skip.reason for skip in skipped}
    for layer in plan.layers:
        if layer.name in reasons:
            raise ValueError(f"the plan names {layer.name!r}, which is {reasons[layer.name]}")
        if layer.name not in weights:
            raise ValueError(f"the plan names {layer.name!r}; the model has {sorted(weights)}")
        shape = weights[layer.name].shape
        if shape != layer.reshape.shape:
            raise ValueError(
                f"{layer.name} has shape {shape}; the plan is for {layer.reshape.shape}"
            )
        dense = math.prod(shape)
        if layer.n_params > dense:
            raise ValueError(
                f"the plan stores {layer.n_params:,} parameters for {layer.name}, which has {dense:,}: "
                f"lower its rank {layer.rank}, or leave it out"
            )


def _params_after(model: nn.Module, plan: NetworkPlan, weights: Mapping[str, Weight]) -> int:
    dense = sum(weight.parameter.numel() for weight in weights.values())
    return count_params(model) - dense + plan.n_params


def _bytes_after(model: nn.Module, plan: NetworkPlan, weights: Mapping[str, Weight]) -> int:
    sizes = {name: weight.parameter.element_size() for name, weight in weights.items()}
    dense = sum(weight.parameter.numel() * sizes[name] for name, weight in weights.items())
    stored = sum(layer.n_params * sizes[layer.name] for layer in plan.layers)
    shared = next((sizes[layer.name] for layer in plan.layers if layer.shared_core), 0)
    return count_bytes(model) - dense + stored + shared * plan.shared_core_params


def _advice(plan: NetworkPlan) -> Iterator[str]:
    """Where rounding alone loses less energy in as many bytes: Tucker then brings nothing."""
    shares = [layer.lost for layer in plan.layers if layer.lost is not None]
    if not shares or len(shares) < len(plan.layers):
        return
    kept = [math.log(max(1.0 - share, _LEAST_KEPT)) for share in shares]
    lost = -math.expm1(sum(kept) / len(kept))
    dense = sum(math.prod(layer.reshape.shape) for layer in plan.layers)
    rounded = rounding_loss(rounding_bits(_LEVELS) * plan.n_params / dense)
    if rounded < lost:
        yield (
            f"this plan loses {lost:.0%} of the energy of a weight before any training, and rounding "
            f"alone about {rounded:.0%} in as many bytes: Tucker brings nothing here, try quantize_model"
        )


def _notes(weight: Weight) -> Iterator[str]:
    """What a user should know of a weight that is compressed."""
    others = [slot.name for slot in weight.slots[1:]]
    if others:
        yield f"{weight.name} is one weight with {', '.join(others)}: they share core and factors"
    for slot in weight.slots:
        padding = getattr(slot.layer, "padding_idx", None)
        if padding is not None:
            yield f"{slot.name}: row {padding}, its padding_idx, is approximated like the others"
    if not weight.parameter.requires_grad:
        yield f"{weight.name} is frozen, and so are its core and factors"


def _state_notes(model: nn.Module) -> Iterator[str]:
    """What a user should know of buffers: which a file holds exactly, and which it cannot hold."""
    chains = [tucker_originals(layer, name) for name, layer in stored_layers(model)]
    inside = {id(module) for chain in chains for module in chain.modules()}
    exact, left = list[str](), list[str]()
    for prefix, module in model.named_modules():
        if id(module) in inside:
            continue
        for name, buffer in module.named_buffers(prefix, recurse=False):
            if name.rpartition(".")[2] in module._non_persistent_buffers_set:
                left.append(name)
            elif not buffer.is_floating_point():
                exact.append(name)
        if type(module).get_extra_state is not nn.Module.get_extra_state:
            left.append(f"{prefix}._extra_state" if prefix else "_extra_state")
    if exact:
        yield f"files hold these buffers exactly: {', '.join(exact)}"
    if left:
        yield f"files leave these to the module, which has to make them itself: {', '.join(left)}"

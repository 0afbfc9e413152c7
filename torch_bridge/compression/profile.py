"""What each layer of a compressed network costs in each implementation, computed and measured.

Every layer is run alone, on the input that it gets inside the network: with dense weights, with the
weight reconstructed from core and factors, and factorized. The implementations take turns, and the
least time of each counts: what disturbs a machine only ever adds time.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from torch_bridge.compression.replace import materialize
from torch_bridge.forward.calls import calls_of
from torch_bridge.forward.cost import Work
from torch_bridge.forward.implementation import use_implementation
from torch_bridge.forward.modes import CHOOSING, works
from torch_bridge.state.untouched import untouched
from torch_bridge.weights.count import count_bytes
from torch_bridge.weights.parametrization import attribute_of
from torch_bridge.weights.tucker_weight import tucker_layers, tucker_parts
from tucker_core import format_table
from tucker_core.timing import interleaved

WHOLE = "whole network"


@dataclass(frozen=True)
class LayerProfile:
    """A layer's costs.

    Attributes
    ----------
    name : of its weight, or "whole network"
    seconds : implementation -> least time of a forward pass
    work : implementation -> FLOPs and bytes moved, as far as they are known
    stored_bytes : implementation -> bytes that its parameters take in memory
    """

    name: str
    seconds: Mapping[str, float]
    work: Mapping[str, Work]
    stored_bytes: Mapping[str, int]

    @property
    def fastest(self) -> str:
        """The implementation of least time."""
        return min(self.seconds, key=lambda implementation: self.seconds[implementation])


def profile_model(
    model: nn.Module, inputs: Sequence[Tensor], *, seconds: float = 0.3
) -> list[LayerProfile]:
    """Time every Tucker layer of a model in its implementations, and then the whole model.

    Parameters
    ----------
    model : in Tucker form; it is not changed
    inputs : what its forward pass takes, batch first
    seconds : time to spend on each layer, about

    Returns
    -------
    one profile per layer that is called by itself (the inside of an attention layer is not), and one for
    the whole network, whose implementation "auto" lets every layer choose

    Raises
    ------
    ValueError
        If the model has no Tucker weight.

    Examples
    --------
    >>> from torch_bridge import compress_model
    >>> model = nn.Sequential(nn.Linear(60, 40))
    >>> _ = compress_model(model, 400)
    >>> [p.name for p in profile_model(model, [torch.ones(8, 60)], seconds=0.01)]
    ['0.weight', 'whole network']
    """
    model = copy.deepcopy(model).eval()
    use_implementation(model, "reconstructed")
    profiles = []
    with torch.no_grad(), untouched(model):
        calls = calls_of(model, inputs)
        for name, layer in tucker_layers(model):
            if id(layer) in calls and attribute_of(name) == "weight":
                profiles.append(_profile(name, layer, *calls[id(layer)][0], seconds))
        profiles.append(_profile(WHOLE, model, tuple(inputs), {}, seconds))
    return profiles


def profile_table(profiles: Sequence[LayerProfile]) -> str:
    """Format profiles as a text table: FLOPs, bytes, milliseconds; the fastest is marked."""
    rows: list[tuple[str, ...]] = [
        ("layer", "implementation", "MFLOPs", "moved kB", "stored kB", "ms", "of dense", "use")
    ]
    for profile in profiles:
        for implementation, took in profile.seconds.items():
            work = profile.work.get(implementation)
            rows.append(
                (
                    profile.name,
                    implementation,
                    "" if work is None else f"{work.flops / 1e6:,.3f}",
                    "" if work is None else f"{work.n_bytes / 1e3:,.1f}",
                    f"{profile.stored_bytes[implementation] / 1e3:,.1f}",
                    f"{1e3 * took:,.3f}",
                    f"{took / profile.seconds['dense']:.2f}",
                    "<-" if implementation == profile.fastest else "",
                )
            )
    return format_table(rows)


def _profile(
    name: str, layer: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any], seconds: float
) -> LayerProfile:
    implementations: dict[str, nn.Module] = {
        "dense": materialize(copy.deepcopy(layer)),
        "reconstructed": layer,
    }
    for implementation in ("factorized", "auto") if name == WHOLE else ("factorized",):
        candidate = copy.deepcopy(layer)
        if implementation in use_implementation(candidate, implementation).values():
            implementations[implementation] = candidate
    work: dict[str, Work] = {}
    if isinstance(layer, CHOOSING):
        work = works(layer, tucker_parts(layer)[0].plan, tuple(inputs[0].shape))

    def job(module: nn.Module) -> Callable[[], object]:
        return lambda: module(*inputs, **options)

    # processor time does not count what other programs take, but of all threads together
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    jobs = {implementation: job(module) for implementation, module in implementations.items()}
    return LayerProfile(
        name,
        interleaved(jobs, seconds, clock=clock, of=min),
        work,
        {implementation: count_bytes(module) for implementation, module in implementations.items()},
    )

"""Scans: what each weight of a model loses at each rank, taken alone.

`scan_sensitivity` puts one weight at a time in Tucker form, at a few fractions of its parameters, and
measures the model on whatever the caller measures: the error on a calibration set, say. `scan_rate` asks
no data: the loss is the energy that the weight loses. Both also tell the bytes of the coded integers. The
model is as before when they end, however they end, and every measurement begins with the same running
statistics and the same random numbers.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from torch_bridge.compression.rank_selection import Evidence, Option, check_values
from torch_bridge.compression.survey import Pattern, Weight, survey
from torch_bridge.state.fingerprint import digest, fingerprint
from torch_bridge.state.progress import hidden
from torch_bridge.state.untouched import untouched
from torch_bridge.weights.tucker_weight import dense_array, dense_tensor
from tucker_core import (
    CodedParameter,
    CompressedNetwork,
    LayerPlan,
    ReshapePlan,
    TuckerTensor,
    coded_bits,
    hosvd,
    quantize,
    rms_step,
)
from tucker_core.files import write_json
from tucker_core.joint_plan import WeightOptions, weight_options
from tucker_core.norms import energy_share
from tucker_core.reshape import check_order
from tucker_core.reshape_candidates import check_family

FRACTIONS = (0.5, 0.25, 0.12, 0.06, 0.03, 0.015, 0.008)
_SAME = 1e-6  # of a measure: what sums in another order differ by
_LEVELS = 8.0  # rounding steps per root mean square for the bytes


def scan_sensitivity(
    model: nn.Module,
    measure: Callable[[nn.Module], float],
    *,
    include: Sequence[Pattern] = (),
    exclude: Sequence[Pattern] = (),
    fractions: Sequence[float] = FRACTIONS,
    order: int | Literal["auto"] = "auto",
    reshape: str = "auto",
    each_family: bool = False,
    what: str = "loss",
    resume: Path | None = None,
    progress: bool = True,
) -> Evidence:
    """Measure a model with one weight at a time in Tucker form.

    Parameters
    ----------
    model : a dense model
    measure : what gets worse, a number for a model: its loss or error on a calibration set. It sees the
        model in the mode (`train` or `eval`) that it has
    include, exclude : patterns, as for `compress_model`
    fractions : of each weight's parameters that its cores and factors may store
    order, reshape : of the weights, as for `compress_model`; by default what keeps most energy at each
        fraction
    each_family : measure the best of every family of reshapes at each fraction, not only the best of all
    what : what `measure` gives, for tables and plots
    resume : a JSON file in which every measurement is kept as it is made, so that an interrupted scan of
        the same model goes on. It knows other weights, and other data by what the dense model measures
    progress : show a progress bar

    Returns
    -------
    Evidence whose losses are what `measure` gives above the dense model's; where it is better, 0. A
    measurement that is not finite counts as an infinite loss.

    Raises
    ------
    ValueError
        If a fraction is not in (0, 1), there is nothing to scan, or the dense model's own measure is not
        finite.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> x = torch.ones(1, 30)
    >>> y = model(x).detach()
    >>> def distance(m):
    ...     return float((m(x).detach() - y).square().sum())
    >>> evidence = scan_sensitivity(model, distance, fractions=(0.5, 0.2), progress=False)
    >>> evidence.plan(150).n_params <= 150
    True
    """
    weights = _weights(model, include, exclude, fractions)
    of_scan = fingerprint(
        model=type(model).__name__, weights=list(weights), what=what,
        values=digest([*model.parameters(), *model.buffers()]),
    )  # fmt: skip

    def measured() -> float:
        with untouched(model):
            value: Any = measure(model)
            return float(value.detach() if isinstance(value, Tensor) else value)

    base = measured()
    if not math.isfinite(base):
        raise ValueError(
            "the dense model measures no finite number; nothing can be compared with it"
        )
    known = _Kept(resume, of_scan, base)
    curves = _curves(weights, order, reshape, each_family=each_family)
    jobs = [
        (weight, layer)
        for name, weight in weights.items()
        for curve in curves[name]
        for layer in _layers(curve, fractions, weight.parameter.numel())
    ]
    options: dict[str, list[Option]] = {name: [_dense_option(w)] for name, w in weights.items()}
    for weight, layer in tqdm(
        jobs, desc="sensitivity", disable=hidden(progress), unit="measurement"
    ):
        tucker = hosvd(dense_tensor(weight.parameter, layer), layer.rank)
        with _replaced(weight, tucker, layer.reshape):
            key = f"{weight.name} {layer.reshape.dims} {layer.rank}"
            value = known.measured(key, measured)
        loss = max(0.0, value - base) if math.isfinite(value) else math.inf
        options[weight.name].append(_option(weight, tucker, loss, layer.reshape))
    return _evidence(weights, options, what, curves)


def scan_rate(
    model: nn.Module,
    *,
    include: Sequence[Pattern] = (),
    exclude: Sequence[Pattern] = (),
    fractions: Sequence[float] = FRACTIONS,
    order: int | Literal["auto"] = "auto",
    reshape: str = "auto",
    progress: bool = True,
) -> Evidence:
    """Weigh bytes against energy, without any data.

    Parameters
    ----------
    model : a dense model
    include, exclude, fractions, order, reshape, progress : as for `scan_sensitivity`

    Returns
    -------
    Evidence whose loss is -log of the share of a weight's energy that is kept; plan with unit="bytes" to
    share out coded bytes

    Raises
    ------
    ValueError
        As `scan_sensitivity`.

    Examples
    --------
    >>> evidence = scan_rate(nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 30)), progress=False)
    >>> evidence.plan(400, unit="bytes").n_params < 1_200
    True
    """
    weights = _weights(model, include, exclude, fractions)
    options = {name: [_dense_option(weight)] for name, weight in weights.items()}
    curves = _curves(weights, order, reshape)
    for name in tqdm(weights, desc="rate", disable=hidden(progress), unit="weight"):
        weight = weights[name]
        for layer in _layers(curves[name][0], fractions, weight.parameter.numel()):
            tensor = dense_tensor(weight.parameter, layer)
            tucker = hosvd(tensor, layer.rank)
            kept = energy_share(tucker.core, tensor)
            loss = -math.log(min(1.0, max(kept, 1e-300)))
            options[name].append(_option(weight, tucker, loss, layer.reshape))
    return _evidence(weights, options, "-log of the energy kept", curves)


class _Kept:
    """Measurements in a JSON file, each written as it is made."""

    def __init__(self, path: Path | None, of_scan: str, base: float) -> None:
        self._path, self._of_scan = path, of_scan
        self._values: dict[str, float | None] = {"dense": base}
        if path is not None and path.exists():
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                fits, self._values = content["mark"] == of_scan, dict(content["measured"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{path} holds no scan ({error}); delete it or name another"
                ) from error
            if not fits:
                raise ValueError(
                    f"{path} holds the scan of another model; delete it or name another"
                )
            there = self._values.get("dense")
            if there is None or not math.isclose(there, base, rel_tol=_SAME, abs_tol=_SAME):
                raise ValueError(
                    f"{path} holds the scan of other data: the dense model measures {base:g}, and "
                    f"{there} there; delete it or name another"
                )

    def measured(self, key: str, measure: Callable[[], float]) -> float:
        if key not in self._values:
            value = measure()
            self._values[key] = value if math.isfinite(value) else None
            if self._path is not None:
                write_json(self._path, {"mark": self._of_scan, "measured": self._values})
        value_kept = self._values[key]
        return math.inf if value_kept is None else value_kept


def _weights(
    model: nn.Module,
    include: Sequence[Pattern],
    exclude: Sequence[Pattern],
    fractions: Sequence[float],
) -> dict[str, Weight]:
    if not fractions or not all(0 < fraction < 1 for fraction in fractions):
        raise ValueError(f"fractions are {tuple(fractions)}; numbers between 0 and 1 are needed")
    weights = {weight.name: weight for weight in survey(model, include, exclude).weights}
    if not weights:
        raise ValueError(f"{type(model).__name__} has no weight to scan; `survey` says why")
    check_values(weights)
    return weights


def _curves(
    weights: Mapping[str, Weight],
    order: int | Literal["auto"],
    reshape: str,
    *,
    each_family: bool = False,
) -> dict[str, list[WeightOptions]]:
    """Every useful core shape of every weight, of all families together or of each."""
    family, wanted = check_family(reshape), check_order(order)
    curves = {}
    for name, weight in weights.items():
        options = weight_options(name, dense_array(weight.parameter), family, wanted)
        curves[name] = options.by_family() if each_family else [options]
    return curves


def _layers(curve: WeightOptions, fractions: Sequence[float], size: int) -> list[LayerPlan]:
    """The plans to try: one for each fraction that any fits into, each once, largest first."""
    limits = [int(fraction * size) for fraction in sorted(fractions, reverse=True)]
    places = [int(np.searchsorted(curve.costs, n, side="right")) - 1 for n in limits]
    return [curve.plan(place) for place in dict.fromkeys(places) if place >= 0]


@contextmanager
def _replaced(weight: Weight, tucker: TuckerTensor, reshape: ReshapePlan) -> Iterator[None]:
    """Let a weight be its approximation for a while."""
    values = weight.parameter.detach()
    before = values.clone()
    dense = reshape.undo(tucker.to_tensor())
    try:
        values.copy_(torch.from_numpy(np.ascontiguousarray(dense)))
        yield
    finally:
        values.copy_(before)


def _dense_option(weight: Weight) -> Option:
    """The weight as it is: all ranks full, nothing lost."""
    straight = tuple(range(len(weight.shape)))
    reshape = ReshapePlan(weight.shape, weight.shape, straight, "dense")
    tensor = dense_array(weight.parameter)
    return _option(weight, TuckerTensor(tensor, (None,) * tensor.ndim), 0.0, reshape)


def _option(weight: Weight, tucker: TuckerTensor, loss: float, reshape: ReshapePlan) -> Option:
    symbols = [
        None if part is None else quantize(part, rms_step(part, _LEVELS))
        for part in (tucker.core, *tucker.factors)
    ]
    core, *factors = symbols
    assert core is not None
    coded = CodedParameter(weight.name, reshape, core, tuple(factors), 0)
    bits = coded_bits(CompressedNetwork("scan", (coded,)))[weight.name]
    return Option(tuple(tucker.core.shape), coded.n_params, math.ceil(bits / 8), loss, reshape)


def _evidence(
    weights: Mapping[str, Weight],
    options: Mapping[str, list[Option]],
    what: str,
    curves: Mapping[str, Sequence[WeightOptions]],
) -> Evidence:
    shapes = {name: weight.shape for name, weight in weights.items()}
    return Evidence(shapes, {name: tuple(own) for name, own in options.items()}, what, curves)

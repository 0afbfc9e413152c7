"""Rounding alone: every weight keeps all its parameters, and they are rounded to integers."""

from collections.abc import Sequence

from torch import nn

from torch_bridge.compression.compress import CompressionReport, compress_model
from torch_bridge.compression.survey import Pattern, survey
from torch_bridge.quantization.qat import attach_quantizers
from tucker_core import NetworkPlan


def quantize_model(
    model: nn.Module,
    levels: float = 8.0,
    *,
    include: Sequence[Pattern] = (),
    exclude: Sequence[Pattern] = (),
    dry_run: bool = False,
) -> CompressionReport:
    """Round the weights of a model, in place, without a decomposition: what Tucker has to beat.

    Parameters
    ----------
    model : dense; trained on, it learns to live with its steps (quantisation-aware training)
    levels : steps per root mean square of each weight: fewer levels, fewer bytes
    include, exclude : patterns, as for `compress_model`
    dry_run : only say which weights; the model is not touched

    Returns
    -------
    CompressionReport, as of `compress_model`; `to_network(model, name)` and `save` write the file

    Raises
    ------
    ValueError
        If levels is not positive, or as `compress_model`.

    Examples
    --------
    >>> from torch_bridge import to_network
    >>> model = nn.Sequential(nn.Linear(30, 20))
    >>> quantize_model(model).params
    620
    >>> to_network(model, "mine").parameters[0].n_params
    600
    """
    if not levels > 0:
        raise ValueError(f"levels is {levels}; a positive number of steps is needed")
    found = survey(model, include, exclude).weights
    plan = NetworkPlan.whole({weight.name: weight.shape for weight in found})
    if not found:
        return compress_model(
            model, 1, include=include, exclude=exclude
        )  # which says why there is nothing
    report = compress_model(model, plan, include=include, exclude=exclude, dry_run=dry_run)
    if not dry_run:
        attach_quantizers(model, levels)
    return report

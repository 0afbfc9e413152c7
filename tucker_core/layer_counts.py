"""How many weights of a result are Tucker at all: what is at full rank is a dense weight, rounded."""

from collections.abc import Mapping
from typing import Any, NamedTuple

_TUCKER = {
    "ada": "ADA-Tucker",
    "scada": "SCADA-Tucker",
    "scada-groups": "SCADA-Tucker in groups",
}


class LayerCounts(NamedTuple):
    """Weights of a compressed network by what Tucker did to them.

    Attributes
    ----------
    weights : of the plan
    dense : whose rank is their dims in every mode: dense weights, rounded
    wide : with a factor wider than its mode, J_n > I_n
    """

    weights: int
    dense: int
    wide: int


def layer_counts(run: Mapping[str, Any]) -> LayerCounts:
    """Count the weights of a result of `ada-tucker bench` by their plan (name, dims, rank).

    Raises
    ------
    ValueError
        If the result does not say what its weights store.

    Examples
    --------
    >>> plan = [("fc1", (8, 9), (8, 9)), ("fc2", (8, 9), (2, 3)), ("fc3", (4, 9), (6, 3))]
    >>> layer_counts({"plan": plan})
    LayerCounts(weights=3, dense=1, wide=1)
    """
    plan = run.get("plan")
    if not plan:
        raise ValueError(
            f"the result of {run.get('command', 'a run')!r} has no plan, so nobody can say how many "
            "parameters its weights store; run the command again"
        )
    pairs = [(tuple(dims), tuple(rank)) for _, dims, rank in plan]
    wide = [any(j > i for i, j in zip(dims, rank, strict=True)) for dims, rank in pairs]
    return LayerCounts(len(pairs), sum(dims == rank for dims, rank in pairs), sum(wide))


def honest_title(run: Mapping[str, Any]) -> str:
    """What a result may be called: where most weights are dense, it is rounding and not Tucker.

    Raises
    ------
    ValueError
        As `layer_counts`.

    Examples
    --------
    >>> dense, small = ("fc1", (8, 9), (8, 9)), ("fc2", (8, 9), (2, 3))
    >>> honest_title({"recipe": {"method": "ada"}, "plan": [dense, small, small]})
    'ADA-Tucker, 1 of 3 weights dense'
    >>> honest_title({"recipe": {"method": "ada"}, "plan": [dense, dense, small]})
    'mostly rounding, 2 of 3 weights dense'
    >>> honest_title({"recipe": {"method": "rounding"}})
    'dense, QAT alone'
    """
    method = run["recipe"]["method"]
    if method == "rounding":
        return "dense, QAT alone"
    if method not in _TUCKER:
        return str(method)
    counts = layer_counts(run)
    name = "mostly rounding" if 2 * counts.dense > counts.weights else _TUCKER[method]
    said = [
        f"{counts.dense} of {counts.weights} weights dense" if counts.dense else "",
        f"{counts.wide} with a factor wider than its mode" if counts.wide else "",
    ]
    return ", ".join([name, *filter(None, said)])

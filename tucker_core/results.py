"""The one reader of result files, and of what others have published, in `data/records.json`.

Older files say things by older names; whoever reads them finds them under today's.
"""

from pathlib import Path
from typing import Any

from tucker_core.json_file import read_json
from tucker_core.shipped import shipped

_KEYS = {"journals": "history", "mark": "fingerprint", "start": "init"}
_STAGES = {"rounding": "qat"}  # of a recipe, and of what is listed by stage
_BY_STAGE = ("recipe", "history", "precisions")


def read_result(path: Path) -> dict[str, Any]:
    """Read a result file.

    Raises
    ------
    ValueError
        If it is damaged, or something else.
    OSError
        If it cannot be read.
    """
    return with_new_keys(read_json(path))


def with_new_keys(content: dict[str, Any]) -> dict[str, Any]:
    """The content of an older result by today's names; an outcome's "numbers" are its parameters.

    Examples
    --------
    >>> old = {"mark": "7f", "regimes": {"rounding": {"lr": 1.0}}, "wish": {"method": "ada"}}
    >>> with_new_keys(old)
    {'fingerprint': '7f', 'recipe': {'qat': {'lr': 1.0}, 'method': 'ada'}}
    """
    said = {_KEYS.get(name, name): value for name, value in content.items()}
    if "regimes" in said:
        said["recipe"] = said.pop("regimes") | said.pop("wish", {})
    for name in _BY_STAGE:
        if name in said:
            said[name] = {_STAGES.get(stage, stage): value for stage, value in said[name].items()}
    if "outcomes" in said:
        said["outcomes"] = [
            {"params" if key == "numbers" else key: value for key, value in outcome.items()}
            for outcome in said["outcomes"]
        ]
    return said


def published(model: str) -> list[dict[str, Any]]:
    """Published results of a network: name, bytes or ratio, error in percent or None, what is counted.

    Examples
    --------
    >>> published("lenet5")[1]["bytes"], published("resnet32")[2]["error"], published("unknown")
    (1520, 8.15, [])
    """
    records = _records()
    found = records.get(model) or records["benchmarks"].get(model)
    return found if isinstance(found, list) else []


def claimed_bytes(model: str) -> int:
    """Bytes that the paper's ratio means for a model; its error was not at hand.

    Examples
    --------
    >>> claimed_bytes("lenet5")
    2495
    """
    return int(_records()["paper"][model]["bytes"])


def _records() -> dict[str, Any]:
    return read_json(shipped("data/records.json"))

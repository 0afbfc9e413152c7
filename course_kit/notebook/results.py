"""What was measured: the JSON files of results/, read for notebooks, README and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tucker_core.results import read_result
from tucker_core.shipped import ROOT

RESULTS = ROOT / "results"

Result = dict[str, Any]


def results(pattern: str, folder: Path = RESULTS) -> list[Result]:
    """Read the result files whose names match a pattern, in order of their names.

    Examples
    --------
    >>> runs = results("demo_lenet5_mnist_seed*.json")
    >>> {run["model"] for run in runs}
    {'lenet5'}
    """
    paths = sorted(folder.glob(pattern))
    return [read_result(path) for path in paths]


def record_runs(model: str, recipe: str, folder: Path = RESULTS) -> list[Result]:
    """All results of a recipe of the records, by seed."""
    return results(f"record_{model}_{recipe}_seed*.json", folder)


def recipes(model: str, folder: Path = RESULTS) -> list[str]:
    """Recipes of a model that have results, the smallest files first.

    Examples
    --------
    >>> "lossless" in recipes("lenet5")
    True
    """
    sizes: dict[str, int] = {}
    for path in sorted(folder.glob(f"record_{model}_*_seed*.json")):
        recipe = path.stem.removeprefix(f"record_{model}_").rsplit("_seed", 1)[0]
        size = read_result(path)["rows"][0]["n_bytes"]
        sizes[recipe] = min(size, sizes.get(recipe, size))
    return sorted(sizes, key=lambda recipe: sizes[recipe])


def chosen(model: str, recipe: str, folder: Path = RESULTS) -> Result | None:
    """The run of least validation error, of equals the smallest file; None without results.

    That is the run whose file is shipped: the test images have no say in it.
    """
    runs = record_runs(model, recipe, folder)
    if not runs:
        return None
    return min(runs, key=lambda run: (run["rows"][0]["val_error"], run["rows"][0]["n_bytes"]))


def compressed_runs(runs: Sequence[Result]) -> list[Result]:
    """The runs of `ada-tucker bench` that made a network small: a row for it beside the dense one's.

    Examples
    --------
    >>> compressed_runs([{"rows": ["dense"]}, {"rows": ["dense", "small"]}])
    [{'rows': ['dense', 'small']}]
    """
    return [run for run in runs if len(run["rows"]) > 1]


small_twins = compressed_runs  # its name before

"""Every published result says what it is, how it was made and on what: the schema of results/*.json."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from torch_bridge.benchmarks.results import Row
from tucker_core.results import read_result

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "results").rglob("*.json"))
DATA_SETS = ("MNIST", "MNIST-5k", "CIFAR-10", "CIFAR-10-jpeg", "SVHN", "ILSVRC12")
ALWAYS: dict[str, type] = {"command": str, "date": str, "machine": dict, "versions": dict}
TRAINED: dict[str, type] = {
    "model": str,
    "data_set": str,
    "seed": int,
    "images": dict,
    "rows": list,
    "recipe": dict,
}
BENCH: dict[str, type] = TRAINED | {"benchmark": str, "history": dict}
KINDS: tuple[tuple[str, dict[str, type]], ...] = (  # the first pattern that fits counts
    (r"bench_[\w-]+_dryrun", {"costs": list, "device": str, "note": str}),
    (r"bench_[\w-]+_overhead", {"dense": dict, "tucker": dict, "ratios": dict, "rounds": int}),
    (r"bench_.*_dense-.*_seed\d+", BENCH),
    (r"bench_.*_seed\d+", BENCH | {"plan": list, "points_lost": float, "fingerprint": str}),
    (r"bench_(core|layer|rebuild|implementations|sharing)", {"rows": list, "threads": int}),
    (r"bench_step", {"rows": list}),
    (r"bench_where", {"milliseconds": dict, "threads": int}),
    (r"gpu_\w+", {"part": str, "device": str}),
    (r"bench_grading", {"students": int, "jobs": int, "isolation": str, "measured": dict}),
    (r"zoo_(energy|tuning|bytes|efficientnet)_\w+", {"network": str, "seed": int, "packages": dict,
                                                     "cpu_seconds": float}),
    (r"bench_shapes", {"networks": list}),
    (r"(compare|rates)_.*", {"benchmark": str, "data_set": str, "seeds": list, "dense": dict,
                             "runs": list, "recipe": dict}),
    (r"shapes_.*", {"benchmark": str, "data_set": str, "seeds": list, "fraction": float, "runs": list}),
    (r"ablation_.*", {"study": str, "model": str, "data_set": str, "outcomes": list}),
    (r"profile_\w+", {}),
    (r"(demo|dense|numbers|record)_.*_seed\d+|lenet[\w.]+_s\d+", TRAINED),
)  # fmt: skip


def faults(name: str, content: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a result file."""
    kind = next((keys for pattern, keys in KINDS if re.fullmatch(pattern, name)), None)
    if kind is None:
        yield "its name is that of no kind of result"
    for key, wanted in {**ALWAYS, **(kind or {})}.items():
        if not isinstance(content.get(key), wanted):
            yield f"{key} is {content.get(key)!r}, no {wanted.__name__}"
    if "data_set" in content and content["data_set"] not in DATA_SETS:
        yield f"data_set is {content['data_set']!r}, none of {DATA_SETS}"
    try:
        date.fromisoformat(str(content.get("date")))
    except ValueError as error:
        yield f"date: {error}"
    if kind is not None and "images" in kind:
        for row in content.get("rows", ()):
            yield from row_faults(row)
    yield from not_finite(content)


def row_faults(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a row of a trained network: its fields, and whether they fit each other."""
    fields = set(Row.__dataclass_fields__)
    if set(row) != fields:
        yield f"a row has {sorted(row)}, not {sorted(fields)}"
        return
    if not (row["params"] > 0 and row["n_bytes"] > 0 and row["ratio"] > 0):
        yield f"{row['name']} stores nothing"
    for error in ("val_error", "test_error"):
        if not 0 <= row[error] <= 100:
            yield f"{row['name']} has a {error} of {row[error]} %"


def not_finite(value: object, place: str = "") -> Iterator[str]:
    """Numbers that are none."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{place} is {value}"
    for key, inner in (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    ):
        yield from not_finite(inner, f"{place}/{key}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_result_file_keeps_the_schema(path: Path) -> None:
    assert not list(faults(path.stem, read_result(path)))


def test_there_are_results() -> None:
    assert len(FILES) > 50


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"command": None}, "command"),
        ({"date": "yesterday"}, "date"),
        ({"data_set": "CIFAR"}, "data_set"),
        ({"seed": "0"}, "seed"),
        ({"rows": [{"name": "x"}]}, "a row"),
        ({"machine": {"cores": math.nan}}, "/machine/cores"),
    ],
)
def test_a_fault_would_be_seen(change: dict[str, Any], word: str) -> None:
    name = "demo_lenet5_mnist_seed0"
    content = read_result(ROOT / "results" / f"{name}.json")
    found = list(faults(name, content | change))
    assert len(found) == 1
    assert word in found[0]


def test_an_unknown_kind_and_an_impossible_row_would_be_seen() -> None:
    path = ROOT / "results" / "demo_lenet5_mnist_seed0.json"
    content = read_result(path)
    assert list(faults("table_lenet5", content))
    bad = content["rows"][0] | {"test_error": 101.0, "params": 0}
    assert len(list(row_faults(bad))) == 2

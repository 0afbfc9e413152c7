"""The part of docs/benchmarks.md on studies: shapes, rate against rank, shared cores, from results/."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from course_kit.notebook.results import results

SHAPES = """## Which dims? The paper's second figure on a modern network

`ada-tucker bench NAME --shapes` begins with the HOSVD of one dense network, at one fraction of its
parameters, for every order and family of dims; nothing is rounded. Dims and rank are those of the largest
weight.
"""
RATES = """## Rank against rate: few fine parameters or many coarse ones

`ada-tucker bench NAME --compare --fractions 1 0.5 ...` lets fewer parameters share the same bytes with
more bits each; at 1 it is QAT alone. All rows of a size have the same epochs, teacher and coder.
"""
SHARED = """## When does one shared core pay?

`ada-tucker ablate shared`: one core for all layers (SCADA) against a core for each, with the same dims,
at the same number of parameters, from very few upwards. Medians of the seeds, ranges in brackets.
"""

SHARING = """Before any training: the energy of all weights together that truncation loses
(`python -m tools.bench.sharing`), with the parameters that are stored. One core for all is never wider
than the narrowest layer, so it cannot use a large budget; a core for each group of weights of equal shape
can.

| network | allowed | a core each | a core for each group | one core for all |
| --- | --- | --- | --- | --- |"""
WAYS = ("ada", "scada-groups", "scada")


def studies() -> Iterator[str]:
    """A section for every study that was run."""
    yield from _sections("shapes_*.json", SHAPES, _shapes)
    yield from _sections("rates_*.json", RATES, _rates)
    if shared := results("ablation_shared_*.json"):
        yield SHARED
    for content in shared:
        data_set = content["data_set"]
        yield f"![Error against parameters](../results/ablation_shared_{data_set.lower()}.png)\n"
        yield from _shared(content)
    for content in results("bench_sharing.json"):
        yield SHARING
        yield from _sharing(content["rows"])
        yield f"\nMeasured {content['date']} by `{content['command']}`.\n"


def _sections(pattern: str, head: str, table: Any) -> Iterator[str]:
    found = results(pattern)
    if found:
        yield head
    for content in found:
        name, data_set, dense = content["benchmark"], content["data_set"], content["dense"]
        stages = ", ".join(f"{stage['epochs']} epochs" for stage in content["recipe"].values())
        kind = pattern.partition("_")[0]
        yield f"### {name} on {data_set}\n"
        yield f"![{head.splitlines()[0][3:]}](../results/{kind}_{name}_{data_set.lower()}.png)\n"
        yield (
            f"Seeds {', '.join(map(str, content['seeds']))}; {stages}. The dense network has "
            f"{dense['params']:,} parameters and an error of {dense['test_error']:.2f} %. Measured "
            f"{content['date']} by `{content['command']}`.\n"
        )
        yield from table(content)
        yield ""


def _shapes(content: dict[str, Any]) -> Iterator[str]:
    yield "| order | dims | largest weight | rank | parameters | energy lost | test error |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for run in content["runs"]:
        if "row" not in run:
            yield f"| {run['order']} | {run['title']} | {run['reason']} |  |  |  |  |"
            continue
        dims, rank = (" x ".join(map(str, run[key])) for key in ("dims", "rank"))
        yield (
            f"| {run['order']} | {run['title']} | {dims} | {rank} | {run['row']['params']:,} | "
            f"{run['energy_lost']:.1%} | {run['row']['test_error']:.2f} % |"
        )


def _rates(content: dict[str, Any]) -> Iterator[str]:
    yield "| parameters | of dense | bits each, planned | bytes | val error | test error |"
    yield "| --- | --- | --- | --- | --- | --- |"
    dense = content["dense"]["params"]
    for run in content["runs"]:
        if "row" not in run:
            yield f"| {run['reason']} |  | {run['bits']:.1f} |  |  |  |"
            continue
        row = run["row"]
        yield (
            f"| {row['params']:,} | {row['params'] / dense:.1%} | {run['bits']:.1f} | "
            f"{row['n_bytes']:,} | {row['val_error']:.2f} % | {row['test_error']:.2f} % |"
        )


def _shared(content: dict[str, Any]) -> Iterator[str]:
    """One row for each network and budget: own cores beside one shared core."""
    found: dict[tuple[str, str], dict[str, list[Any]]] = {}
    for outcome in content["outcomes"]:
        network, way, budget = outcome["setting"].split(", ")
        found.setdefault((network, budget), {}).setdefault(way, []).append(outcome)
    yield "| network | parameters | own cores | one shared core |"
    yield "| --- | --- | --- | --- |"
    for (network, budget), ways in found.items():
        cells = (_range(ways.get(way, [])) for way in ("own cores", "one shared core"))
        yield f"| {network} | {budget} | {' | '.join(cells)} |"
    yield f"\nMeasured {content['date']} by `{content['command']}`.\n"


def _range(outcomes: list[Any]) -> str:
    errors = [outcome["test_error"] for outcome in outcomes]
    if not errors:
        return "not run"
    return f"{median(errors):.2f} % ({min(errors):.2f}-{max(errors):.2f})"


def _sharing(rows: list[Any]) -> Iterator[str]:
    """One row for each network and fraction of its parameters."""
    found = {(row["network"], row["fraction"], row["method"]): row for row in rows}
    for network, fraction in dict.fromkeys(key[:2] for key in found):
        ways = (found[network, fraction, way] for way in WAYS)
        cells = (
            f"{row['energy_lost']:.1%} ({row['stored']:,})" if "stored" in row else row["reason"]
            for row in ways
        )
        yield f"| {network} | {fraction:.0%} | {' | '.join(cells)} |"

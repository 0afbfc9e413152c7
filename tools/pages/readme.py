"""The numbers of README.md and docs/results.md: `python -m tools.pages.readme [--check]`.

Everything between `<!-- NAME:begin -->` and `<!-- NAME:end -->` is made here from results/*.json, so that
no number is typed by hand. A test runs `--check`.
"""

import argparse
import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from course_kit.notebook.results import Result, chosen, record_runs, results
from tools.notebooks.colab import colab
from tools.pages.benchmark_rows import compressed_table
from tools.pages.comparisons import verdicts
from tools.release.records import SHOWN
from torch_bridge.benchmarks.recipes import RECORDS
from tucker_core.files import replacing
from tucker_core.results import claimed_bytes, published

ROOT = Path(__file__).resolve().parents[2]
DEMOS = (
    "demo_lenet5_mnist_seed*.json",
    "demo_lenet300_mnist_seed*.json",
    "demo_lenet5_mnist5k_seed*.json",
)


def spread(values: list[float], form: str) -> str:
    """Format a median and, where there are several values, their range."""
    middle = form.format(statistics.median(values))
    if len(values) == 1 or min(values) == max(values):
        return middle
    return f"{middle} ({form.format(min(values))} to {form.format(max(values))})"


def table() -> str:
    """Build the result table: median and range over the seeds of every demo run."""
    lines = [
        "| data set | network | parameters | bytes | ratio | test error | training, s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for pattern in DEMOS:
        group = results(pattern)
        if not group:
            continue
        for rows in zip(*(run["rows"] for run in group), strict=True):
            error = spread([row["test_error"] for row in rows], "{:.2f}")
            cells = (
                group[0]["data_set"],
                f"{group[0]['model']}: {rows[0]['name']}",
                spread([row["params"] for row in rows], "{:,.0f}"),
                spread([row["n_bytes"] for row in rows], "{:,.0f}"),
                spread([row["ratio"] for row in rows], "{:,.0f}x"),
                f"{error} %",
                spread([row["seconds"] for row in rows], "{:.0f}"),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", _provenance()])


def _provenance() -> str:
    group = results("demo_lenet5_mnist_seed*.json")
    seeds = ", ".join(str(run["seed"]) for run in group)
    machine = group[0]["machine"]
    return (
        f"Seeds: {seeds}; measured {group[0]['date']} on {machine['cores']} cores of "
        f"{machine['cpu']}; from `results/demo_*.json`, which hold the commands. Bytes are the whole "
        "file; the decoder and the architecture's code are not counted, as in the literature. Errors "
        "are those of the network decoded from the file."
    )


def records_table() -> str:
    """Build the table of records: median and range over each recipe's seeds, and the shipped file."""
    lines = [
        "| network | recipe | seeds | bytes | ratio | test error | minutes | "
        "shipped: bytes, validation, test |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for model, recipe in RECORDS:
        group = record_runs(model, recipe)
        best = chosen(model, recipe)
        if not group or best is None:
            continue
        rows = [run["rows"][0] for run in group]
        file = best["rows"][0]
        shipped = f"{file['n_bytes']:,}, {file['val_error']:.2f} %, {file['test_error']:.2f} %"
        cells = (
            model,
            f"`{recipe}`",
            ", ".join(str(run["seed"]) for run in group),
            spread([row["n_bytes"] for row in rows], "{:,.0f}"),
            spread([row["ratio"] for row in rows], "{:,.0f}x"),
            f"{spread([row['test_error'] for row in rows], '{:.2f}')} %",
            spread([row["seconds"] / 60 for row in rows], "{:.0f}"),
            f"[{shipped}](data/models/{model}_{recipe}.ada)",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", _published()])


def lossless_table() -> str:
    """Build the table of losses: our dense nets, compressed ones before QAT, and the files."""
    lines = [
        "| network | what | stored | seeds | test error |",
        "| --- | --- | --- | --- | --- |",
    ]
    for model in ("lenet5", "lenet300"):
        kinds = {
            "dense, same augmentation": results(f"dense_{model}_as-dense_seed*.json"),
            "ADA-Tucker, before QAT": results(f"numbers_{model}_lossless_seed*.json"),
            "`as-dense`, whole file": record_runs(model, "as-dense"),
        }
        for kind, group in kinds.items():
            if group:
                lines.append(f"| {model} | {kind} | {_stored(group)} |")
    return "\n".join(lines)


def _stored(group: list[Result]) -> str:
    """The last three cells of a row: what is stored, seeds, test error."""
    rows = [run["rows"][0] for run in group]
    counted = "n_bytes" if ".ada" in rows[0]["name"] else "params"
    unit = "bytes" if counted == "n_bytes" else "parameters"
    seeds = ", ".join(str(run["seed"]) for run in group)
    error = spread([row["test_error"] for row in rows], "{:.2f}")
    return f"{spread([row[counted] for row in rows], '{:,.0f}')} {unit} | {seeds} | {error} %"


def _published() -> str:
    parts = []
    for model in ("lenet5", "lenet300"):
        listed = "; ".join(
            f"{r['name']} {r['bytes']:,} bytes at {r['error']} %" for r in published(model)[:3]
        )
        claim = claimed_bytes(model)
        parts.append(f"{model}: {listed}; the paper claims {claim:,} bytes without loss")
    return (
        f"Published, for comparison: {'. '.join(parts)}. What each of these counts, and its source, is "
        "in [data/records.json](data/records.json)."
    )


def headline() -> str:
    """Build the sentence under the picture, from the shipped run."""
    run = chosen(*SHOWN)
    if run is None:
        raise SystemExit(f"results/ has no record of {SHOWN}: run tools/release/records.py")
    row = run["rows"][0]
    claim = claimed_bytes(run["model"])
    return (
        f"This QR code *is* a LeNet-5: its {row['n_bytes']:,} bytes are the whole file, "
        f"{row['ratio']:,.0f} times smaller than the dense network, and the network decoded from it "
        f"misreads {row['test_error']:.2f} % of MNIST's 10,000 test digits. The smallest peer-reviewed "
        f"LeNet-5 that names its bytes, MIRACLE's, has {published('lenet5')[1]['bytes']:,} at "
        f"{published('lenet5')[1]['error']} %; the ADA-Tucker paper's 691x would be {claim:,} bytes."
    )


def speed() -> str:
    """Sum up the benchmark: how often ahead of the best peer, how many floors and aims."""
    (core,) = results("bench_core.json")
    (layer,) = results("bench_layer.json")
    rows = core["rows"]
    ratios = [row["ratio"] for row in rows]
    floors = sum(row["ratio"] >= row["floor"] for row in rows)
    aims = sum(row["ratio"] >= row["aim"] for row in rows)
    relative = {row["layer"]: row["relative"] for row in layer["rows"]}
    ahead, middle = sum(ratio > 1 for ratio in ratios), statistics.median(ratios)
    rebuilt, factorized = relative["ours, weight rebuilt"], relative["ours, factorised"]
    return (
        f"Of {len(rows)} cases (float32 and float64) {ahead} are faster than the best peer, by a median "
        f"of {middle:.1f}x; {floors} floors and {aims} aims are met. A training step of LeNet-5's first "
        f"dense layer takes, relative to `nn.Linear`, {rebuilt:.2f} with the weight reconstructed, "
        f"{factorized:.2f} with the factorized forward, and {relative['plain torch chain']:.2f} as a "
        f"plain chain in torch. Measured {core['date']} on {core['machine']['cpu']}; "
        "all rows are in [results/bench_core.json](results/bench_core.json)."
    )


SHORT = (
    ("lenet5", "small"), ("lenet5", "lossless"), ("lenet5", "as-dense"),
    ("lenet300", "smallest"), ("lenet300", "lossless"), ("lenet300", "as-dense"),
)  # fmt: skip


def summary() -> str:
    """Six recipes at a glance: medians over their seeds."""
    head = "| network | recipe | parameters stored | bytes | smaller | test error |"
    lines = [head, "| --- | --- | --- | --- | --- | --- |"]
    for model, recipe in SHORT:
        rows = [run["rows"][0] for run in record_runs(model, recipe)]
        params, size, ratio, error = (
            statistics.median(row[key] for row in rows)
            for key in ("params", "n_bytes", "ratio", "test_error")
        )
        lines.append(
            f"| {model} | `{recipe}` | {params:,.0f} | {size:,.0f} | {ratio:,.0f}x | {error:.2f} % |"
        )
    return "\n".join(lines)


Parts = dict[str, Callable[[], str]]
README: Parts = {"headline": headline, "colab": colab, "summary": summary}
RESULTS: Parts = {
    "records": records_table,
    "lossless": lossless_table,
    "results": table,
    "compressed": compressed_table,
    "comparison": verdicts,
    "speed": speed,
}
PAGES = {"README.md": README, "docs/results.md": RESULTS}
TO_A_FILE = re.compile(r"(?<=\]\()(?=(?:data|results)/)")


def fill(text: str, page: str) -> str:
    """Replace what stands between each pair of marks of a page."""
    up = "../" * page.count("/")
    for name, make in PAGES[page].items():
        marks = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
        pieces = marks.split(text)
        if (count := len(pieces) // 3) != 1:
            raise SystemExit(f"{page}: {count} places marked {name!r}; exactly one is needed")
        text = "".join((*pieces[:2], TO_A_FILE.sub(up, make()), "\n", *pieces[2:]))
    return text


def main() -> int:
    """Fill the pages, or with --check only say whether they are up to date."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if a page is stale"
    )
    check, stale = options.parse_args().check, False
    for page in PAGES:
        path = ROOT / page
        old = path.read_text(encoding="utf-8")
        new = fill(old, page)
        if check and new != old:
            told = f"{page}: numbers differ from results/; run python -m tools.pages.readme"
            print(told, file=sys.stderr)
            stale = True
        if not check:
            with replacing(path) as temporary:
                temporary.write_text(new, encoding="utf-8")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())

